"""The events of the page that mark what is to be filled, and that go on with a result."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from restora.app import phrases
from restora.app.guard import one_of
from restora.app.marks import History, Painting, paint_over, red_png
from restora.app.page_jobs import SHOWN, shrinks
from restora.app.page_layout import Updates
from restora.app.page_plan import QUIET
from restora.app.page_sight import Seen
from restora.app.plan_form import Draft
from restora.app.review import Sight, look
from restora.core.errors import RestoraError
from restora.work.plan import with_filling


class Marking(Seen):
    """Paint marks, edit those that were found, show them; go on with the result, and back."""

    def wire_marks(self) -> None:
        """Wire the events."""
        now: list[Any] = [self.sights, self.draft, self.values, self.history]
        self.makes_a_draft(self.mark.click, self.begin_to_mark, now, self.outputs)
        self.makes_a_draft(self.edit.click, self.edit_marks, now, self.outputs)
        self.makes_a_draft(self.back.click, self.go_back, [self.sights, self.history], self.outputs)
        shown = [self.history, self.overlay], [self.compare, self.trouble]
        self.overlay.input(self.show_marks, *shown, trigger_mode="always_last", **QUIET)

    def begin_to_mark(
        self, sights: list[Sight], draft: Draft | None, values: str, history: History
    ) -> Iterator[Updates]:
        """Show the picture to paint on, and add a step to the plan that fills the painted parts.

        After a restoration, this is the result, which is examined and restored from now on.
        """
        if len(sights) != 1 or draft is None:
            yield {}
            return
        if history.done is None:
            painting = history.painting or Painting()
            plan = with_filling(self.planned(sights, draft, values))
            yield self._painted(painting, history, "") | self.drafted(Draft(plan), sights)
            return
        result = history.done.outcome.picture
        yield {self.status: phrases.progress("Examining the result …"), self.trouble: ""}
        try:
            with one_of(self.slots):
                sight = look(result, self.jobs.limits, result.name)
            seen = self.seen([sight], 1)
            painting, chain = Painting(), (*history.chain, history.done)
            plan = with_filling(sight.plan)
            yield {
                **{self.sights: [sight], self.scale: 1, self.back: gr.update(visible=True)},
                **seen,
                **self._painted(painting, History(chain), seen[self.hint]),
                **self.drafted(Draft(plan), [sight]),
            }
        except (RestoraError, OSError) as error:
            yield {self.status: "", self.trouble: phrases.trouble(self.jobs.public(str(error)))}

    def edit_marks(self, sights: list[Sight], draft: Draft | None, values: str, history: History) -> Updates:
        """Show the picture that was restored, with the marks that were filled, to be edited with the brush."""
        if len(sights) != 1 or draft is None or history.done is None or history.done.mask is None:
            return {}
        try:
            with one_of(self.slots):
                base = red_png(history.done.mask, shrinks(sights[0].shape, SHOWN))
        except (RestoraError, OSError) as error:
            return {self.trouble: phrases.trouble(self.jobs.public(str(error)))}
        plan = with_filling(self.planned(sights, draft, values))
        painting = Painting(history.done.mask)
        return self._painted(painting, replace(history, done=None), "", base) | self.drafted(Draft(plan), sights)

    def _painted(self, painting: Painting, history: History, hint: str, base: str = "") -> Updates:
        """The picture of the page with the tools of the brush."""
        hidden = (self.compare, self.take, self.found, self.mark, self.marked)
        return {
            **dict.fromkeys(hidden, gr.update(visible=False)),
            self.picture: gr.update(visible=True),
            self.tools: phrases.tools(painting.key, base),
            self.hint: phrases.note(phrases.PAINT) + hint,
            self.history: replace(history, painting=painting),
            self.scores: "",
        }

    def go_back(self, sights: list[Sight], history: History) -> Updates:
        """Show the picture that was opened, with the plan for it."""
        if not history.chain:
            return {}
        first = history.chain[0].sight
        hidden = (self.compare, self.take, self.found, self.marked, self.back)
        try:
            return {
                **dict.fromkeys(hidden, gr.update(visible=False)),
                **{self.tools: "", self.scores: "", self.trouble: "", self.scale: 1},
                **{self.sights: [first], self.history: History()},
                **self.seen([first], 1),
            }
        except (RestoraError, OSError) as error:
            return {self.trouble: phrases.trouble(self.jobs.public(str(error)))}

    def show_marks(self, history: History, shown: bool) -> Updates:
        """The comparison, with or without the marks in red over the picture before."""
        done = history.done
        if done is None or done.mask is None:
            return {}
        first = history.chain[0].sight if history.chain else done.sight
        try:
            before, factor = self.previewed((done.sight if shown else first).path)
            if shown:
                with one_of(self.slots):
                    paint_over(before, done.mask, factor)
            after = self.previewed(done.outcome.picture)[0]
            return {self.compare: gr.update(value=(str(before), str(after)))}
        except (RestoraError, OSError) as error:
            return {self.trouble: phrases.trouble(self.jobs.public(str(error)))}
