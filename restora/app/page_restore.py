"""The events of the page that restore, and what it shows afterwards."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from restora.app import phrases
from restora.app.guard import one_of
from restora.app.kernel_form import found
from restora.app.marks import History, finds_itself, mask_of, strokes_of
from restora.app.page_jobs import Done, Outcome, carried_out, own_file, own_folder, scores, zipped
from restora.app.page_layout import Updates
from restora.app.page_plan import QUIET
from restora.app.page_sight import Seen
from restora.app.plan_form import Draft, current, has_work, sent
from restora.app.review import Sight, admitted, plan_as_found
from restora.core.errors import BadPlan, RestoraError
from restora.core.plan import Plan
from restora.work.fix import with_strength
from restora.work.purpose import fills


class Restoring(Seen):
    """Restore, compare, download."""

    def wire_restoring(self) -> None:
        """Wire the events."""
        inputs: list[Any] = [self.sights, self.draft, self.values, self.history, self.strokes]
        self.go.click(
            self.restore,
            [*inputs, self.scale, self.strength, self.reference],
            self.outputs,
            concurrency_limit=None,  # it only waits for its job; the number of jobs is limited
            js="(...inputs) => { inputs[4] = restoraStrokes(); return restoraRead(inputs, 2); }",
            **QUIET,
        ).then(None, js="() => document.getElementById('sight').scrollIntoView({block: 'nearest'})")
        self.stop.click(self.cancel, self.job, self.status, **QUIET)

    def cancel(self, key: str) -> str:
        """Cancel the pending job."""
        self.jobs.cancel(key)
        return phrases.progress("Stopping …")

    async def restore(
        self, sights: list[Sight], draft: Draft | None, values: str, history: History, strokes: str, *wishes: Any
    ) -> AsyncIterator[Updates]:
        """Restore the examined pictures as jobs, one after the other, and show the results.

        wishes: how many times larger pictures become that have no draft, the strength, and the file of the reference.
        """
        scale, strength, reference = wishes
        yield {self.trouble: "", self.go: gr.update(visible=False), self.stop: gr.update(visible=True)}
        idle = {self.status: "", self.go: gr.update(visible=True), self.stop: gr.update(visible=False)}
        all_done: list[Done] = []
        failed: list[str] = []
        try:
            for number, sight in enumerate(sights, 1):
                which = f" {number} of {len(sights)}" if len(sights) > 1 else ""
                try:
                    plan = current(draft, sent(values), sight) if draft else plan_as_found(sight, scale)
                    if draft and not has_work(Draft(plan), sights):
                        raise BadPlan("the plan has no step: there is nothing to do")
                    plan = with_strength(plan, strength)
                    mask = await asyncio.to_thread(self._mask, plan, sight, history, strokes)
                    async for now in carried_out(self.jobs, sight, plan, mask, history.chain):
                        if isinstance(now, Outcome):
                            all_done.append(Done(sight, now, now.products.get("mask", mask)))
                            continue
                        words = f"Restoring{which} …" if now.state == "running" else f"Waiting in the queue{which} …"
                        yield {self.job: now.id, self.status: phrases.progress(words, now.done, now.total)}
                except RestoraError as error:
                    failed.append(self.jobs.public(str(error)))
                if len(all_done) + len(failed) < number:
                    yield idle | {self.status: phrases.note("Cancelled; nothing was kept.")}
                    return
            if all_done:
                yield {self.status: phrases.progress("Preparing the comparison …")}
                yield await asyncio.to_thread(self._shown, sights, all_done, history, reference)
        except RestoraError as error:
            failed.append(self.jobs.public(str(error)))
        yield idle | {self.trouble: phrases.trouble("; ".join(failed))}

    def _mask(self, plan: Plan, sight: Sight, history: History, strokes: str) -> Path | None:
        """The mask of what is to be filled; None if nothing is, or the steps find it themselves. Raises BadPlan."""
        filling = [step for step in plan.steps if fills(step)]
        painting = history.painting
        drawn = strokes_of(strokes, painting)
        untouched = drawn == "[]" and not (painting and painting.base)
        if not filling or (untouched and all(map(finds_itself, filling))):
            return None
        return mask_of(drawn, sight.shape, self.jobs, painting.base if painting else None)

    def _shown(self, sights: list[Sight], all_done: list[Done], history: History, reference: str | None) -> Updates:
        """The result, ready to compare and to download."""
        hidden = dict.fromkeys((self.found, self.marked, self.picture), gr.update(visible=False))
        shown: Updates = {self.take: gr.update(visible=True), self.scores: "", self.tools: "", **hidden}
        if len(sights) > 1:
            together = zipped([done.outcome for done in all_done], own_folder(self.jobs))
            return shown | {
                self.pile: self.piled([done.outcome.picture for done in all_done]),
                self.hint: "",
                self.download: gr.update(value=str(together), label="Download all as zip"),
                self.report: gr.update(visible=False),
            }
        done = all_done[0]
        first = history.chain[0].sight if history.chain else done.sight
        before, (after, factor) = self.previewed(first.path)[0], self.previewed(done.outcome.picture)
        return shown | {
            self.history: replace(history, done=done),
            self.compare: gr.update(value=(str(before), str(after)), visible=True),
            self.mark: gr.update(visible=True),
            self.hint: phrases.comparison(len(history.chain) + 1) + phrases.smaller(factor),
            self.download: gr.update(value=str(done.outcome.picture), label="Download"),
            self.report: gr.update(value=str(done.outcome.report), visible=True),
            self.marked: gr.update(visible=done.mask is not None),
            self.overlay: gr.update(value=False),
            self.take_mask: gr.update(value=str(done.mask) if done.mask else None),
            **self._found(done.outcome),
            **self._scored(first, done.outcome, reference),
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
