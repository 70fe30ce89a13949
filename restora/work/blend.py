"""Blend a finished result with the given picture, without computing it again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from restora.core.plan import Blend, Step
from restora.engines.tiling import cores
from restora.files.picture import Picture, open_picture
from restora.files.save import write_by_tiles
from restora.stages.blend import Blending, noise_of
from restora.work.diagnose import spread
from restora.work.restore import Limits, visible

TILE = (512, 1024)
"""Height and width of the pieces that are blended one after the other."""


@dataclass(frozen=True)
class Blendable:
    """A given picture file, and the pixels of its result, which `restore_file` kept.

    salvage: the given file is truncated, and its existing part was restored.
    """

    given: Path
    pixels: Path
    salvage: bool = False

    def opened(self, limits: Limits) -> tuple[Picture, Picture]:
        """The given picture and the result. Raises BadImage."""
        result = open_picture(self.pixels, name="the result")
        return open_picture(self.given, limits.pixels, name=self.given.name, salvage=self.salvage), result


def noise_removed(files: Blendable, limits: Limits) -> tuple[float, float]:
    """The levels of the removed noise in the two finest bands, from up to nine parts of the picture; see `noise_of`."""
    given, result = files.opened(limits)
    return noise_of([given.window(*part) - result.window(*part) for part in spread(*given.shape[:2])])


def blend_file(files: Blendable, target: Path, blend: Blend, limits: Limits, ending: str) -> list[str]:
    """Write the blended picture, with the metadata of the given one, in the format of an ending; as `restore_file`.

    Returns what the format could not keep, in words. Raises BadImage.
    """
    given, result = files.opened(limits)
    anything = (Step("", ""),)  # what is hidden under full transparency was replaced
    read: Callable[..., np.ndarray] = visible(given, anything) if given.has_alpha else given.window
    stage = Blending(blend, read, given.shape[:2])

    def tiles() -> Iterator[tuple[int, np.ndarray]]:
        for window in cores(*result.shape[:2], TILE):
            core = stage.run(result.window, window)
            alpha = result.alpha_window(*window)
            yield window[1], core if alpha is None else np.dstack([core, alpha])

    shape = *result.shape[:2], result.shape[2] + result.has_alpha
    return write_by_tiles(tiles(), shape, given.meta, target, force=True, kind=ending)
