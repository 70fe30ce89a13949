"""The result of a restoration in the Python API."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from restora.app.given import array_of, image_of, named
from restora.core.diagnosis import Diagnosis
from restora.core.errors import RestoraError
from restora.core.image import Image, Meta, means
from restora.core.plan import Plan
from restora.core.report import Report

SIDE = 480
"""Longest side of a notebook preview in pixels."""
_GAP = 8
"""Gap in pixels between before and after."""


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A restored picture, and how it was made.

    image: in the type and shape of the given picture; for a file an array (H, W) or (H, W, 2 to 4) with the file's
    depth: uint8, uint16, or float32 on the 0..1 scale.
    report: what was done, in enough detail to repeat it; `report.to_json()` is what the command line writes.
    diagnosis: what was found in the picture; None if it was not diagnosed.
    products: further outputs of methods, by name, as arrays; see `products` of `restora.show`.
    """

    image: Any
    report: Report
    diagnosis: Diagnosis | None = None
    products: Mapping[str, Any] = field(default_factory=dict)
    meta: Meta = field(default_factory=Meta)  # of the given file or PIL image
    before: Image | None = None  # small, for a preview
    unchanged: Path | None = None  # the given file, if the plan has no steps

    @property
    def plan(self) -> Plan:
        """What was done, as JSON: `plan.to_json()`. With `restora.restore` it gives the same pixels again."""
        return self.report.plan

    def save(self, path: str | PathLike[str], *, quality: int = 95, force: bool = False) -> list[str]:
        """Write the picture and its metadata, in the format of the extension; returns sentences on what was lost.

        quality: of JPEG, WebP and AVIF, 1 to 100. A file in which nothing was changed is copied byte for byte if the
        format stays the same. Raises OutputExists if the file exists and `force` is not set, BadImage if it cannot be
        written.
        """
        from restora.core.checksum import sha256
        from restora.files.save import check_output, copy, write

        target, image = named(path), self._image()
        if self.unchanged and self._is_in(self.unchanged, check_output(target, image.shape, force)):
            copy(self.unchanged, target, force=force)
            notes = []
        else:
            notes = write(image, target, force=force, quality=quality)
        self.report.output, self.report.output_sha256 = str(target), sha256(target)
        return notes

    def _image(self) -> Image:
        return replace(image_of(array_of(self.image)[0]), meta=self.meta)

    def _is_in(self, path: Path, kind: str) -> bool:
        """Whether a file of this format holds the picture; the file or `image` may have changed meanwhile."""
        from restora.files.picture import open_picture

        try:
            picture = open_picture(path)
            there, here = picture.load(), self._image()
        except RestoraError:
            return False
        same_alpha = there.alpha is here.alpha is None or np.array_equal(there.alpha, here.alpha)  # type: ignore[arg-type]
        return picture.format == kind and same_alpha and np.array_equal(there.pixels, here.pixels)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.image, dtype, copy=copy)

    def __repr__(self) -> str:
        numbers = np.asarray(self.image)
        size = f"{numbers.shape[1]}x{numbers.shape[0]} {numbers.dtype}"
        return f"Result({size}: {self._steps()}; {self.plan.because})"

    def _steps(self) -> str:
        from restora.methods.table import called

        return " then ".join(map(called, self.plan.steps)) or "no change"

    def _repr_png_(self) -> bytes:
        """Before and after side by side, small."""
        from restora.files.save import as_png

        shown = self._shown()
        parts = [_in_colour(part) for part in shown.values()]
        paper = np.ones((max(map(len, parts)), sum(part.shape[1] + _GAP for part in parts) - _GAP, 3), np.float32)
        left = 0
        for part in parts:
            paper[: part.shape[0], left : left + part.shape[1]] = part
            left += part.shape[1] + _GAP
        after = shown["after"]
        return as_png(Image(paper, meta=after.meta if after.shape[2] == 3 else Meta()))  # it may be a profile for grey

    def _repr_html_(self) -> str:
        """Before and after with what was done, for a notebook."""
        from restora.files.save import as_png

        pictures = "".join(
            f'<img alt="{name}" title="{name}" style="width: 48%; margin-right: 1%"'
            f' src="data:image/png;base64,{base64.b64encode(as_png(part)).decode()}">'
            for name, part in self._shown().items()
        )
        told = escape(f"{self._steps()}: {self.plan.because}")
        return f"<figure>{pictures}<figcaption>{told}</figcaption></figure>"

    def _shown(self) -> dict[str, Image]:
        """The preview, with its colour profile."""
        colours = Meta(icc=self.meta.icc, colour=self.meta.colour)
        parts = {"before": self.before, "after": small(self._image())}
        return {name: replace(part, meta=colours) for name, part in parts.items() if part}


def small(image: Image, side: int = SIDE) -> Image:
    """The picture, shrunk so that its longer side is `side` pixels; without metadata."""
    height, width, _ = image.shape
    factor = min(-(-max(height, width) // side), height, width)
    inside = slice(0, height - height % factor), slice(0, width - width % factor)
    alpha = None if image.alpha is None else means(image.alpha[inside][:, :, None], factor)[:, :, 0]
    return Image(means(image.pixels[inside], factor), alpha)


def _in_colour(image: Image) -> np.ndarray:
    """(H, W, 3), on a white background."""
    pixels = np.broadcast_to(image.pixels, (*image.shape[:2], 3))
    return pixels if image.alpha is None else 1 + image.alpha[:, :, None] * (pixels - 1)
