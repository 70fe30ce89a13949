"""The events of the page that restore, and what it shows afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import gradio as gr

from restora.app import phrases
from restora.app.guard import one_of
from restora.app.kernel_form import found
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
from restora.app.page_layout import Layout, Updates
from restora.app.page_plan import QUIET
from restora.app.plan_form import Draft, current, has_work, sent
from restora.app.review import Sight, admitted, plan_as_found
from restora.core.errors import BadPlan, RestoraError, Truncated
from restora.work.fix import with_strength
from restora.work.plan import fills


class Restoring(Layout):
    """Restore, compare, download."""

    def wire_restoring(self) -> None:
        """Wire the events."""
        self.go.click(
            self.restore,
            [self.sights, self.draft, self.values, self.strokes, self.scale, self.strength, self.reference],
            self.outputs,
            concurrency_limit=None,  # it only waits for its job; the number of jobs is limited
            js="(...inputs) => { inputs[3] = restoraStrokes(); return restoraRead(inputs, 2); }",
            **QUIET,
        ).then(None, js="() => document.getElementById('sight').scrollIntoView({block: 'nearest'})")
        self.stop.click(self.cancel, self.job, self.status, **QUIET)

    def cancel(self, key: str) -> str:
        """Cancel the pending job."""
        self.jobs.cancel(key)
        return phrases.progress("Stopping …")

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

    async def restore(
        self,
        sights: list[Sight],
        draft: Draft | None,
        values: str,
        strokes: str,
        scale: float,
        strength: str,
        reference: str | None,
    ) -> AsyncIterator[Updates]:
        """Restore the examined pictures as jobs, one after the other, and show the results."""
        yield {self.trouble: "", self.go: gr.update(visible=False), self.stop: gr.update(visible=True)}
        idle = {self.status: "", self.go: gr.update(visible=True), self.stop: gr.update(visible=False)}
        outcomes: list[Outcome] = []
        failed: list[str] = []
        try:
            for number, sight in enumerate(sights, 1):
                which = f" {number} of {len(sights)}" if len(sights) > 1 else ""
                try:
                    plan = current(draft, sent(values), sight) if draft else plan_as_found(sight, scale)
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
                self.pile: self.piled([outcome.picture for outcome in outcomes]),
                self.hint: "",
                self.download: gr.update(value=str(together), label="Download all as zip"),
                self.report: gr.update(visible=False),
            }
        outcome = outcomes[0]
        before, (after, factor) = self.previewed(sights[0].path)[0], self.previewed(outcome.picture)
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
