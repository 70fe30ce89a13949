"""Jobs of clips: what a client may wish, its limits, and how such a job is carried out."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from restora.core.errors import BadImage, BadKnob, RestoraError
from restora.core.plan import Plan
from restora.core.report import Report
from restora.files.clip import Clip, open_clip
from restora.files.container import FOLDER, container_of
from restora.files.mux import ending_for
from restora.stages.stage import Tell
from restora.work.clips import ClipOptions, restore_clip
from restora.work.diagnose import Pixels
from restora.work.interpolate import More, interpolate_clip
from restora.work.restore import Limits, Options

CLIP = "the clip"
"""Name of an uploaded clip in messages, which must not show its path."""


@dataclass(frozen=True)
class ClipWish:
    """How a clip is restored by a job, see ClipOptions; or interpolated, if it has a factor or a rate, see More.

    rate: frames a second, as 60 or 60000/1001.
    """

    preview: bool = False
    codec: str = "h264"
    quality: int = 95
    deinterlace: bool = False
    factor: int = 0
    rate: str = ""
    method: str = "tgan"

    @property
    def more(self) -> More | None:
        """The frames that are added; None for a restoration. Raises BadKnob."""
        if self.factor and self.rate:
            raise BadKnob("give factor or fps, not both")
        if not self.factor and not self.rate:
            return None
        try:
            return More(self.factor or 2, Fraction(self.rate) if self.rate else None, self.method)
        except (ValueError, ZeroDivisionError) as error:
            raise BadKnob(f"fps must be a number such as 60 or 60000/1001, not {self.rate!r}") from error

    def to_json(self) -> str:
        """As it is stored with a job."""
        return json.dumps(asdict(self))


def admitted_clip(path: Path, limits: Limits, salvage: bool = False, name: str = CLIP) -> Clip:
    """An open clip within the limits; messages call it `name` and never show its path. Raises BadImage or Truncated."""
    if container_of(path) in ("", FOLDER):  # FFmpeg would also read lists of other files
        raise BadImage(f"{name} is not a clip that can be read, such as MP4, Matroska, WebM or AVI")
    try:
        clip = open_clip(path, limits.pixels, salvage=salvage)
    except RestoraError as error:
        raise type(error)(str(error).replace(str(path), name)) from error
    check_length(clip.times.frames, float(clip.seconds), limits, f"{name} has")
    return clip


def check_length(frames: int, seconds: float, limits: Limits, what: str) -> None:
    """Raise BadImage for more frames or seconds than allowed; `what` begins the sentence."""
    if frames > limits.frames:
        raise BadImage(f"{what} {frames} frames, more than the limit of {limits.frames:g} (--max-frames)")
    if seconds > limits.seconds:
        raise BadImage(f"{what} {seconds:.4g} seconds, more than the limit of {limits.seconds:g} (--max-seconds)")


def check_wish(wish: ClipWish, clip: Clip, limits: Limits) -> None:
    """Raise BadKnob or BadImage for what cannot be done with a clip, or gives more frames than allowed."""
    more = wish.more
    if more is None:
        return
    if wish.preview:
        raise BadKnob("a preview is not for interpolation")
    rate = more.rate or clip.rate * more.factor
    check_length(math.ceil(float(clip.seconds) * rate), 0, limits, "the result would have")


def ending_of(path: Path, codec: str) -> str:
    """The file name extension of the result of an uploaded clip: mkv for Matroska, else mp4 if that can hold it."""
    return "mkv" if container_of(path) == "Matroska" else ending_for(path, codec)[1:]


def is_kept_as(path: Path, ending: str) -> bool:
    """Whether a clip may be copied to a file with this extension as it is."""
    return container_of(path) == {"mp4": "MP4", "m4v": "MP4", "mov": "MP4", "mkv": "Matroska"}.get(ending)


def carry_out_wish(
    wish: ClipWish, files: tuple[Path, Path], decide: Callable[[Pixels], Plan], options: Options, tell: Tell
) -> Report:
    """Restore or interpolate a clip from one file into another.

    If it ends early, finished segments stay beside the result, and the next call continues there; after an error they
    are removed. Raises RestoraError.
    """
    source, target = files
    how = ClipOptions(options, wish.codec, wish.deinterlace, wish.preview)
    try:
        if more := wish.more:
            return interpolate_clip(source, target, how, more, tell=tell, resume=_quiet)
        return restore_clip(source, target, decide, how, tell=tell, resume=_quiet)
    except (RestoraError, OSError, MemoryError):
        for folder in target.parent.glob(f".{target.name}.restora-part"):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _quiet(sentence: str) -> None:
    """The words about what is resumed are not needed."""
