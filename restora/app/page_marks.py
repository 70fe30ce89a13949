"""The events of the page that mark what is to be filled, and that go on with a result."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from restora.app import phrases
from restora.app.guard import one_of
from restora.app.marks import History, Painting, red_png
from restora.app.page_items import Item
from restora.app.page_jobs import SHOWN, Done, shrinks
from restora.app.page_layout import Updates
from restora.app.page_sight import Progress, Seen
from restora.app.plan_form import Draft
from restora.app.review import Sight
from restora.core.errors import RestoraError
from restora.work.plan import with_filling


class Marking(Seen):
    """Paint marks, edit those that were found; go on with the result, and back."""

    def wire_marks(self) -> None:
        """Wire the events."""
        now: list[Any] = [self.sights, self.draft, self.values, self.history]
        with_items = [*now, self.items, self.shown]
        self.makes_a_draft(self.mark.click, self.begin_to_mark, with_items, self.outputs)
        self.makes_a_draft(self.edit.click, self.edit_marks, now, self.outputs)
        self.makes_a_draft(self.back.click, self.go_back, [self.items, self.history], self.outputs)

    def begin_to_mark(
        self,
        sights: list[Sight],
        draft: Draft | None,
        values: str,
        history: History,
        items: list[Item],
        shown: str,
    ) -> Iterator[Updates]:
        """Show the picture to paint on, and add a step to the plan that fills the painted parts.

        After a restoration, this is the result as it is displayed, which is examined and restored from now on.
        """
        if len(sights) != 1 or draft is None:
            yield {}
            return
        try:
            if history.done is None:
                plan = with_filling(self.planned(sights, draft, values))
                painted = self._painted(history.painting or Painting(), history, sights[0])
                yield painted | self.drafted(Draft(plan), sights)
                return
            yield {self.status: phrases.progress("Examining the result …"), self.trouble: ""}
            with one_of(self.slots):
                done = self._as_displayed(items[0], history.done, shown)
            result = done.outcome.picture
            for now in self._looked_at(Item(result.name, items[0].view), result, salvage=False):
                if isinstance(now, Progress):
                    yield {self.status: phrases.progress(f"{now.words} …", now.done, now.total)}
                    continue
                assert now.sight
                yield {
                    **self.seen([now], 1),
                    self.back: gr.update(visible=True),
                    **self._painted(Painting(), History((*history.chain, done)), now.sight),
                    **self.drafted(Draft(with_filling(now.sight.plan)), [now.sight]),
                }
        except (RestoraError, OSError) as error:
            yield {self.status: "", self.trouble: phrases.trouble(self.jobs.public(str(error)))}

    def _as_displayed(self, item: Item, done: Done, shown: str) -> Done:
        """The restoration with the share of the change that the browser displays."""
        try:
            told = json.loads(shown)
            view = next(view for _, view in item.results.values() if view.key == told["key"])
            strength, texture = (min(1.0, max(0.0, round(float(told[name]), 2))) for name in ("strength", "texture"))
        except (ValueError, TypeError, KeyError, StopIteration, RecursionError):
            return done
        return replace(done, outcome=self.views.outcome(view, strength, texture))

    def edit_marks(self, sights: list[Sight], draft: Draft | None, values: str, history: History) -> Updates:
        """Show the picture that was restored, with the marks that were filled, to be edited with the brush."""
        if len(sights) != 1 or draft is None or history.done is None or history.done.mask is None:
            return {}
        try:
            with one_of(self.slots):
                base = red_png(history.done.mask, shrinks(sights[0].shape, SHOWN))
            painting = Painting(history.done.mask)
            painted = self._painted(painting, replace(history, done=None), sights[0], base)
        except (RestoraError, OSError) as error:
            return {self.trouble: phrases.trouble(self.jobs.public(str(error)))}
        plan = with_filling(self.planned(sights, draft, values))
        return painted | self.drafted(Draft(plan), sights)

    def _painted(self, painting: Painting, history: History, sight: Sight, base: str = "") -> Updates:
        """The picture of the page with the tools of the brush. Raises RestoraError."""
        path, factor = self.previewed(sight.path)
        return {
            **dict.fromkeys((self.found, self.mark, self.marked), gr.update(visible=False)),
            **{self.facts: "", self.scores: "", self.status: ""},
            self.picture: gr.update(value=str(path), visible=True),
            self.tools: phrases.tools(painting.key, base),
            self.hint: phrases.note(phrases.PAINT) + phrases.smaller(factor),
            self.history: replace(history, painting=painting),
            self.go: gr.update(value="Restore", variant="primary"),
        }

    def go_back(self, items: list[Item], history: History) -> Updates:
        """Show the picture that was opened, with the plan for it."""
        if not history.chain:
            return {}
        first = history.chain[0].sight
        hidden = (self.found, self.marked, self.back)
        try:
            return {
                **dict.fromkeys(hidden, gr.update(visible=False)),
                **{self.tools: "", self.scores: "", self.trouble: "", self.history: History()},
                **self.seen([Item(first.path.name, items[0].view, first)], 1),
            }
        except (RestoraError, OSError) as error:
            return {self.trouble: phrases.trouble(self.jobs.public(str(error)))}
