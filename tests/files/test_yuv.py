"""Frames become arrays and frames again without a change of one bit."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restora.files.yuv import SHRUNK, Layout, codes_of, enlarged, frame_of, layout_of, pixels_of, shrunk

FORMATS = [
    "yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv411p", "yuv410p", "yuv440p", "yuv420p10le", "yuv422p10le",
    "yuv444p12le", "gray", "gray10le", "gbrp", "gbrp10le", "rgb24", "nv12", "yuyv422", "bgr0", "yuv420p10be",
]  # fmt: skip
SIZES = [(48, 64), (47, 63), (5, 2), (2, 3), (1, 1)]


def noise(name, size, seed=0):
    """A frame of random codes."""
    rng, frame = np.random.default_rng(seed), av.VideoFrame(size[1], size[0], name)
    bits = max(part.bits for part in frame.format.components)
    kind = "u1" if bits <= 8 else ">u2" if name.endswith("be") else "<u2"
    for plane in frame.planes:
        count = plane.buffer_size // np.dtype(kind).itemsize
        plane.update(rng.integers(0, 2**bits, count).astype(kind).tobytes())
    return frame


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("between", [False, True])
def test_no_bit_changes(name, size, between):
    frame = noise(name, size)
    layout = layout_of(frame, between)
    pixels = pixels_of(frame, layout)
    assert pixels.shape == (*size, layout.channels) and pixels.dtype == np.float32
    for before, after in zip(codes_of(frame), codes_of(frame_of(pixels, layout)), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("matrix", [1, 2, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("full", [False, True])
def test_no_bit_changes_for_any_matrix_and_range(matrix, full):
    frame = noise("yuv420p", (46, 61), seed=matrix)
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    layout = layout_of(frame)
    assert (layout.matrix, layout.full) == (matrix, full)
    assert all(map(np.array_equal, codes_of(frame), codes_of(frame_of(pixels_of(frame, layout), layout))))


@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("full", [False, True])
def test_ffmpeg_sees_the_same_colours(matrix, full):
    """At full chroma, so that only matrix and range count; FFmpeg rounds to 8 bits and computes in integers."""
    rng = np.random.default_rng(1)
    pixels = rng.random((32, 32, 3)).astype(np.float32)
    frame = frame_of(pixels, Layout("yuv", 8, full=full, matrix=matrix))
    spaces = {1: "itu709", 5: "itu601", 9: "bt2020"}
    seen = frame.reformat(
        format="rgb24", src_colorspace=spaces[matrix], src_color_range="JPEG" if full else "MPEG",
        dst_color_range="JPEG",
    ).to_ndarray()  # fmt: skip
    assert np.abs(seen / 255 - pixels).mean() < 1.2 / 255


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(1, 23), width=st.integers(1, 23), seed=st.integers(0, 99), between=st.booleans(),
    name=st.sampled_from(sorted(SHRUNK)),
)  # fmt: skip
def test_shrinking_undoes_enlarging(height, width, seed, between, name):
    layout = Layout("yuv", 8, SHRUNK[name], between=between)
    rows, columns = layout.shrunk
    chroma = np.random.default_rng(seed).standard_normal((-(-height // rows), -(-width // columns))).astype(np.float32)
    large = enlarged(chroma, (height, width), layout)
    assert large.shape == (height, width)
    assert np.allclose(shrunk(large, layout), chroma, atol=1e-5)


def test_smooth_chroma_is_enlarged_smoothly():
    """A ramp stays a ramp inside, at the place where chroma lies: on a column, or between two."""
    ramp = np.tile(np.arange(16, dtype=np.float32), (4, 1))
    for between, shift in ((False, 0.0), (True, 0.25)):
        large = enlarged(ramp, (4, 32), Layout("yuv", 8, (1, 2), between=between))
        assert np.allclose(large[0, 4:-4], np.arange(32)[4:-4] / 2 - shift, atol=1e-6)


@pytest.mark.parametrize("between", [False, True])
def test_fine_chroma_becomes_its_mean(between):
    """Columns of 1 and 0 in turn; taking every second one would give 1."""
    stripes = np.tile(np.arange(32, dtype=np.float32) % 2, (4, 1))
    assert np.allclose(shrunk(stripes, Layout("yuv", 8, (1, 2), between=between))[:, 2:-2], 0.5)
