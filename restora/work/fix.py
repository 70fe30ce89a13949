"""Fix: diagnose a picture, plan by the table of rules, and try the plan on parts before restoring all of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadImage, BadPlan
from restora.core.image import Image
from restora.core.names import nearest
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.engines.choice import backend_named
from restora.methods.table import called, method_named
from restora.signs.camera_noise import LOOKS, SIDE, deviations, squares, unclipped
from restora.signs.impulse import impulse
from restora.signs.jpeg_quality import block_edges
from restora.stages.pipeline import RESTING, Means, Source, prepare
from restora.work.colours import with_colours, without_colours
from restora.work.diagnose import Pixels, Several, diagnose, spread
from restora.work.marks import with_marks_filled, with_marks_left, without_marks
from restora.work.plan import fits, plan_of_treatment, plans_for
from restora.work.purpose import corrects, sharpens
from restora.work.restore import MAX_MEMORY, restore
from restora.work.rules import CLIP_RULES, MOTION, SHARP, SHARPENING, SOFT, kinds_of, treatments_for
from restora.work.sharper import blur_left, harm_of_sharpening

NORMAL = "normal"
STRENGTHS = ("light", NORMAL, "strong")
"""The strengths: half of the change, all of it, or the treatment applied twice, sharpening once."""
ENOUGH = 0.5
"""Share of the damage that may be left after a trial; if more is left, the next treatment of the rule is tried."""
MIDDLE = 512
"""Pixels: the largest side of the part on which a method that needs the whole picture is tried."""
ROOM = MAX_MEMORY - RESTING - 80_000_000
"""Bytes for such a method within the usual memory: without those of the process, and of the decoded file."""
FLAT = 10
"""The flattest 1/FLAT of the squares shows how much noise is left."""
LEAST = 0.5 / 255
"""Least standard deviation of noise in a square; less is rounding."""
NOISE_SIGNS = ("noise_level", "camera_noise", "speckle")
"""The signs of noise, of which a picture shows one kind."""
TELLING = 3.0
"""Least t statistic of block edges in the parts for which a weaker value afterwards means something."""


def plan_to_fix(
    picture: Pixels, strength: str = NORMAL, tell: Callable[[str], None] | None = None
) -> tuple[Diagnosis, Plan]:
    """Diagnose a picture; returns also the plan that treats it, which was tried on up to three parts of it.

    If a treatment leaves more than half of the damage, the next one is tried; the one that leaves least is used.
    The plan's `because` says what the trial left. tell: called with what is done next, in words. Raises BadPlan for an
    unknown strength.
    """
    if strength not in STRENGTHS:
        raise BadPlan(f"no strength is called {strength!r}; {nearest(strength, STRENGTHS)}")
    diagnosis = diagnose(picture, tell)
    if isinstance(picture, Several) and strength == "strong":
        picture = replace(picture, around=None)  # only a first step sees the frames around
    if tell:
        tell("Trying the plan on parts of the picture")
    plan = _plan_of_rules(picture, without_colours(without_marks(diagnosis)), strength)
    plan = with_marks_left(plan, diagnosis) if isinstance(picture, Several) else with_marks_filled(plan, diagnosis)
    return diagnosis, with_colours(plan, diagnosis, 0.5 if strength == "light" else 1.0)


def _plan_of_rules(picture: Pixels, diagnosis: Diagnosis, strength: str) -> Plan:
    """The plan of the table of rules for what was found, which was tried on parts of the picture."""
    plans = _that_fit([*_together(picture, diagnosis), *plans_for(diagnosis)], picture)
    if not plans[0].steps:
        return plans[0]
    trials = _trials(picture, plans, diagnosis)
    if all(trial.harm for trial in trials):
        left_alone = f"the blur is left as it is: {trials[0].harm}"
        others = {name: finding for name, finding in diagnosis.findings.items() if name != "blur"}
        plans = plans_for(Diagnosis(others))
        if not plans[0].steps:
            return Plan((), f"left alone: {diagnosis.present['blur'].says}; {left_alone}")
        trials = _trials(picture, plans, Diagnosis(others))
    else:
        left_alone = ""
    best = min((trial for trial in trials if not trial.harm), key=lambda trial: trial.worst)
    told = [best.plan.because, _told(best.left, best.parts, strength), *_not_taken(trials, best)]
    told += [left_alone] if left_alone else []
    return replace(with_strength(best.plan, strength), because="; ".join(told))


def _together(picture: Pixels, diagnosis: Diagnosis) -> list[Plan]:
    """The plans that read frames together, best first, if the picture is a clip with noise that they remove."""
    if not (isinstance(picture, Several) and picture.around):
        return []
    because = "; ".join(diagnosis.present[name].says for name in NOISE_SIGNS if name in diagnosis.present)
    ways = treatments_for(kinds_of(diagnosis), CLIP_RULES)
    plans = [plan_of_treatment(each, because, diagnosis) for each in ways]
    return [plan for plan in plans if fits(plan, picture.shape, ROOM)]


def plan_to_read_together(picture: Pixels) -> tuple[Diagnosis, Plan | None]:
    """Diagnose a clip; returns also the plan that removes its noise from frames that are read together.

    The plan is None if CLIP_RULES have none for what was found, or if trials left more than half of it.
    """
    diagnosis = diagnose(picture)
    noise = Diagnosis({name: finding for name, finding in diagnosis.findings.items() if name != "blur"})
    noise = without_colours(without_marks(noise))
    for trial in _trials(picture, _together(picture, noise), noise):
        if trial.worst <= ENOUGH:
            told = _told(trial.left, trial.parts, NORMAL)
            return diagnosis, replace(trial.plan, because=f"{trial.plan.because}; {told}")
    return diagnosis, None


def plan_to_sharpen(picture: Pixels) -> tuple[Diagnosis, Plan]:
    """Diagnose a picture; returns also the plan that sharpens it, of those that the table of rules has for its blur.

    If no blur was found, or no trial went well, it is the plan for softness, which leaves sharp pictures as they are.
    """
    diagnosis = diagnose(picture)
    kinds, last = kinds_of(diagnosis) & {SOFT, MOTION}, plan_of_treatment(SHARP, "asked for")
    if not kinds:
        return diagnosis, replace(last, because=f"asked for; {diagnosis.findings['blur'].says}")
    because = f"asked for; {diagnosis.findings['blur'].says}"
    plans = _that_fit([plan_of_treatment(each, because) for each in treatments_for(kinds)], picture)
    trials = _trials(picture, plans, Diagnosis({"blur": diagnosis.findings["blur"]}))
    best = min(trials, key=lambda trial: (bool(trial.harm), trial.worst))
    if best.harm:
        return diagnosis, replace(last, because=f"{because}; {best.harm}")
    told = [because, _told(best.left, best.parts, NORMAL), *_not_taken(trials, best)]
    return diagnosis, replace(best.plan, because="; ".join(told))


def _that_fit(plans: Sequence[Plan], picture: Pixels) -> Sequence[Plan]:
    """The plans without those that need too much memory for a picture of this size; at least the last."""
    return [plan for plan in plans if fits(plan, picture.shape, ROOM)] or plans[-1:]


@dataclass(frozen=True)
class Trial:
    """A plan that was tried on parts: the share left of each kind of damage, and why it must not be used, if so."""

    plan: Plan
    parts: int
    left: dict[str, float]
    harm: str

    @property
    def worst(self) -> float:
        """The largest share left."""
        return max(self.left.values(), default=0.0)


def _trials(picture: Pixels, plans: Sequence[Plan], diagnosis: Diagnosis) -> list[Trial]:
    """The plans tried in order, up to the first one that leaves little and does no harm."""
    trials: list[Trial] = []
    for plan in plans:
        parts = _parts_for(plan, picture)
        try:
            results = _restored(plan, parts, picture)
        except BadImage as error:  # too small to find its kernel
            trials.append(Trial(plan, len(parts), {}, str(error)))
            continue
        left = what_is_left(parts, results, diagnosis)
        sharper = any(map(sharpens, plan.steps))
        harm = harm_of_sharpening(parts, results, left.get("blur"), diagnosis) if sharper else ""
        trials.append(Trial(plan, len(parts), left, harm))
        if trials[-1].worst <= ENOUGH and not harm:
            break
    return trials


def _parts_for(plan: Plan, picture: Pixels) -> list[np.ndarray]:
    """The parts (h, w, C) of a picture on which a plan is tried; one of its middle if a step needs the whole."""
    whole = any(method_named(step.method).stage == "whole" for step in plan.steps)
    return [middle_of(picture)] if whole else parts_of(picture)


def _restored(plan: Plan, parts: Sequence[np.ndarray], picture: Pixels) -> list[np.ndarray]:
    """Parts (h, w, C) of a picture, restored; a plan of a clip may see the same parts of the frames around it."""
    if not (isinstance(picture, Several) and picture.around):
        return [restore(Image(part), plan)[0].pixels for part in parts]
    from restora.work.neighbours import frames_around  # not for pictures, as it loads FFmpeg

    frames = picture.around(reach) if (reach := frames_around(plan)) else ()
    around = zip(*(_parts_for(plan, each) for each in frames), strict=True)
    results, means = [], Means(backend_named(), MAX_MEMORY)
    for part, others in zip_longest(parts, around):
        neighbours = [Image(each).window for each in others or ()]
        pipeline = prepare(plan, Source(Image(part).window, part.shape, neighbours=neighbours), Report(plan), means)
        results.append(pipeline.run(0, 0, *pipeline.size()))
    return results


def with_strength(plan: Plan, strength: str) -> Plan:
    """The plan with another strength, see STRENGTHS, for all steps that remove noise or repair JPEG."""
    if strength == NORMAL:
        return plan
    steps = [part for step in plan.steps for part in (_changed(step, strength) if _removes(step) else (step,))]
    return replace(plan, steps=tuple(steps))


def _removes(step: Step) -> bool:
    return not corrects(step) and not {"shrink", "hole", "blur"} & set(method_named(step.method).treats)


def _changed(step: Step, strength: str) -> tuple[Step, ...]:
    if strength == "light":
        return (replace(step, strength=step.strength / 2),)
    if step.weights in SHARPENING:  # what is sharp now would get rings
        return (step,)
    return step, replace(step, because="a second time, because of strength strong")


def parts_of(picture: Pixels) -> list[np.ndarray]:
    """Up to LOOKS parts (h, w, C) of at most SIDE pixels a side, spread over the picture, from multiples of 8."""
    rectangles = spread(*picture.shape[:2])
    chosen = [rectangles[i] for i in np.linspace(0, len(rectangles) - 1, min(LOOKS, len(rectangles))).astype(int)]
    parts = []
    for top, left, height, width in chosen:
        down, right = (max(0, side - SIDE) // 2 // 8 * 8 for side in (height, width))
        parts.append(picture.window(top + down, left + right, min(SIDE, height), min(SIDE, width)))
    return parts


def middle_of(picture: Pixels) -> np.ndarray:
    """The middle (h, w, C) of a picture, for methods that need the whole: a kernel is found from many edges."""
    height, width = picture.shape[:2]
    tall, wide = min(MIDDLE, height), min(MIDDLE, width)
    return picture.window((height - tall) // 2 // 8 * 8, (width - wide) // 2 // 8 * 8, tall, wide)


def what_is_left(before: Sequence[np.ndarray], after: Sequence[np.ndarray], diagnosis: Diagnosis) -> dict[str, float]:
    """The share left of each kind of damage that was found, in parts (h, w, C); 0: nothing.

    A kind that is too weak in the parts is omitted.
    """
    present = diagnosis.present
    left: dict[str, float | None] = {}
    if present.keys() & set(NOISE_SIGNS):
        left["noise"] = _noise_left(before, after)
    if "impulse" in present:
        was, now = (float(np.mean(impulse(parts).value)) for parts in (before, after))
        left["dots"] = now / was if was else None
    if "jpeg_quality" in present:
        was, now = (block_edges(parts) for parts in (before, after))
        left["block edges"] = max(0.0, now) / was if was >= TELLING else None
    if kinds_of(diagnosis) & {SOFT, MOTION}:
        left["blur"] = blur_left(before, after, diagnosis)
    return {kind: share for kind, share in left.items() if share is not None}


def _noise_left(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float | None:
    """The share left of the variation in the flattest squares; None if they have none."""
    squares_before = np.concatenate([squares(part) for part in before])
    was, now = deviations(squares_before), deviations(np.concatenate([squares(part) for part in after]))
    seen = unclipped(squares_before) & (was > LEAST)
    was, now = was[seen], now[seen]
    if not len(was):
        return None
    flattest = np.argsort(was, kind="stable")[: -(-len(was) // FLAT)]
    return float(np.median(now[flattest]) / np.median(was[flattest]))


def _told(left: Mapping[str, float], parts: int, strength: str) -> str:
    where = "a part" if parts == 1 else f"{parts} parts"
    if not left:
        return f"a trial on {where} of the picture showed too little damage to measure what is left"
    shares = " and ".join(f"{100 * share:.0f} % of the {what}" for what, share in left.items())
    normally = "" if strength == NORMAL else ", at normal strength,"
    return f"a trial on {where} of the picture{normally} left {shares}"


def _not_taken(trials: Sequence[Trial], taken: Trial) -> list[str]:
    others = [trial for trial in trials if trial is not taken]
    names = [" then ".join(map(called, trial.plan.steps)) for trial in others]
    why = [trial.harm or "it left more" for trial in others]
    return [f"{name} was not used: {reason}" for name, reason in zip(names, why, strict=True)]
