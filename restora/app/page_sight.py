"""The picture on the page: how it is displayed, what was found, and its plan."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

import gradio as gr

from restora.app import phrases
from restora.app.guard import one_of
from restora.app.page_items import Item, cards, facts
from restora.app.page_jobs import SHOWN, own_folder, preview
from restora.app.page_layout import Updates
from restora.app.page_plan import PlanEvents
from restora.app.plan_form import Draft
from restora.app.review import Sight, admitted, look, plan_as_found
from restora.core.errors import Truncated
from restora.files.picture import Picture
from restora.signs.table import SIGNS
from restora.work.purpose import sharpens


@dataclass(frozen=True)
class Progress:
    """What is done now, in words, and how much was done before."""

    words: str
    done: int
    total: int


class Seen(PlanEvents):
    """Pictures and what was found."""

    def examined(self, path: Path, name: str, salvage: bool) -> Iterator[Item | Progress]:
        """A picture to display, as soon as it can be; then what is looked for; then the picture with what was found.

        Raises RestoraError.
        """
        with one_of(self.slots):
            item = Item(name, self.views.of(path, name, salvage))
        yield item
        yield from self._looked_at(item, path, salvage)

    def _looked_at(self, item: Item, path: Path, salvage: bool) -> Iterator[Item | Progress]:
        """It is examined in a thread of its own, which says what it does."""
        said: SimpleQueue[str | Sight | Exception] = SimpleQueue()

        def examine() -> None:
            try:
                with one_of(self.slots):  # not while the visitor is waited for, who may have left
                    said.put(look(path, self.jobs.limits, item.name, salvage, said.put))
            except Exception as error:
                said.put(error)

        threading.Thread(target=examine, daemon=True).start()
        done = 0
        while isinstance(now := said.get(), str):
            yield Progress(now, done, len(SIGNS) + 1)
            done += 1
        if isinstance(now, Exception):
            raise now
        yield replace(item, sight=now)

    def seen(self, items: Sequence[Item], scale: float) -> Updates:
        """The findings, beside the picture or the pictures, which were all examined."""
        sights = [item.sight for item in items if item.sight]
        alone = {part: gr.update(visible=len(sights) == 1) for part in (self.plan, self.against, self.mark, self.blur)}
        ready = {
            **{self.items: list(items), self.sights: sights, self.status: "", self.hint: ""},
            **{self.facts: facts(items), self.cards: cards(items), self.picture: gr.update(visible=False)},
            self.go: gr.update(visible=True, value="Restore", variant="primary"),
            **{self.scale: gr.update(value=scale, visible=True), self.another: gr.update(visible=True)},
            **alone,
        }
        if len(sights) > 1:
            return ready | {
                self.findings: phrases.several(len(sights)),
                **self.drafted(None, sights),
            }
        draft = Draft(plan_as_found(sights[0], scale))
        return ready | {
            self.findings: phrases.findings(sights[0]),
            **self.drafted(draft, sights),
            self.blur: gr.update(visible=not any(map(sharpens, draft.plan.steps))),
        }

    def previewed(self, path: Path) -> tuple[Path, int]:
        """A picture to paint on, and by which factor it is smaller."""
        with one_of(self.slots):
            try:
                picture = admitted(path, self.jobs.limits, path.name)
                return self._previewed(picture)
            except Truncated:  # the part that is present was requested
                return self._previewed(admitted(path, self.jobs.limits, path.name, salvage=True))

    def _previewed(self, picture: Picture) -> tuple[Path, int]:
        target = own_folder(self.jobs) / f"preview.{'png' if picture.has_alpha else 'jpg'}"
        return target, preview(picture, target, SHOWN)
