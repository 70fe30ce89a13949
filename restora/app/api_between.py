"""Pictures and frames between others, in the Python API."""

import time
from fractions import Fraction
from os import PathLike

from restora.app.given import Given, clip_in, number, opened
from restora.app.python_call import Where, place
from restora.app.python_clips import more_frames, output_of
from restora.app.python_options import Options, rate_of
from restora.app.result import Result, small
from restora.core.errors import BadKnob
from restora.core.report import Report


def interpolate(
    y: Given,
    to: Given | None = None,
    *,
    factor: int | None = None,
    fps: float | str | Fraction | None = None,
    at: float = 0.5,
    method: str = "tgan",
    engine: str = "auto",
    device: str = "cpu",
    max_memory: int | str = "1GB",
    output: str | PathLike[str] | None = None,
    options: Options | None = None,
) -> Result:
    """Make a clip with more frames, or the picture between two.

    y: a clip; then `to` or `output` is the file of the result. factor: times as many frames, 2 to 16; default: 2.
    fps: frames a second instead, as 60 or "60000/1001".
    y and to: two pictures, as in `fix`, of the same size; alpha is dropped. at: where between them, 0 to 1.
    method: tgan, a trained net; flow, blend or repeat. Raises RestoraError.
    """
    from restora.work.interpolate import More

    if not (path := clip_in(y)):
        if factor is not None or fps is not None:
            raise BadKnob("factor and fps are for clips; for pictures give a second one, and at")
        return _between(y, to, (at, method), place(engine, device, max_memory, output, options))
    if factor is not None and fps is not None:
        raise BadKnob("give factor or fps, not both")
    if output is not None and to is not None:
        raise BadKnob("the result of a clip was named twice; name it once")
    target = output_of(path, to if isinstance(to, str | PathLike) else output)
    rate = None if fps is None else rate_of(fps)
    times = 2 if factor is None else number(factor, "factor")
    if times != int(times):
        raise BadKnob(f"factor must be a whole number, not {factor!r}")
    return more_frames(path, place(engine, device, max_memory, target, options), More(int(times), rate, method))


def _between(y: Given, to: Given | None, how: tuple[float, str], where: Where) -> Result:
    """The picture between two; how: its place, and the method."""
    from restora.engines.choice import backend_named
    from restora.work.interpolate import interpolate_pictures, plan_to_interpolate

    started, (at, method) = time.perf_counter(), how
    if to is None:
        raise BadKnob("give a second picture, of the same size")
    share = number(at, "at")
    if not 0 <= share <= 1:
        raise BadKnob(f"at must be from 0 to 1, not {at!r}")
    where.options.for_pictures()
    before, after = (opened(each, where.options) for each in (y, to))
    backend, report = backend_named(where.engine, where.device), Report(plan_to_interpolate(method))
    image = interpolate_pictures(before.image, after.image, (method, ""), backend, where.memory, share, report=report)
    report.input, report.seconds = str(before.path or "array"), round(time.perf_counter() - started, 3)
    result = Result(before.form.restored(image), report, meta=before.image.meta, before=small(before.image))
    if where.output:
        report.warnings += result.save(where.output, quality=where.options.quality, force=where.options.force)
    return result
