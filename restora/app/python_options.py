"""Options of the functions of the Python API that restore."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction

from restora.app.given import number
from restora.core.amount import amount
from restora.core.errors import BadKnob

OF_CLIPS = ("codec", "preset", "deinterlace", "preview", "resume", "fps")
"""Names of options that pictures do not have."""


@dataclass(frozen=True)
class Options:
    """How a run goes and how its result is written; each option is that of the commands with the same name.

    progress: called with (done, total) after each tile of a picture, or each frame of a clip. max_pixels: limit on the
    size of a picture file or of a frame, as a number or as "100MP". salvage: restore the existing part of a truncated
    file. force: overwrite `output`. quality: of JPEG, WebP, AVIF and H.264, 1 to 100.

    For clips: codec: "h264", or "ffv1", which is lossless. preset: of x264, such as "veryfast". deinterlace: make the
    frames of an interlaced clip progressive. preview: restore only a second from the middle. resume: keep finished
    segments if the run is stopped, and continue there; the logger "restora" tells that. fps: frames a second of a
    folder of frames.
    """

    progress: Callable[[int, int], None] | None = None
    max_pixels: int | str = "2GP"
    salvage: bool = False
    force: bool = False
    quality: int = 95
    codec: str = "h264"
    preset: str = "medium"
    deinterlace: bool = False
    preview: bool = False
    resume: bool = False
    fps: float | str | Fraction | None = None

    @property
    def pixels(self) -> int:
        """`max_pixels` as a number. Raises BadKnob."""
        return amount_of(self.max_pixels, "max_pixels")

    @property
    def rate(self) -> Fraction | None:
        """`fps` as a number. Raises BadKnob."""
        return None if self.fps is None else rate_of(self.fps)

    def for_pictures(self) -> None:
        """Raise BadKnob if an option of clips is set."""
        for each in fields(self):
            if each.name in OF_CLIPS and getattr(self, each.name) != each.default:
                raise BadKnob(f"{each.name} is an option for clips, and a picture was given")


def rate_of(fps: float | str | Fraction) -> Fraction:
    """Frames a second, as a number or as 60000/1001. Raises BadKnob."""
    try:
        return Fraction(fps) if isinstance(fps, str | Fraction | int) else Fraction(float(fps)).limit_denominator(1001)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError) as error:
        raise BadKnob(f"fps must be a number, or words such as '60000/1001', not {fps!r}") from error


def amount_of(given: int | str, name: str) -> int:
    """An amount that was given under a name, as a number or with a unit. Raises BadKnob."""
    return amount(given) if isinstance(given, str) else int(number(given, name))
