"""The picture on the page: how it is displayed, what was found, and its plan."""

from pathlib import Path

import gradio as gr

from restora.app import phrases
from restora.app.guard import one_of
from restora.app.page_jobs import SHOWN, THUMBNAIL, own_folder, preview
from restora.app.page_layout import Updates
from restora.app.page_plan import PlanEvents
from restora.app.plan_form import Draft
from restora.app.review import Sight, admitted, plan_as_found
from restora.core.errors import Truncated
from restora.work.purpose import sharpens


class Seen(PlanEvents):
    """Pictures and what was found."""

    def seen(self, sights: list[Sight], scale: float) -> Updates:
        """The findings, beside the picture or the pictures."""
        alone = {part: gr.update(visible=len(sights) == 1) for part in (self.plan, self.against, self.mark, self.blur)}
        ready = {self.status: "", self.go: gr.update(visible=True)} | alone
        if len(sights) > 1:
            return ready | {
                self.pile: self.piled([sight.path for sight in sights]),
                self.findings: phrases.several(sights),
                self.hint: phrases.note("Each gets its own plan. The results come as one zip; some may be unchanged."),
                **self.drafted(None, sights),
            }
        target, factor = self.previewed(sights[0].path)
        draft = Draft(plan_as_found(sights[0], scale))
        return ready | {
            self.picture: gr.update(value=str(target), visible=True),
            self.hint: phrases.smaller(factor),
            self.findings: phrases.findings(sights[0]),
            **self.drafted(draft, sights),
            self.blur: gr.update(visible=not any(map(sharpens, draft.plan.steps))),
        }

    def previewed(self, path: Path, most: int = SHOWN) -> tuple[Path, int]:
        """A picture to display, and by which factor it is smaller."""
        target = own_folder(self.jobs) / "preview.png"
        with one_of(self.slots):
            try:
                return target, preview(admitted(path, self.jobs.limits, path.name), target, most)
            except Truncated:  # the part that is present was requested
                return target, preview(admitted(path, self.jobs.limits, path.name, salvage=True), target, most)

    def piled(self, paths: list[Path]) -> Updates:
        """Several pictures, small."""
        small = [(str(self.previewed(path, THUMBNAIL)[0]), path.name) for path in paths]
        return gr.update(value=small, visible=True)
