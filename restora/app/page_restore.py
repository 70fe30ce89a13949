"""The events of the page that restore, and what it shows afterwards."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from restora.app import phrases
from restora.app.guard import one_of
from restora.app.kernel_form import found
from restora.app.marks import History, finds_itself, mask_of, strokes_of
from restora.app.page_items import Item, blends, cards, facts, strengths_of
from restora.app.page_jobs import Done, Outcome, carried_out, own_file, scores
from restora.app.page_layout import Updates
from restora.app.page_plan import QUIET
from restora.app.page_progress import Pace, Remaining
from restora.app.page_sight import Seen
from restora.app.plan_form import Draft, current, has_work, sent
from restora.app.review import Sight, admitted, plan_as_found
from restora.core.errors import BadPlan, RestoraError
from restora.core.plan import Plan
from restora.work.fix import NORMAL, STRENGTHS, with_strength
from restora.work.purpose import fills


@dataclass
class Run:
    """Restorations that are carried out one after the other: the pictures, and for some of them, by index, the plan of
    normal strength and the mask."""  # fmt: skip

    items: list[Item]
    works: dict[int, tuple[Plan, Path | None]]
    history: History
    strength: str = NORMAL
    failed: list[str] = field(default_factory=list)
    cancelled: bool = False

    def tell(self, index: int, state: str) -> None:
        """Change the words on a card."""
        self.items[index] = replace(self.items[index], state=state)


class Restoring(Seen):
    """Restore, compare, download."""

    def wire_restoring(self) -> None:
        """Wire the events."""
        self.pace = Pace()
        inputs: list[Any] = [self.items, self.draft, self.values, self.history, self.strokes]
        restored = self.go.click(
            self.restore,
            [*inputs, self.scale, self.reference],
            self.outputs,
            concurrency_limit=None,  # it only waits for its job; the number of jobs is limited
            js="(...inputs) => { inputs[4] = restoraStrokes(); restoraGo(); return restoraRead(inputs, 2); }",
            **QUIET,
        )
        again = self.amounts.submit(
            self.restore_again,
            [self.items, self.wanted, self.history],
            self.outputs,
            concurrency_limit=None,
            js="(...inputs) => { inputs[1] = restoraWanted(); return inputs; }",
            **QUIET,
        )
        for event in (restored, again):
            event.then(None, js="restoraShown")
        self.stop.click(self.cancel, self.job, self.status, **QUIET)

    def cancel(self, key: str) -> str:
        """Cancel the pending job."""
        self.jobs.cancel(key)
        return phrases.progress("Stopping …")

    async def restore(
        self, items: list[Item], draft: Draft | None, values: str, history: History, strokes: str, *wishes: Any
    ) -> AsyncIterator[Updates]:
        """Restore the examined pictures as jobs, one after the other, and show the results.

        wishes: how many times larger pictures become that have no draft, and the file of the reference.
        """
        scale, reference = wishes
        yield {self.trouble: "", **self._busy(True)}
        run = Run([replace(item, results={}, state="Waiting") for item in items], {}, history)
        for index, item in enumerate(items):
            try:
                assert item.sight
                plan = current(draft, sent(values), item.sight) if draft else plan_as_found(item.sight, scale)
                if draft and not has_work(Draft(plan), [item.sight]):
                    raise BadPlan("the plan has no step: there is nothing to do")
                run.works[index] = plan, await asyncio.to_thread(self._mask, plan, item.sight, history, strokes)
            except RestoraError as error:
                self._fail(run, index, error)
        async for updates in self._carry_out(run):
            yield updates
        if not run.cancelled and any(item.results for item in run.items):
            yield self._shown(run) | await asyncio.to_thread(self._measured, run, reference)
        yield self._busy(False) | {self.trouble: phrases.trouble("; ".join(run.failed))}

    async def restore_again(self, items: list[Item], wanted: str, history: History) -> AsyncIterator[Updates]:
        """Restore with another strength what was restored, and show these results."""
        if wanted not in STRENGTHS or not any(item.results for item in items):
            yield {}
            return
        yield {self.trouble: "", **self._busy(True)}
        run = Run(list(items), {}, history, wanted)
        for index, item in enumerate(items):
            done = item.results[NORMAL][0] if NORMAL in item.results else None
            if done and wanted not in item.results and wanted in strengths_of(done.plan):
                run.works[index] = done.plan, done.mask
        async for updates in self._carry_out(run):
            yield updates
        if not run.cancelled:
            yield self._shown(run)
        yield self._busy(False) | {self.trouble: phrases.trouble("; ".join(run.failed))}

    def _busy(self, busy: bool) -> Updates:
        visible = {self.go: gr.update(visible=not busy), self.stop: gr.update(visible=busy)}
        return visible | ({} if busy else {self.job: ""})

    def _fail(self, run: Run, index: int, error: RestoraError) -> None:
        run.failed.append(self.jobs.public(str(error)))
        run.tell(index, f"Failed: {run.failed[-1]}")

    async def _carry_out(self, run: Run) -> AsyncIterator[Updates]:
        """Run the jobs; afterwards the results are in the items."""
        works = list(run.works.items())
        sizes = [self._pixels(run.items[index], plan) for index, (plan, _) in works]
        remaining = Remaining(self.pace, sizes)
        for number, (index, (plan, mask)) in enumerate(works):
            which = f" {number + 1} of {len(works)}" if len(works) > 1 else ""
            run.tell(index, "Restoring …")
            remaining.next()
            yield {self.cards: cards(run.items)}
            try:
                sight, done = run.items[index].sight, None
                assert sight
                wished = with_strength(plan, run.strength)
                async for now in carried_out(self.jobs, sight, wished, mask, run.history.chain):
                    if isinstance(now, Outcome):
                        yield {self.status: phrases.progress("Preparing the comparison …")}
                        done = Done(sight, now, plan, now.products.get("mask", mask))
                        await asyncio.to_thread(self._keep, run, index, done)
                        continue
                    words = f"Restoring{which}" if now.state == "running" else f"Waiting in the queue{which}"
                    left = phrases.time_left(remaining.seconds(number, now))
                    yield {self.job: now.id, self.status: phrases.progress(f"{words} …{left}", now.done, now.total)}
                if done is None:
                    run.cancelled = True
                    yield {self.status: phrases.note("Cancelled; nothing was kept."), self.cards: cards(run.items)}
                    return
            except RestoraError as error:
                self._fail(run, index, error)
            yield {self.cards: cards(run.items)}
        yield {self.status: ""}

    def _pixels(self, item: Item, plan: Plan) -> tuple[int, Plan]:
        assert item.sight
        return item.sight.shape[0] * item.sight.shape[1], plan

    def _keep(self, run: Run, index: int, done: Done) -> None:
        """Add a result to its picture, with its pyramid."""
        item, chain = run.items[index], run.history.chain
        with one_of(self.slots):
            view = self.views.compare(item.view, chain[0].sight if chain else done.sight, done, self._blends(run, done))
        run.items[index] = item.with_result(run.strength, done, view)

    def _blends(self, run: Run, done: Done) -> bool:
        return blends(done.plan) and not run.history.chain

    def _mask(self, plan: Plan, sight: Sight, history: History, strokes: str) -> Path | None:
        """The mask of what is to be filled; None if nothing is, or the steps find it themselves. Raises BadPlan."""
        filling = [step for step in plan.steps if fills(step)]
        painting = history.painting
        drawn = strokes_of(strokes, painting)
        untouched = drawn == "[]" and not (painting and painting.base)
        if not filling or (untouched and all(map(finds_itself, filling))):
            return None
        return mask_of(drawn, sight.shape, self.jobs, painting.base if painting else None)

    def _shown(self, run: Run) -> Updates:
        """The results, ready to compare and to download."""
        hidden = gr.update(visible=False)
        shown: Updates = {
            **{self.items: run.items, self.facts: facts(run.items, run.strength), self.cards: cards(run.items)},
            **{self.tools: "", self.hint: "", self.scores: "", self.status: phrases.DONE},
            **dict.fromkeys((self.picture, self.found, self.marked), hidden),
            self.go: gr.update(value="Restore again", variant="secondary"),
        }
        if len(run.items) > 1:
            return shown
        done = run.items[0].results.get(run.strength, run.items[0].results[NORMAL])[0]
        return shown | {
            self.history: replace(run.history, done=done),
            self.mark: gr.update(visible=True),
            self.hint: phrases.comparison(len(run.history.chain) + 1),
            self.marked: gr.update(visible=done.mask is not None),
            self.take_mask: gr.update(value=str(done.mask) if done.mask else None),
            **self._found(done.outcome),
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

    def _measured(self, run: Run, reference: str | None) -> Updates:
        """The scores of a single result against its reference, if there is one."""
        if not reference or len(run.items) > 1:
            return {}
        try:
            done = run.items[0].results[NORMAL][0]
            sight = run.history.chain[0].sight if run.history.chain else done.sight
            clean = own_file(Path(reference), self.jobs)
            with one_of(self.slots):
                same = admitted(clean, self.jobs.limits, "the reference").shape[:2] == sight.shape[:2]
                before = scores(sight.path, clean, self.jobs.limits) if same and not sight.salvage else None
                after = scores(done.outcome.picture, clean, self.jobs.limits)
            return {self.scores: phrases.scored(before, after)}
        except RestoraError as error:
            return {self.scores: phrases.trouble(self.jobs.public(str(error)))}
