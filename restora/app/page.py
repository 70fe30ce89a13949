"""The web page: drop a photograph, read the findings, change the plan, restore, compare, download.

It does what the API does, with the same functions, jobs and limits; uploads are in a folder of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Any

import gradio as gr

from restora.app import phrases
from restora.app.guard import Bounds, one_of
from restora.app.kernel_form import edits_of, found, with_sharpening
from restora.app.page_jobs import (
    SHOWN,
    THUMBNAIL,
    Outcome,
    carried_out,
    mask_of,
    own_file,
    own_folder,
    preview,
    scores,
    zipped,
)
from restora.app.page_layout import Layout
from restora.app.plan_form import (
    Draft,
    Kept,
    blurred_otherwise,
    changed,
    form,
    has_work,
    newest,
    read_form,
    with_one_more,
)
from restora.app.review import Sight, admitted, look, plan_as_found
from restora.app.samples import samples
from restora.core.errors import BadPlan, RestoraError, Truncated
from restora.work.fix import NORMAL, with_strength
from restora.work.jobs import Jobs
from restora.work.plan import FLAGSHIP, fills, sharpens, with_filling

Updates = dict[Any, Any]


class Page(Layout):
    """The events of the page."""

    def __init__(self, jobs: Jobs, bounds: Bounds, slots: Semaphore) -> None:
        self.jobs, self.bounds, self.slots = jobs, bounds, slots
        self.minutes = jobs.keep_seconds / 60
        with gr.Blocks(title="Restora", analytics_enabled=False) as self.blocks:
            self.sights, self.draft, self.job = gr.State([]), gr.State(None), gr.State("")
            gr.HTML(phrases.TITLE)
            self.trouble = gr.HTML(elem_id="trouble")
            self.kept = gr.State((None, None))  # the draft of the form on the page, and the plan of its values
            self.came = gr.State([])  # uploads that include a truncated file
            with gr.Row(visible=False, elem_id="question") as self.question:
                self.asked = gr.HTML()
                self.salvage = gr.Button("Restore the part that is present", size="md", elem_id="salvage")
            with gr.Column(elem_id="start") as self.start:
                self.lay_out_start()
            with gr.Row(elem_id="desk", visible=False) as self.desk:
                with gr.Column(scale=5, min_width=320, elem_id="sight"):
                    self.lay_out_picture()
                with gr.Column(scale=3, min_width=320, elem_id="side"):
                    self.lay_out_side()
            with self.plan:
                # Also at once: several pictures have no draft, and Restore depends on it.
                triggers = [self.blocks.load, self.draft.change]
                gr.render(inputs=[self.sights, self.draft], triggers=triggers)(self._lay_out_plan)
            gr.HTML(phrases.FOOT.format(minutes=self.minutes))
            self._wire()
        self.blocks.queue(max_size=4 * jobs.most_waiting, default_concurrency_limit=bounds.at_once)

    def _lay_out_plan(self, sights: list[Sight], draft: Draft | None) -> None:
        """The form of a draft; built again whenever the draft changes."""
        parts = form(draft, self.jobs) if draft else []
        inputs = [self.sights, *parts]
        if draft:
            for part in parts:
                other = {gr.Dropdown: changed, gr.Radio: blurred_otherwise}.get(type(part))
                if other:
                    part.change(partial(other, draft), inputs, self.draft, **QUIET)
                else:
                    kept = partial(self.keep, draft), inputs, self.kept
                    gr.on(edits_of(part), *kept, trigger_mode="always_last", **QUIET)
            if FLAGSHIP not in [step.method for step in draft.plan.steps]:
                more = gr.Button("Remove noise first" if draft.plan.steps else "Remove noise anyway", size="sm")
                more.click(partial(with_one_more, draft), inputs, self.draft, **QUIET)
        self.go.click(
            partial(self.restore, draft),
            [self.sights, self.draft, self.scale, self.reference, self.strokes, self.strength, *parts],
            self.outputs,
            concurrency_limit=None,  # it only waits for its job; the number of jobs is limited
            js="(...inputs) => { inputs[4] = restoraStrokes(); return inputs; }",  # self.strokes
            **QUIET,
        ).then(None, js="() => document.getElementById('sight').scrollIntoView({block: 'nearest'})")
        drawn = gr.Timer(
            0.05
        )  # it ticks when this form is on the page: from now on the server knows a click on Restore
        drawn.tick(partial(self.is_drawn, draft), [self.sights, self.draft], [drawn, self.go], **QUIET)

    def _wire(self) -> None:
        self.outputs = [
            *(self.sights, self.draft, self.job, self.trouble, self.start, self.desk, self.upload, self.picture),
            *(self.compare, self.hint, self.take, self.download, self.report, self.scores, self.findings, self.status),
            *(self.go, self.stop, self.scale, self.plan, self.against, self.reference, self.pile),
            *(self.mark, self.tools, self.came, self.question, self.asked, self.strength),
            *(self.blur, self.found, self.kernel, self.take_kernel),
        ]
        self.blocks.load(self.offered, None, self.gallery, **QUIET)
        self.upload.upload(self.look, self.upload, self.outputs, **QUIET)
        self.salvage.click(partial(self.look, salvage=True), self.came, self.outputs, **QUIET)
        self.gallery.select(self.try_sample, None, self.outputs, **QUIET)
        self.scale.input(
            *(self.enlarge, [self.sights, self.draft, self.kept, self.scale], [self.draft, self.trouble]),
            trigger_mode="always_last",
            **QUIET,
        )
        # The server does not know a click on the previous form once the next one exists.
        self.draft.change(None, None, self.go, js="() => ({__type__: 'update', interactive: false})", **QUIET)
        now = [self.sights, self.draft, self.kept]
        self.mark.click(self.begin_to_mark, now, self.outputs, **QUIET)
        self.blur.click(self.begin_to_sharpen, now, self.outputs, **QUIET)
        self.stop.click(self.cancel, self.job, self.status, **QUIET)
        self.another.click(self.begin_again, self.job, self.outputs, **QUIET)

    def offered(self) -> list[tuple[str, str]]:
        """The samples as gallery items."""
        return [(str(sample.damaged), sample.caption) for sample in samples(self.jobs.page / "samples")]

    def try_sample(self, choice: gr.SelectData) -> Iterator[Updates]:
        """Open a sample; its clean original becomes the reference."""
        sample = samples(self.jobs.page / "samples")[choice.index]
        for updates in self.look([str(sample.damaged)], sample.scale):
            yield updates | {self.reference: str(sample.clean)}

    def begin_again(self, key: str = "") -> Updates:
        """The initial page; a pending job is cancelled."""
        self.jobs.cancel(key)
        return self._nothing() | {self.start: gr.update(visible=True), self.desk: gr.update(visible=False)}

    def _nothing(self) -> Updates:
        """No picture, no plan, no result."""
        hidden = gr.update(visible=False)
        return {
            **{self.sights: [], self.draft: None, self.job: "", self.upload: None, self.reference: None},
            **{self.trouble: "", self.status: "", self.scores: "", self.findings: "", self.hint: ""},
            **{self.scale: gr.update(value=1), self.take: hidden, self.stop: hidden},
            self.strength: gr.update(value=NORMAL),
            **dict.fromkeys((self.compare, self.picture, self.pile), gr.update(value=None, visible=False)),
            self.tools: "",
            **dict.fromkeys((self.go, self.mark, self.blur, self.question, self.found), hidden),
        }

    def look(self, paths: list[str] | None, scale: float = 1, salvage: bool = False) -> Iterator[Updates]:
        """Show the uploaded pictures, what is wrong with them, and the plan to restore and enlarge them by the scale.

        If a file is truncated, ask whether to use the part that is present; with `salvage`, use it.
        """
        files = [Path(path) for path in paths or []]
        shown = {self.start: gr.update(visible=False), self.desk: gr.update(visible=True)}
        yield self._nothing() | shown | {self.status: phrases.progress("Examining the pictures …")}
        sights: list[Sight] = []
        refused: list[str] = []
        truncated: list[str] = []
        if len(files) > self.jobs.most_waiting:
            refused, files = [f"at most {self.jobs.most_waiting} pictures can be uploaded at once"], []
        for number, path in enumerate(files, 1):
            try:
                with one_of(self.slots):
                    sights.append(look(own_file(path, self.jobs), self.jobs.limits, path.name, salvage))
            except Truncated:
                truncated.append(path.name)
            except RestoraError as error:
                refused.append(self.jobs.public(str(error)))
            if len(files) > 1:
                yield {self.status: phrases.progress(f"Examined {number} of {len(files)}", number, len(files))}
        trouble: Updates = {self.trouble: phrases.trouble("; ".join(refused))}
        if truncated:
            trouble |= {self.came: list(map(str, files)), self.asked: phrases.truncated(truncated)}
            trouble |= {self.question: gr.update(visible=True)}
        if not sights:
            yield self.begin_again() | trouble
            return
        try:
            yield trouble | {self.sights: sights, self.scale: scale} | self._seen(sights, scale)
        except RestoraError as error:
            yield self.begin_again() | {self.trouble: phrases.trouble(self.jobs.public(str(error)))}

    def _seen(self, sights: list[Sight], scale: float) -> Updates:
        """The findings, beside the picture or the pictures."""
        alone = {part: gr.update(visible=len(sights) == 1) for part in (self.plan, self.against, self.mark, self.blur)}
        ready = {self.status: "", self.go: gr.update(visible=True, interactive=True)} | alone
        if len(sights) > 1:
            return ready | {
                self.pile: self._piled([sight.path for sight in sights]),
                self.findings: phrases.several(sights),
                self.hint: phrases.note("Each gets its own plan. The results come as one zip; some may be unchanged."),
                self.draft: None,
            }
        target, factor = self._previewed(sights[0].path)
        draft = Draft(plan_as_found(sights[0], scale))
        return ready | {
            self.go: gr.update(visible=True, interactive=has_work(draft, sights)),
            self.picture: gr.update(value=str(target), visible=True),
            self.hint: phrases.smaller(factor),
            self.findings: phrases.findings(sights[0]),
            self.draft: draft,
            self.blur: gr.update(visible=not any(map(sharpens, draft.plan.steps))),
        }

    def _previewed(self, path: Path, most: int = SHOWN) -> tuple[Path, int]:
        """A picture to display, and by which factor it is smaller."""
        target = own_folder(self.jobs) / "preview.png"
        with one_of(self.slots):
            try:
                return target, preview(admitted(path, self.jobs.limits, path.name), target, most)
            except Truncated:  # the part that is present was requested
                return target, preview(admitted(path, self.jobs.limits, path.name, salvage=True), target, most)

    def _piled(self, paths: list[Path]) -> Updates:
        """Several pictures, small."""
        small = [(str(self._previewed(path, THUMBNAIL)[0]), path.name) for path in paths]
        return gr.update(value=small, visible=True)

    def keep(self, draft: Draft, sights: list[Sight], *values: Any) -> Kept:
        """Remember the values of the form, for a change that does not read it."""
        try:
            return draft, read_form(draft, values, sights[0])
        except RestoraError:  # Restore says what is wrong
            return draft, draft.plan

    def begin_to_sharpen(self, sights: list[Sight], draft: Draft | None, kept: Kept) -> Updates:
        """Add a step to the plan that sharpens."""
        if len(sights) != 1 or draft is None:
            return {}
        plan = with_sharpening(newest(draft, kept), sights[0].diagnosis)
        return {self.blur: gr.update(visible=False), self.draft: Draft(plan)}

    def begin_to_mark(self, sights: list[Sight], draft: Draft | None, kept: Kept) -> Updates:
        """Show the picture to paint on, and add a step to the plan that fills the painted parts."""
        if len(sights) != 1 or draft is None:
            return {}
        return {
            **dict.fromkeys((self.compare, self.take, self.found, self.mark), gr.update(visible=False)),
            **{self.picture: gr.update(visible=True), self.tools: phrases.TOOLS},
            self.hint: phrases.note("Paint over the parts to fill, then restore."),
            self.draft: Draft(with_filling(newest(draft, kept))),
            self.scores: "",
        }

    def enlarge(self, sights: list[Sight], draft: Draft | None, kept: Kept, scale: float) -> Updates:
        """The plan for another size."""
        if len(sights) != 1:
            return {self.draft: None}
        try:
            plan, steps = plan_as_found(sights[0], scale), newest(draft, kept).steps if draft else ()
            for step in filter(sharpens, steps):
                plan = with_sharpening(plan, sights[0].diagnosis, step)
            return {self.draft: Draft(with_filling(plan) if any(map(fills, steps)) else plan), self.trouble: ""}
        except RestoraError as error:
            return {self.trouble: phrases.trouble(self.jobs.public(str(error)))}

    def cancel(self, key: str) -> str:
        """Cancel the pending job."""
        self.jobs.cancel(key)
        return phrases.progress("Stopping …")

    def is_drawn(self, drawn: Draft | None, sights: list[Sight], draft: Draft | None) -> tuple[Any, Any]:
        """Enable Restore if the form on the page is that of the newest draft; stop the timer."""
        return gr.Timer(active=False), gr.update(interactive=has_work(draft, sights)) if drawn is draft else gr.skip()

    async def restore(
        self,
        drawn: Draft | None,
        sights: list[Sight],
        draft: Draft | None,
        scale: float,
        reference: str | None,
        strokes: str,
        strength: str,
        *values: Any,
    ) -> AsyncIterator[Updates]:
        """Restore the examined pictures as jobs, one after the other, and show the results.

        `values` belong to the form of a draft; if a newer draft exists, it is used unchanged.
        """
        yield {self.trouble: "", self.go: gr.update(visible=False), self.stop: gr.update(visible=True)}
        idle = {self.status: "", self.go: gr.update(visible=True), self.stop: gr.update(visible=False)}
        outcomes: list[Outcome] = []
        failed: list[str] = []
        try:
            for number, sight in enumerate(sights, 1):
                which = f" {number} of {len(sights)}" if len(sights) > 1 else ""
                try:
                    plan = draft.plan if draft else plan_as_found(sight, scale)
                    if draft and draft is drawn:
                        plan = read_form(draft, values, sight)
                    if draft and not has_work(Draft(plan), sights):
                        raise BadPlan("the plan has no step: there is nothing to do")
                    plan = with_strength(plan, strength)
                    filled = any(map(fills, plan.steps))
                    mask = await asyncio.to_thread(mask_of, strokes, sight.shape, self.jobs) if filled else None
                    async for now in carried_out(self.jobs, sight, plan, mask):
                        if isinstance(now, Outcome):
                            outcomes.append(now)
                            continue
                        words = f"Restoring{which} …" if now.state == "running" else f"Waiting in the queue{which} …"
                        yield {self.job: now.id, self.status: phrases.progress(words, now.done, now.total)}
                except RestoraError as error:
                    failed.append(self.jobs.public(str(error)))
                if len(outcomes) + len(failed) < number:
                    yield idle | {self.status: phrases.note("Cancelled; nothing was kept.")}
                    return
            if outcomes:
                yield {self.status: phrases.progress("Preparing the comparison …")}
                yield await asyncio.to_thread(self._shown, sights, outcomes, reference)
        except RestoraError as error:
            failed.append(self.jobs.public(str(error)))
        yield idle | {self.trouble: phrases.trouble("; ".join(failed))}

    def _shown(self, sights: list[Sight], outcomes: list[Outcome], reference: str | None) -> Updates:
        """The result, ready to compare and to download."""
        shown = {self.take: gr.update(visible=True), self.scores: "", self.found: gr.update(visible=False)}
        shown |= {self.picture: gr.update(visible=False), self.tools: ""}
        if len(sights) > 1:
            together = zipped(outcomes, own_folder(self.jobs))
            return shown | {
                self.pile: self._piled([outcome.picture for outcome in outcomes]),
                self.hint: "",
                self.download: gr.update(value=str(together), label="Download all as zip"),
                self.report: gr.update(visible=False),
            }
        outcome = outcomes[0]
        before, (after, factor) = self._previewed(sights[0].path)[0], self._previewed(outcome.picture)
        return shown | {
            self.compare: gr.update(value=(str(before), str(after)), visible=True),
            self.mark: gr.update(visible=True),
            self.hint: phrases.HOW + phrases.smaller(factor),
            self.download: gr.update(value=str(outcome.picture), label="Download"),
            self.report: gr.update(value=str(outcome.report), visible=True),
            **self._found(outcome),
            **self._scored(sights[0], outcome, reference),
        }

    def _found(self, outcome: Outcome) -> Updates:
        """The kernel that a method found, to look at and to download."""
        if "kernel" not in outcome.products:
            return {}
        return {
            self.found: gr.update(visible=True),
            self.kernel: found(outcome.products),
            self.take_kernel: gr.update(value=str(outcome.products["kernel"])),
        }

    def _scored(self, sight: Sight, outcome: Outcome, reference: str | None) -> Updates:
        if not reference:
            return {}
        try:
            clean = own_file(Path(reference), self.jobs)
            with one_of(self.slots):
                same = admitted(clean, self.jobs.limits, "the reference").shape[:2] == sight.shape[:2]
                before = scores(sight.path, clean, self.jobs.limits) if same and not sight.salvage else None
                return {self.scores: phrases.scored(before, scores(outcome.picture, clean, self.jobs.limits))}
        except RestoraError as error:
            return {self.scores: phrases.trouble(self.jobs.public(str(error)))}


QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Options of events: the page shows progress itself and has no Gradio API."""
