"""The part of the Python API that restores nothing: diagnose, plan, degrade, measure, and the table of methods."""

from typing import TYPE_CHECKING, Any

import numpy as np

from restora.app.given import Given, clip_in, number, opened
from restora.app.python_options import Options
from restora.core.diagnosis import Diagnosis
from restora.core.errors import BadKnob
from restora.core.plan import Plan

if TYPE_CHECKING:
    from restora.metrics.scores import Scores
    from restora.work.diagnose import Pixels


def diagnose(y: Given, *, options: Options | None = None) -> Diagnosis:
    """What is wrong with a picture or a clip: `diagnosis.findings`, or only the `present` ones. y: as in `fix`.

    options: only max_pixels and salvage matter.
    """
    from restora.work.diagnose import diagnose as look

    return look(_seen(y, options))


def plan(y: Given, *, strength: str = "normal", options: Options | None = None) -> Plan:
    """What `fix` would do and why; `plan.to_json()` is what the command line prints. Arguments as in `fix`."""
    from restora.work.fix import plan_to_fix

    return plan_to_fix(_seen(y, options), strength)[1]


def _seen(y: Given, options: Options | None) -> "Pixels":
    """What is diagnosed of a picture or a clip."""
    from restora.work.view import view_of

    if path := clip_in(y):
        from restora.app.python_clips import frames_of

        return frames_of(path, options or Options())
    return view_of(opened(y, options).seen)


def degrade(x: Given, words: str, seed: int = 0) -> Any:
    """The picture x with synthetic damage, in the type of x; the same seed gives the same damage.

    words: as "blur(sigma=2) | noise(sigma=0.1)". Floating-point results are not clipped to 0..1. If the size
    changes, alpha is dropped. Raises BadDamage, and the errors of `fix`.
    """
    from restora.damage.words import parse
    from restora.work.degrade import degrade as damaged

    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise BadKnob(f"seed must be a whole number, 0 or more, not {seed!r}")
    picture, damage = opened(x), parse(words)
    return picture.form.restored(damaged(picture.image, damage, int(seed)))


def measure(x_hat: Given, x: Given, protocol: str = "denoise", scale: int = 1, ssim: str = "wang") -> "Scores":
    """PSNR and SSIM of a picture against its reference; both as in `fix`, each on the scale of its type.

    protocol: denoise, sr-y, sr-rgb, jpeg-y, deblur or float. scale: for super-resolution; pixels to crop.
    ssim: wang (the usual one) or uniform (scikit-image's default). Alpha is not compared. Raises RestoraError.
    """
    from restora.metrics.protocol import protocol_named, with_ssim
    from restora.metrics.scores import measure as scores_of

    chosen = with_ssim(protocol_named(protocol), ssim)
    times = number(scale, "scale")
    if times < 1 or times != int(times):
        raise BadKnob(f"scale must be a whole number, 1 or more, not {scale!r}")
    return scores_of(opened(x_hat).image.pixels, opened(x).image.pixels, chosen, int(times))


def show(name: str) -> dict[str, Any]:
    """Everything about one method, as plain values: knobs, reach, paper, weights. Raises RestoraError."""
    from restora.methods.table import method_named

    return method_named(name).as_dict()
