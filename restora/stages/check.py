"""Check a plan against the table of methods, before anything is loaded."""

from restora.core.errors import BadPlan
from restora.core.knobs import Setting, settle
from restora.core.method import Method
from restora.core.names import nearest
from restora.core.plan import Plan, Step
from restora.methods.table import method_named


def check(plan: Plan) -> list[dict[str, Setting]]:
    """The knobs of every step. Raises BadPlan or BadKnob for values that are unknown, missing or out of range."""
    settled = []
    for step in plan.steps:
        method = method_named(step.method)
        knobs = settle(method.knobs, step.knobs, step.method)
        if step.weights and not (method.learned or method.denoiser):
            raise BadPlan(f"{step.method} is not a trained net, so it has no weights")
        _check_inputs(step, method)
        unset = [name for name, value in knobs.items() if value is None]
        if unset:
            raise BadPlan(f"the plan must set {', '.join(unset)} of {step.method}")
        settled.append(knobs)
    return settled


def _check_inputs(step: Step, method: Method) -> None:
    known = {each.name: each for each in method.inputs}
    for name in step.inputs:
        if name not in known:
            said = f"; {nearest(name, known)}" if known else ""
            raise BadPlan(f"{step.method} has no input {name.replace('_', ' ')}{said}")
    for each in known.values():
        if each.required and not any(name in step.inputs for name in (each.name, *each.instead)):
            options = " or ".join(known[name].option for name in (each.name, *each.instead))
            raise BadPlan(f"{step.method} needs a {each.called}; give it with {options}")


def weights_for(method: Method, wished: str | None) -> str:
    """The weights of a learned method: the given ones, else its own. Raises BadPlan if there are none."""
    if not wished and not method.weights:
        raise BadPlan(f"{method.name} has no weights of its own; name added weights with --weights")
    return wished or method.weights[0]
