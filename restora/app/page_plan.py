"""The events of the page that change the plan.

All functions exist from the start, and each reads the values of the form from the browser when it begins: nothing is
remembered between two events but the draft. While an event makes another draft, the form, and what depends on it,
cannot be used in the browser (`restoraBegin` in page.js).
"""

from typing import Any

import gradio as gr

from restora.app import phrases
from restora.app.kernel_form import preview_of, reads_a_file, with_kernel, with_sharpening
from restora.app.page_layout import Layout, Updates
from restora.app.plan_form import Draft, changed, current, form, sent
from restora.app.review import Sight, plan_as_found, with_steps
from restora.core.errors import RestoraError
from restora.core.plan import Plan
from restora.work.purpose import fills, sharpens

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Options of events: the page shows progress itself and has no Gradio API."""
ONE_BY_ONE: dict[str, Any] = {"concurrency_id": "plan", "concurrency_limit": 1}
"""Options of events that change the plan: each begins with the draft that the one before it has made."""
VALUES = 2
"""Place of the values of the form among the inputs of an event that reads them."""


class PlanEvents(Layout):
    """The plan, its form and what changes it."""

    def makes_a_draft(
        self, trigger: Any, do: Any, inputs: list[Any], outputs: list[Any], options: dict[str, Any] | None = None
    ) -> None:
        """Wire an event that makes another draft, with the values of the form as one of its inputs if it reads them.

        When it has ended, whether it failed or not, the form can be used again, as soon as the new one is displayed.
        """
        places = [inputs.index(read) if read in inputs else -1 for read in (self.values, self.shown)]
        begin = f"(...inputs) => restoraBegin(inputs, {places[0]}, {places[1]})"
        event = trigger(do, inputs, outputs, js=begin, **(options or {}), **QUIET)
        for end in (event.then, event.failure):
            end(None, self.form, None, js="restoraEnd", **QUIET)

    def wire_plan(self) -> None:
        """Wire the events."""
        now: list[Any] = [self.sights, self.draft, self.values]
        plan = [self.draft, self.form, self.kernel_file, self.drawn, self.trouble]
        self.makes_a_draft(self.form.submit, self.change, now, plan, ONE_BY_ONE)
        self.makes_a_draft(self.blur.click, self.begin_to_sharpen, now, [*plan, self.blur], ONE_BY_ONE)
        sized = {**ONE_BY_ONE, "trigger_mode": "always_last"}
        self.makes_a_draft(self.scale.input, self.enlarge, [*now, self.scale], plan, sized)
        for event in (self.kernel_file.upload, self.kernel_file.clear):
            self.makes_a_draft(event, self.use_kernel, [*now, self.kernel_file], plan, ONE_BY_ONE)
        read = f"(...inputs) => restoraRead(inputs, {VALUES})"
        self.form.input(self.draw_kernel, now, self.drawn, js=read, trigger_mode="always_last", **QUIET)

    def drafted(self, draft: Draft | None, sights: list[Sight]) -> Updates:
        """A draft with its form; none for several pictures, each of which has a plan of its own."""
        own = draft is not None and reads_a_file(draft.plan)
        return {
            self.draft: draft,
            self.form: form(draft, sights, self.jobs) if draft else "",
            self.kernel_file: gr.update(visible=True) if own else gr.update(visible=False, value=None),
            self.drawn: "",
        }

    def told(self, error: RestoraError) -> Updates:
        """The message of an error."""
        return {self.trouble: phrases.trouble(self.jobs.public(str(error)))}

    def change(self, sights: list[Sight], draft: Draft | None, values: str) -> Updates:
        """Another method, another kind of kernel or one more step; the form then has other fields."""
        if len(sights) != 1 or draft is None:
            return {}
        try:
            return self.drafted(changed(draft, sent(values), sights[0]), sights) | {self.trouble: ""}
        except RestoraError as error:
            return self.told(error)

    def use_kernel(self, sights: list[Sight], draft: Draft | None, values: str, path: str | None) -> Updates:
        """Another file of a kernel, or none."""
        if len(sights) != 1 or draft is None:
            return {}
        plan = with_kernel(self.planned(sights, draft, values), path)
        return self.drafted(Draft(plan, draft.opened), sights)

    def draw_kernel(self, sights: list[Sight], draft: Draft | None, values: str) -> str:
        """The preview of the kernel, for the form of a draft."""
        if len(sights) != 1 or draft is None:
            return ""
        try:
            steps = current(draft, sent(values), sights[0]).steps
            shown = next((preview_of(step, self.jobs) for step in steps if sharpens(step)), "")
        except RestoraError as error:
            shown = phrases.trouble(self.jobs.public(str(error)))
        return f'<div data-draft="{draft.key}">{shown}</div>'

    def planned(self, sights: list[Sight], draft: Draft, values: str) -> Plan:
        """The plan with the values of the form; without those that are not valid, of which Restore speaks."""
        try:
            return current(draft, sent(values), sights[0])
        except RestoraError:
            return draft.plan

    def begin_to_sharpen(self, sights: list[Sight], draft: Draft | None, values: str) -> Updates:
        """Add a step to the plan that sharpens."""
        if len(sights) != 1 or draft is None:
            return {}
        plan = with_sharpening(self.planned(sights, draft, values), sights[0].diagnosis)
        return {self.blur: gr.update(visible=False)} | self.drafted(Draft(plan), sights)

    def enlarge(self, sights: list[Sight], draft: Draft | None, values: str, scale: float) -> Updates:
        """The plan for another size; it still fills and sharpens as before."""
        if len(sights) != 1:
            return self.drafted(None, sights)
        try:
            plan, steps = plan_as_found(sights[0], scale), self.planned(sights, draft, values).steps if draft else ()
            for step in filter(sharpens, steps):
                plan = with_sharpening(plan, sights[0].diagnosis, step)
            plan = with_steps(plan, [*filter(fills, steps), *plan.steps])
            return self.drafted(Draft(plan), sights) | {self.trouble: ""}
        except RestoraError as error:
            return self.told(error)
