"""Options of the functions of the Python API that restore."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from restora.app.given import number
from restora.core.amount import amount
from restora.core.errors import BadKnob

OF_CLIPS = ("codec", "deinterlace", "preview", "resume")
"""Names of options that pictures do not have."""


@dataclass(frozen=True)
class Options:
    """How a run goes and how its result is written; each option is that of the commands with the same name.

    progress: called with (done, total) after each tile of a picture, or each frame of a clip. max_pixels: limit on the
    size of a picture file or of a frame, as a number or as "100MP". salvage: restore the existing part of a truncated
    file. force: overwrite `output`. quality: of JPEG, WebP, AVIF and H.264, 1 to 100.

    For clips: codec: "h264", or "ffv1", which is lossless. deinterlace: make the frames of an interlaced clip
    progressive. preview: restore only a second from the middle. resume: keep finished segments if the run is stopped,
    and continue there; the logger "restora" tells that.
    """

    progress: Callable[[int, int], None] | None = None
    max_pixels: int | str = "2GP"
    salvage: bool = False
    force: bool = False
    quality: int = 95
    codec: str = "h264"
    deinterlace: bool = False
    preview: bool = False
    resume: bool = False

    @property
    def pixels(self) -> int:
        """`max_pixels` as a number. Raises BadKnob."""
        return amount_of(self.max_pixels, "max_pixels")

    def for_pictures(self) -> None:
        """Raise BadKnob if an option of clips is set."""
        for each in fields(self):
            if each.name in OF_CLIPS and getattr(self, each.name) != each.default:
                raise BadKnob(f"{each.name} is an option for clips, and a picture was given")


def amount_of(given: int | str, name: str) -> int:
    """An amount that was given under a name, as a number or with a unit. Raises BadKnob."""
    return amount(given) if isinstance(given, str) else int(number(given, name))
