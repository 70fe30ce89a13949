"""The table of methods: facts only, by task. Reading it imports no method, so that listing stays fast."""

from restora.core.errors import RestoraError
from restora.core.inputs import Input
from restora.core.method import Method
from restora.core.names import nearest
from restora.core.plan import Step
from restora.methods.rows import colour, deblur, denoise, enlarge, fill, find, jpeg, regions, translate, video

TASKS = {
    "denoise": denoise.ROWS,
    "jpeg": jpeg.ROWS,
    "enlarge": enlarge.ROWS,
    "fill": fill.ROWS,
    "deblur": deblur.ROWS,
    "find": find.ROWS,
    "regions": regions.ROWS,
    "colour": colour.ROWS,
    "translate": translate.ROWS,
    "video": video.ROWS,
}
"""The rows by task."""
METHODS: dict[str, Method] = {method.name: method for rows in TASKS.values() for method in rows}
INPUTS: dict[str, Input] = {each.name: each for method in METHODS.values() for each in method.inputs}
"""All inputs of methods besides the picture."""


def inputs_of(*tasks: str) -> dict[str, Input]:
    """The inputs of methods of these tasks, by name."""
    return {each.name: each for task in tasks for method in TASKS[task] for each in method.inputs}


def method_named(name: str) -> Method:
    """The row of a method. Raises RestoraError with the nearest name."""
    if name not in METHODS:
        raise RestoraError(f"no method is called {name!r}; {nearest(name, METHODS)}")
    return METHODS[name]


def task_of(name: str) -> str:
    """The task of a method: the name of the module that has its row. Raises RestoraError."""
    method = method_named(name)
    return next(task for task, rows in TASKS.items() if method in rows)


def called(step: Step) -> str:
    """The name of a step: its weights, unless they only belong to a denoiser that its method calls."""
    return step.method if method_named(step.method).denoiser else step.weights or step.method
