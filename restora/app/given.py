"""Pictures from Python code: files, arrays, PIL images and tensors, checked, and converted back to the same type.

An array is (H, W), (H, W, 1) or (H, W, 3), or with alpha as the last channel (H, W, 2) or (H, W, 4); uint8, uint16,
or floating point on the 0..1 scale. Everything else is refused, because its scale would be guessed wrongly.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from restora.core.errors import BadImage, BadKnob, Truncated
from restora.core.image import Image, Meta

if TYPE_CHECKING:
    from restora.app.python_options import Options
    from restora.files.picture import Picture


class ArrayInterface(Protocol):
    """The interface of PIL images."""

    @property
    def __array_interface__(self) -> Mapping[str, Any]:
        """See NumPy."""


Given: TypeAlias = str | os.PathLike[str] | npt.ArrayLike | ArrayInterface
"""A picture: the name of a file, an array, a PIL image, or a torch tensor whose channels are last."""

MODES = ("L", "LA", "RGB", "RGBA", "I;16", "F")
"""Modes of PIL images that need no conversion."""
HELD = 50_000_000
"""Bytes of a picture up to which tiles are chosen as for a file that is decoded into memory; see files/picture.py."""
_NEAR = -0.5, 1.5
"""Range of all but one in a hundred floating-point values: unclipped noise goes beyond 0 and 1."""
_FAR = -3.0, 4.0
"""Range of all values."""
_MANY = 0.01


@dataclass(frozen=True)
class Form:
    """The type and shape of a picture that was given, which its result has too."""

    dtype: np.dtype[Any]
    flat: bool = False  # (H, W), if it has one channel
    pil: Mapping[str, Any] | None = None  # metadata of a PIL image

    def restored(self, image: Image) -> Any:
        """A picture in this form; its size, and whether it has alpha, may differ."""
        from restora.files.save import quantise

        values = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
        whole = self.dtype.kind == "u"
        numbers = (quantise(values, 8 * self.dtype.itemsize) if whole else values).astype(self.dtype)
        if numbers.shape[2] == 1 and self.flat:
            numbers = numbers[:, :, 0]
        if self.pil is None:
            return numbers
        from PIL import Image as Pillow

        picture = Pillow.fromarray(np.ascontiguousarray(numbers))
        picture.info.update(self.pil)
        return picture


@dataclass(frozen=True)
class Opened:
    """A picture that was given, in memory."""

    image: Image
    form: Form
    held: int  # bytes that are not available for tiles
    path: Path | None = None
    array: np.ndarray | None = None
    notes: tuple[str, ...] = field(default=())  # changes made by reading, and warnings of the decoder
    file: "Picture | None" = None  # if it is truncated
    salvaged_rows: int = 0

    @property
    def seen(self) -> "Image | Picture":
        """The picture for the diagnosis, which looks only at the existing part of a truncated file."""
        return self.file or self.image


def clip_in(given: Given) -> Path | None:
    """The path, if it is that of a clip; None for a picture and everything else."""
    from restora.files.container import container_of

    path = named(given) if isinstance(given, str | os.PathLike) else None
    return path if path and container_of(path) else None


def opened(given: Given, options: "Options | None" = None) -> Opened:
    """A picture that was given, on the 0..1 scale. Raises BadImage if it is not a picture, or a file is too large."""
    if isinstance(given, str | os.PathLike):
        return _file(named(given), options)
    array, pil = array_of(given)
    _check(array)
    image = image_of(array)
    meta = Meta(bits=_bits(array.dtype), icc=(pil or {}).get("icc_profile"))
    held = array.nbytes if array.nbytes <= HELD else 0
    form = Form(array.dtype, array.ndim == 2, pil)
    return Opened(Image(image.pixels, image.alpha, meta=meta), form, held, array=None if pil else array)


def named(path: str | os.PathLike[str]) -> Path:
    """The path of a file. Raises BadImage for -, which commands use for standard input or output."""
    if str(path) == "-":
        raise BadImage("- is standard input or output, which Python functions do not use; give the name of a file")
    return Path(path)


def image_of(array: np.ndarray) -> Image:
    """An array as pixels and alpha; nothing is checked."""
    values = array[:, :, None] if array.ndim == 2 else array
    values = values.astype(np.float32)
    if array.dtype.kind == "u":
        values /= np.float32(np.iinfo(array.dtype).max)
    alpha = values[:, :, -1].copy() if values.shape[2] in (2, 4) else None
    pixels = values if alpha is None else np.ascontiguousarray(values[:, :, :-1])
    return Image(pixels, alpha, meta=Meta(bits=_bits(array.dtype)))


def array_of(given: Any) -> tuple[np.ndarray, dict[str, Any] | None]:
    """The picture as an array, only its kind checked, and the metadata of a PIL image."""
    pillow, torch = sys.modules.get("PIL.Image"), sys.modules.get("torch")  # already imported if such an object exists
    pil = dict(given.info) if pillow and isinstance(given, pillow.Image) else None
    if pil is not None and given.mode not in MODES:
        raise BadImage(f"a PIL image cannot have mode {given.mode}; convert it, for example with .convert('RGB')")
    if torch and isinstance(given, torch.Tensor):
        given = given.detach().cpu()
        given = given.float() if given.dtype == torch.bfloat16 else given
    if np.ma.is_masked(given):
        raise BadImage("the array has masked values; replace them with numbers")
    try:
        return np.asarray(given), pil
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise BadImage(f"{type(given).__name__} is not a picture: it cannot be read as an array ({error})") from error


def _file(path: Path, options: "Options | None") -> Opened:
    from restora.files.picture import MAX_PIXELS, open_picture

    try:
        picture = open_picture(
            path, options.pixels if options else MAX_PIXELS, salvage=bool(options and options.salvage)
        )  # fmt: skip
        image, rows = picture.load(), picture.salvaged_rows
    except Truncated as error:
        raise Truncated(f"{error}; restore the existing part with restora.Options(salvage=True)") from error
    form = Form(np.dtype({8: np.uint8, 16: np.uint16}.get(image.meta.bits, np.float32)), flat=True)
    notes = (*image.meta.notes, *picture.faults)
    return Opened(image, form, picture.held, path, notes=notes, file=picture if rows else None, salvaged_rows=rows)


def _bits(dtype: np.dtype[Any]) -> int:
    return 8 * dtype.itemsize if dtype.kind == "u" else 32


def _check(array: np.ndarray) -> None:
    """Raise BadImage for an array that is not a picture, or whose values do not fit the scale of its type."""
    if array.dtype.kind not in "uf" or (array.dtype.kind == "u" and array.dtype.itemsize > 2):
        hint = "; if it holds 0 to 255, use .astype(np.uint8)" if array.dtype.kind in "iu" else ""
        raise BadImage(f"a picture must be uint8, uint16, or float from 0 to 1, not {array.dtype}{hint}")
    _check_shape(array.shape)
    if array.dtype.kind == "f":
        _check_floats(array)
        return
    high = int(array.max())
    if high == 1:
        raise BadImage(
            f"the array holds only 0 and 1, which are black in {array.dtype}; scale it to the range of its type"
        )
    if array.dtype.itemsize == 2 and 0 < high < 256:
        raise BadImage(
            f"the uint16 array's maximum is {high}, but white is 65535; if its white is 255, use .astype(np.uint8),"
            " and if it really is that dark, divide it by 65535"
        )


def _check_shape(shape: tuple[int, ...]) -> None:
    told = "x".join(map(str, shape)) or "a single number"
    if 0 in shape:
        raise BadImage(f"the array is empty ({told})")
    if len(shape) == 3 and shape[2] > 4 and shape[0] <= 4:
        raise BadImage(
            f"the array ({told}) has its channels first; put them last, with np.transpose(y, (1, 2, 0)), or"
            " y.permute(1, 2, 0) for a tensor"
        )
    if len(shape) == 4:
        raise BadImage(f"the array ({told}) is a batch; give its pictures one by one, as (H, W, C)")
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] > 4):
        raise BadImage(f"a picture must be an array (H, W), or (H, W, C) with 1 to 4 channels, not {told}")


def _check_floats(array: np.ndarray) -> None:
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise BadImage("the array holds NaN or infinity; replace them with numbers")
    if low >= _NEAR[0] and high <= _NEAR[1]:
        return
    outside = float(((array < _NEAR[0]) | (array > _NEAR[1])).mean())
    if outside <= _MANY and low >= _FAR[0] and high <= _FAR[1]:
        return
    if high <= _NEAR[1]:
        hint = "if it is from -1 to 1, use (y + 1) / 2"
    else:
        hint = f"divide it by {255 if high <= 2 * 255 else 65535 if high <= 2 * 65535 else 'its value of white'}"
    raise BadImage(f"the array's values are from {low:.4g} to {high:.4g}, but 0 must be black and 1 white; {hint}")


def number(value: Any, name: str) -> float:
    """A number that was given under a name. Raises BadKnob for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise BadKnob(f"{name} must be a number, not {value!r}")
    return float(value)


def size_in(size: tuple[int, int]) -> tuple[int, int]:
    """A size (height, width) that was given. Raises BadKnob."""
    whole = isinstance(size, tuple | list) and all(isinstance(side, int | np.integer) for side in size)
    if not whole or len(size) != 2 or min(size) < 1:
        raise BadKnob(f"size must be (height, width) in pixels, not {size!r}")
    return int(size[0]), int(size[1])
