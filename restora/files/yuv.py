"""Frames of clips as arrays: from planes of luma and chroma to RGB and back, exactly.

Chroma is enlarged to the size of luma by U and shrunk by D with D(U(c)) = c for every c, in floating point and without
clipping. So a frame that nothing changed has the bits that it had. Where chroma lies on luma (`on`), U is linear
interpolation and D the low-pass filter of the 5/3 wavelet; where it lies between two values of luma (`between`), U
keeps the mean of each pair and D takes it. Both pairs are biorthogonal (Cohen, Daubechies, Feauveau, 1992).
"""

import re
from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np

from restora.core.errors import BadImage

MATRICES = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087)} | {
    9: (0.2627, 0.0593), 10: (0.2627, 0.0593)
}  # fmt: skip
"""The shares of red and blue in luma, by FFmpeg's number of the matrix (ITU-T H.273, table 4)."""
PLANAR = re.compile(r"(yuv|gray|gbr)a?j?(444|422|420|411|410|440)?p?(\d+)?(le)?")
SHRUNK = {"444": (1, 1), "440": (2, 1), "422": (1, 2), "420": (2, 2), "411": (1, 4), "410": (4, 4)}
"""How many rows and columns of luma share a value of chroma, by the name of the format."""


@dataclass(frozen=True)
class Layout:
    """How the values of a frame are stored.

    family: yuv, grey or rgb. shrunk: rows and columns of luma that share a value of chroma. full: whether all codes
    are used, from 0 for black. matrix: FFmpeg's number. between: whether chroma lies between columns of luma.
    """

    family: str
    bits: int
    shrunk: tuple[int, int] = (1, 1)
    full: bool = False
    matrix: int = 2
    between: bool = False

    @property
    def channels(self) -> int:
        """1 for grey, else 3."""
        return 1 if self.family == "grey" else 3

    @property
    def name(self) -> str:
        """FFmpeg's name of this format, with planes and, above 8 bits, two bytes for a value."""
        ending = "" if self.bits == 8 else f"{self.bits}le"
        if self.family == "grey":
            return f"gray{ending}"
        subsampling = next(name for name, shrunk in SHRUNK.items() if shrunk == self.shrunk)
        return f"gbrp{ending}" if self.family == "rgb" else f"yuv{subsampling}p{ending}"

    def levels(self) -> tuple[float, float, float, float]:
        """Of luma, the code of black and the codes from there to white; of chroma, those of zero and of the range."""
        scale = 2 ** (self.bits - 8)
        if self.full or self.family == "rgb":
            return 0.0, 2.0**self.bits - 1, 2.0 ** (self.bits - 1), 2.0**self.bits - 1
        return 16.0 * scale, 219.0 * scale, 128.0 * scale, 224.0 * scale


def layout_of(frame: av.VideoFrame, between: bool = False) -> Layout:
    """The layout in which the values of a frame are read. Raises BadImage for formats that are not known."""
    name = planar_name(frame)
    found = PLANAR.fullmatch(name)
    assert found is not None
    bits, full = int(found[3] or 8), frame.color_range == 2 or frame.format.name.startswith("yuvj")
    if found[1] != "yuv":
        return Layout({"gray": "grey", "gbr": "rgb"}[found[1]], bits, full=frame.color_range != 1)
    matrix = int(frame.colorspace)
    return Layout("yuv", bits, SHRUNK[found[2]], full, matrix, between or frame.format.name.startswith("yuvj"))


def planar_name(frame: av.VideoFrame) -> str:
    """The format with separate planes that has the same values as that of a frame."""
    name, format_ = frame.format.name, frame.format
    if PLANAR.fullmatch(name) and format_.is_planar | name.startswith("gray"):
        return str(name)
    bits = max(component.bits for component in format_.components)
    ending = "" if bits <= 8 else "16le" if format_.is_rgb else f"{bits}le"
    if name.endswith("be") and PLANAR.fullmatch(f"{name[:-2]}le"):
        return f"{name[:-2]}le"
    if format_.is_rgb or format_.has_palette:
        return f"gbrp{ending}"
    if len(format_.components) < 3:
        return f"gray{ending}"
    height, width = frame.height, frame.width
    rows, columns = round(height / format_.chroma_height()), round(width / format_.chroma_width())
    same = next((known for known, shrunk in SHRUNK.items() if shrunk == (rows, columns)), None)
    if same is None:
        raise BadImage(f"frames in the pixel format {name} cannot be read")
    return f"yuv{same}p{ending}"


def pixels_of(frame: av.VideoFrame, layout: Layout) -> np.ndarray:
    """(H, W, C) float32, 0 black and 1 white; codes beyond black and white, and rare colours, are beyond 0..1."""
    name = planar_name(frame)
    frame = frame if name == frame.format.name else frame.reformat(format=name)
    planes = [_plane(frame, index) for index in range(layout.channels)]
    if layout.family == "grey":
        black, white, _, _ = map(np.float32, layout.levels())
        return ((planes[0] - black) / white)[:, :, None]
    if layout.family == "yuv":
        planes[1:] = [enlarged(plane, planes[0].shape, layout) for plane in planes[1:]]
    return cv2.transform(cv2.merge(planes), to_rgb(layout, planes[0].shape))


def frame_of(pixels: np.ndarray, layout: Layout) -> av.VideoFrame:
    """A frame of (H, W, C) pixels; values are rounded to the codes of the layout."""
    if layout.family == "grey":
        black, white, _, _ = map(np.float32, layout.levels())
        planes = [pixels[:, :, 0] * white + black]
    else:
        colours = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, 2)
        there = to_rgb(layout, pixels.shape)
        back = np.linalg.inv(there[:, :3])
        back = np.concatenate([back, -back @ there[:, 3:]], 1)
        planes = [np.empty(pixels.shape[:2], np.float32) for _ in range(3)]
        cv2.split(cv2.transform(np.ascontiguousarray(colours, np.float32), back), planes)
        if layout.family == "yuv":
            planes[1:] = [shrunk(plane, layout) for plane in planes[1:]]
    frame = av.VideoFrame(pixels.shape[1], pixels.shape[0], layout.name)
    for index, plane in enumerate(planes):
        _plane(frame, index, raw=True)[:] = np.rint(plane).clip(0, 2**layout.bits - 1)
    frame.color_range, frame.colorspace = 2 if layout.full else 1, layout.matrix
    return frame


def to_rgb(layout: Layout, size: tuple[int, ...]) -> np.ndarray:
    """The matrix (3, 4) from the codes of a pixel, in the order of planes, and 1 to red, green and blue."""
    black, white, zero, full = layout.levels()
    if layout.family == "rgb":  # planes are green, blue, red
        return np.array([[0, 0, 1 / white, 0], [1 / white, 0, 0, 0], [0, 1 / white, 0, 0]])
    kr, kb = weights(layout, size)
    kg = 1 - kr - kb
    mixed = np.array([[1, 0, 2 - 2 * kr], [1, -kb * (2 - 2 * kb) / kg, -kr * (2 - 2 * kr) / kg], [1, 2 - 2 * kb, 0]])
    scaled = mixed / [white, full, full]
    return np.concatenate([scaled, -scaled @ [[black], [zero], [zero]]], 1)


def codes_of(frame: av.VideoFrame) -> list[np.ndarray]:
    """The codes of a frame, plane by plane; they are not copied if the format has separate planes."""
    name = planar_name(frame)
    frame = frame if name == frame.format.name else frame.reformat(format=name)
    return [_plane(frame, index, raw=True) for index in range(min(3, len(frame.planes)))]


def weights(layout: Layout, size: tuple[int, ...]) -> tuple[float, float]:
    """The shares of red and blue in luma; where the clip does not say, those of its size: BT.709 from 720 lines on."""
    usual = MATRICES[1 if size[0] > 576 or size[1] >= 1280 else 6]
    return MATRICES.get(layout.matrix, usual)


def enlarged(chroma: np.ndarray, size: tuple[int, ...], layout: Layout) -> np.ndarray:
    """Chroma at the (height, width) of luma."""
    rows, columns = layout.shrunk
    chroma = _enlarged(chroma, size[0], rows, between=True)
    return np.ascontiguousarray(_enlarged(chroma.T, size[1], columns, layout.between).T)


def shrunk(chroma: np.ndarray, layout: Layout) -> np.ndarray:
    """Chroma of the size of luma, at its own."""
    rows, columns = layout.shrunk
    return _shrunk(_shrunk(chroma, rows, between=True).T, columns, layout.between).T


def _enlarged(values: np.ndarray, rows: int, times: int, between: bool) -> np.ndarray:
    if times == 1:
        return values
    if times == 4:
        return _enlarged(_enlarged(values, -(-rows // 2), 2, between), rows, 2, between)
    after = np.concatenate([values[1:], values[-1:]])
    result = np.empty_like(values, shape=(2 * len(values), *values.shape[1:]))  # in the order of memory of `values`
    if between:
        before = np.concatenate([values[:1], values[:-1]])
        slope = (after - before) / 8
        slope[-1:] = 0 if rows % 2 else slope[-1:]  # the last value stands for one row only
        result[::2], result[1::2] = values - slope, values + slope
    else:
        result[::2], result[1::2] = values, (values + after) / 2
    return result[:rows]


def _shrunk(values: np.ndarray, times: int, between: bool) -> np.ndarray:
    if times == 1:
        return values
    if times == 4:
        return _shrunk(_shrunk(values, 2, between), 2, between)
    even, odd = values[::2], values[1::2]
    if between:
        return np.concatenate([(even[: len(odd)] + odd) / 2, even[len(odd) :]])
    if not len(odd):
        return even
    after = np.concatenate([even[1:], even[-1:]])[: len(odd)]
    detail = odd - (even[: len(odd)] + after) / 2
    around = np.concatenate([detail[:1], detail, detail[-1:]])
    return even + (around[: len(even)] + around[1 : len(even) + 1]) / 4


def _plane(frame: av.VideoFrame, index: int, raw: bool = False) -> np.ndarray:
    """A plane (h, w) as float32; raw: the codes themselves, which can be written to."""
    plane: Any = frame.planes[index]
    kind = np.dtype(np.uint8 if max(part.bits for part in frame.format.components) <= 8 else np.dtype("<u2"))
    rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
    codes = rows[:, : plane.width]
    return codes if raw else codes.astype(np.float32)
