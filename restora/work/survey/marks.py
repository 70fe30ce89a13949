"""The mark of a claim beside what was measured: confirmed, another protocol, or wrong; and the reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from restora.data.survey import Claim, Range
from restora.work.survey.lookup import Price, Score

CONFIRMED, OTHER, WRONG = "confirmed", "another protocol", "wrong"
MARKS = (CONFIRMED, OTHER, WRONG)
SLOW = 2
"""A time up to this many times the claimed one could be that of another size."""
CLOSE = 0.1
"""The share by which a claimed number of parameters may differ from the count: papers round, and count parts or not."""


@dataclass(frozen=True)
class Mark:
    """A mark and its reason."""

    mark: str
    why: str
    fact: str = ""  # the value beside the claim, where several were measured


def of_parameters(claimed: Range, counts: Sequence[tuple[int, str]]) -> Mark:
    """Whether one of the counted nets, or all together, has the claimed millions of parameters.

    counts: parameters and description; at least one.
    """
    low, high = ((1 - CLOSE) * claimed[0] * 1e6, (1 + CLOSE) * claimed[1] * 1e6)
    count, net = min(counts, key=lambda each: abs(each[0] - claimed[0] * 1e6))
    if low <= count <= high:
        return Mark(CONFIRMED, f"counted: {net}", millions(count))
    count, net = counts[0]
    times = claimed[0] * 1e6 / count if count < low else count / (claimed[1] * 1e6)
    what = "the claim is {} the count" if count < low else "the count is {} the claim"
    return Mark(WRONG, f"{what.format(_times(times))} ({net})", millions(count))


def of_scores(claim: Claim, scores: Sequence[Score]) -> tuple[Mark, Mark]:
    """Marks of PSNR and SSIM: confirmed if a value on a claimed set lies in the range, SSIM at the same value as PSNR.

    Without a claimed set all values count.
    """
    shared = [score for score in scores if score.set in claim.sets]
    if claim.sets and not shared:
        sets = ", ".join(dict.fromkeys(claim.sets))
        return _elsewhere(claim.psnr, [(s.psnr, s.label) for s in scores], sets), _elsewhere(
            claim.ssim, [(s.ssim, s.label) for s in scores], sets
        )
    known = shared or list(scores)
    fits = [score for score in known if _within(score.psnr, claim.psnr)]
    also = [score for score in known if _within(score.ssim, claim.ssim)]
    both = [score for score in fits if score in also]
    if both:
        return Mark(CONFIRMED, both[0].label, psnr_of(both[0])), Mark(CONFIRMED, both[0].label)
    psnr = Mark(OTHER, "no damage and no protocol are named", psnr_of(known[0]))
    if fits:
        psnr = Mark(CONFIRMED, fits[0].label, psnr_of(fits[0]))
    if also:
        other = f"fits {also[0].label}, where PSNR is {also[0].psnr:.2f} dB, not that of the claim"
        return psnr, Mark(OTHER, other)
    return psnr, Mark(OTHER, "no damage, no protocol and no variant of SSIM are named")


def of_training(seconds: int, smaller: bool) -> Mark:
    """The survey names no machine. smaller: whether the net that is trained here is smaller than that of the paper."""
    net = "a smaller net" if smaller else "a net of the same size"
    return Mark(OTHER, f"no machine and no number of steps are named; here {net}, {lasting(seconds)} on CPU cores")


def of_time(claimed: Range, price: Price, smaller: bool) -> Mark:
    """Whether the time for a picture is the claimed one. smaller: whether the net is smaller than that of the paper."""
    if price.seconds is None:
        return Mark(OTHER, "the time was not measured here")
    low, high = claimed[0] / 1e3, claimed[1] / 1e3
    if high < price.seconds <= SLOW * high:
        return Mark(OTHER, f"no size and no machine are named; {_times(price.seconds / high)} as long on two cores")
    if price.seconds > high:
        return Mark(WRONG, f"a GPU's figure, without a size: {_times(price.seconds / high)} as long on two cores")
    if price.seconds < low:
        return Mark(OTHER, "no size and no machine are named; less time here")
    if smaller:
        return Mark(OTHER, f"in the range, but for a smaller net; a picture of {price.size} on two cores")
    return Mark(CONFIRMED, f"for a picture of {price.size} on two cores")


def psnr_of(score: Score) -> str:
    """The PSNR and what was measured."""
    return f"{score.psnr:.2f} ({score.label})"


def figure(value: float) -> str:
    """A number with three digits, without an exponent."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def millions(count: int) -> str:
    """A number of parameters, as 0.06 M."""
    return f"{count / 1e6:.3g} M" if count >= 1e5 else f"{count / 1e6:.3f} M"


def lasting(seconds: float) -> str:
    """A time in a unit that suits it."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _times(factor: float) -> str:
    return f"{factor:.2g} times" if factor < 10 else f"{factor:.0f} times"


def _elsewhere(claimed: Range, values: Sequence[tuple[float | None, str]], sets: str) -> Mark:
    inside = [label for value, label in values if _within(value, claimed)]
    seen = f"in the range on {inside[0]}" if inside else "not in the range"
    return Mark(OTHER, f"{sets} and no damage are named; {seen} here")


def _within(value: float | None, claimed: Range) -> bool:
    """Whether a value lies in a claimed range, as far as the digits of the claim go."""
    digits = 0 if claimed[1] > 1 else 2
    return value is not None and claimed[0] <= round(value, digits) <= claimed[1]
