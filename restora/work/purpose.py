"""What a step of a plan does to a picture."""

from restora.core.errors import BadPlan
from restora.core.plan import Step
from restora.learn.weights import find
from restora.methods.table import TASKS, method_named, task_of
from restora.work.rules import SHARPENING

OTHER_TASKS = {
    "enlarge": ("makes pictures larger", "upscale"),
    "fill": ("fills holes", "inpaint"),
    "deblur": ("sharpens", "deblur"),
    "find": ("finds marks", "inpaint --mask found"),
    "regions": ("repairs regions", "repair"),
    "colour": ("corrects colours", "correct"),
    "video": ("makes frames between those of a clip", "interpolate"),
    "translate": ("translates pictures into another kind", "translate"),
}
"""What methods that do not remove noise do, and their command, by task."""

OF_CLIPS = ("temporal", "mctf")
"""Methods that see several frames of a clip and remove its noise."""


def fills(step: Step) -> bool:
    """Whether a step fills a hole."""
    return "hole" in method_named(step.method).treats


def corrects(step: Step) -> bool:
    """Whether a step corrects colours."""
    return "fading" in method_named(step.method).treats


def translates(step: Step) -> bool:
    """Whether a step translates a picture into another kind."""
    return "translation" in method_named(step.method).treats


def sharpens(step: Step) -> bool:
    """Whether a step sharpens a blurred picture."""
    return "blur" in method_named(step.method).treats or step.weights in SHARPENING


def sharpening(weights: str | None) -> bool:
    """Whether weights were trained to sharpen."""
    return weights is not None and (weights in SHARPENING or find(weights).task == "deblur")


def denoises(name: str, weights: str | None) -> None:
    """Raise BadPlan for a method of another command; for a net of other authors its card decides."""
    method = method_named(name)
    if method.learned and not method.weights and task_of(name) == "enlarge":  # nets of other authors
        if weights and find(weights).task == "enlarge":
            raise BadPlan(f"{weights} makes pictures larger: use restora upscale --weights {weights}")
    elif (task := task_of(name)) in OTHER_TASKS and name not in OF_CLIPS:
        does, command = OTHER_TASKS[task]
        choice = f" --method {name}" if len(TASKS[task]) > 1 else ""  # else the command has no such option
        raise BadPlan(f"{name} {does} and does not remove noise: use restora {command}{choice}")
