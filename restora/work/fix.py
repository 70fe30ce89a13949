"""Fix: diagnose a picture, plan by the table of rules, and try the plan on parts before restoring all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadPlan
from restora.core.image import Image
from restora.core.names import nearest
from restora.core.plan import Plan, Step
from restora.methods.table import method_named
from restora.signs.camera_noise import LOOKS, SIDE, deviations, squares, unclipped
from restora.signs.impulse import impulse
from restora.signs.jpeg_quality import block_edges
from restora.work.diagnose import Pixels, diagnose, spread
from restora.work.plan import plans_for
from restora.work.restore import restore
from restora.work.rules import MOTION, SHARPENING, SOFT, kinds_of
from restora.work.sharper import blur_left, harm_of_sharpening

NORMAL = "normal"
STRENGTHS = ("light", NORMAL, "strong")
"""The strengths: half of the change, all of it, or the treatment applied twice, sharpening once."""
ENOUGH = 0.5
"""Share of the damage that may be left after a trial; if more is left, the next treatment of the rule is tried."""
FLAT = 10
"""The flattest 1/FLAT of the squares shows how much noise is left."""
LEAST = 0.5 / 255
"""Least standard deviation of noise in a square; less is rounding."""
TELLING = 3.0
"""Least t statistic of block edges in the parts for which a weaker value afterwards means something."""


def plan_to_fix(picture: Pixels, strength: str = NORMAL) -> tuple[Diagnosis, Plan]:
    """Diagnose a picture; returns also the plan that treats it, which was tried on up to three parts of it.

    If a treatment leaves more than half of the damage, the next one is tried; the one that leaves least is used.
    The plan's `because` says what the trial left. Raises BadPlan for an unknown strength.
    """
    if strength not in STRENGTHS:
        raise BadPlan(f"no strength is called {strength!r}; {nearest(strength, STRENGTHS)}")
    diagnosis = diagnose(picture)
    plans = plans_for(diagnosis)
    if not plans[0].steps:
        return diagnosis, plans[0]
    parts = parts_of(picture)
    trials = _trials(parts, plans, diagnosis)
    if all(trial.harm for trial in trials):
        left_alone = f"the blur is left as it is: {trials[0].harm}"
        others = {name: finding for name, finding in diagnosis.findings.items() if name != "blur"}
        plans = plans_for(Diagnosis(others))
        if not plans[0].steps:
            return diagnosis, Plan((), f"left alone: {diagnosis.present['blur'].says}; {left_alone}")
        trials = _trials(parts, plans, Diagnosis(others))
    else:
        left_alone = ""
    best = min((trial for trial in trials if not trial.harm), key=lambda trial: trial.worst)
    told = [best.plan.because, _told(best.left, len(parts), strength), *_not_taken(trials, best)]
    told += [left_alone] if left_alone else []
    return diagnosis, replace(with_strength(best.plan, strength), because="; ".join(told))


@dataclass(frozen=True)
class Trial:
    """A plan that was tried on parts: the share left of each kind of damage, and why it must not be used, if so."""

    plan: Plan
    left: dict[str, float]
    harm: str

    @property
    def worst(self) -> float:
        """The largest share left."""
        return max(self.left.values(), default=0.0)


def _trials(parts: Sequence[np.ndarray], plans: Sequence[Plan], diagnosis: Diagnosis) -> list[Trial]:
    """The plans tried in order, up to the first one that leaves little and does no harm."""
    trials: list[Trial] = []
    for plan in plans:
        results = [restore(Image(part), plan)[0].pixels for part in parts]
        left = what_is_left(parts, results, diagnosis)
        sharpens = any(step.weights in SHARPENING for step in plan.steps)
        harm = harm_of_sharpening(parts, results, left.get("blur"), diagnosis) if sharpens else ""
        trials.append(Trial(plan, left, harm))
        if trials[-1].worst <= ENOUGH and not harm:
            break
    return trials


def with_strength(plan: Plan, strength: str) -> Plan:
    """The plan with another strength, see STRENGTHS, for all steps that remove noise or repair JPEG."""
    if strength == NORMAL:
        return plan
    steps = [part for step in plan.steps for part in (_changed(step, strength) if _removes(step) else (step,))]
    return replace(plan, steps=tuple(steps))


def _removes(step: Step) -> bool:
    return not {"shrink", "hole", "blur"} & set(method_named(step.method).treats)


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


def what_is_left(before: Sequence[np.ndarray], after: Sequence[np.ndarray], diagnosis: Diagnosis) -> dict[str, float]:
    """The share left of each kind of damage that was found, in parts (h, w, C); 0: nothing.

    A kind that is too weak in the parts is omitted.
    """
    present = diagnosis.present
    left: dict[str, float | None] = {}
    if present.keys() & {"noise_level", "camera_noise", "speckle"}:
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
    names = [" then ".join(step.weights or step.method for step in trial.plan.steps) for trial in others]
    why = [trial.harm or "it left more" for trial in others]
    return [f"{name} was not used: {reason}" for name, reason in zip(names, why, strict=True)]
