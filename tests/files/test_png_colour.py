"""What the values of a PNG file mean is kept, in its chunks or as an ICC profile that says the same."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from restora.core.image import Image, Meta
from restora.core.plan import Plan, Step
from restora.files.picture import read
from restora.files.png_colour import space_of
from restora.files.profile import D65, SRGB_CURVE, SRGB_PRIMARIES, icc_profile
from restora.files.save import write
from restora.work.restore import restore_file

MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
P3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
USUAL = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gamma(value):
    return chunk(b"gAMA", struct.pack(">I", value))


CICP_P3, CICP_PQ = chunk(b"cICP", bytes([12, 13, 0, 1])), chunk(b"cICP", bytes([9, 16, 0, 1]))
HDR = chunk(b"mDCV", bytes(24)), chunk(b"cLLI", bytes(8))
ALL = (CICP_P3, chunk(b"sRGB", b"\0"), gamma(45455), chunk(b"cHRM", P3), *HDR)


def chunks_of(path):
    """Type and whole chunk of each, in order."""
    data, at = path.read_bytes(), 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at : at + 12 + length]
        at += 12 + length


@pytest.fixture
def tagged(tmp_path, photo):
    """Make a PNG file with chunks in it."""

    def make(*chunks, pixels=photo[:40, :50], mode="RGB"):
        buffer = io.BytesIO()
        Pillow.fromarray(np.uint8(255 * pixels)).convert(mode).save(buffer, "PNG")
        data = buffer.getvalue()
        (tmp_path / "in.png").write_bytes(data[:33] + b"".join(chunks) + data[33:])
        return tmp_path / "in.png"

    return make


@pytest.mark.parametrize("chunks", [ALL, (gamma(100000),), (chunk(b"cHRM", P3),), (CICP_PQ, *HDR)])
@pytest.mark.parametrize("mode", ["RGB", "P", "L", "RGBA"])
def test_colour_chunks_are_written_again(tagged, tmp_path, chunks, mode):
    path = tagged(*chunks, mode=mode)
    assert restore_file(path, tmp_path / "out.png", MEDIAN).warnings == []
    written = list(chunks_of(tmp_path / "out.png"))
    kinds = [kind for kind, _ in written]
    assert [whole for _, whole in written if whole in chunks] == list(chunks) and kinds.count(b"gAMA") <= 1
    assert max(kinds.index(each[4:8]) for each in chunks) < kinds.index(b"IDAT")
    assert read(tmp_path / "out.png").meta.colour == read(path).meta.colour == chunks
    Pillow.open(tmp_path / "out.png").load()  # another reader finds it sound


def test_a_damaged_chunk_is_not_kept_and_an_icc_profile_stands_beside_no_srgb(tagged, tmp_path, photo):
    damaged = gamma(50000)[:-1] + b"x"
    assert read(tagged(damaged, CICP_P3)).meta.colour == (CICP_P3,)
    image = Image(photo, meta=Meta(icc=SRGB.tobytes(), colour=ALL))
    assert write(image, tmp_path / "a.png") == []
    kinds = [kind for kind, _ in chunks_of(tmp_path / "a.png")]
    assert b"iCCP" in kinds and b"sRGB" not in kinds and b"cICP" in kinds
    assert write(image, tmp_path / "a.jpg") == ["jpg was written without cICP; the ICC profile was kept"]
    assert read(tmp_path / "a.jpg").meta.icc == SRGB.tobytes()


@pytest.mark.parametrize("kind", ["jpg", "tif", "webp", "avif"])
@pytest.mark.parametrize("chunks", [(gamma(55556),), (CICP_P3,), (gamma(45455), chunk(b"cHRM", P3))])
def test_other_formats_get_a_profile_of_the_same_space(tagged, tmp_path, kind, chunks):
    image = read(tagged(*chunks))
    notes = write(image, tmp_path / f"a.{kind}", quality=100)
    assert len(notes) == 1 and "an ICC profile of the same colour space was written" in notes[0]
    again = read(tmp_path / f"a.{kind}")
    assert again.meta.icc == space_of(chunks, kind, False).profile
    assert np.abs(again.pixels - image.pixels).max() < (0.2 if kind == "jpg" else 1e-6)  # no value was converted


@pytest.mark.parametrize("chunks", [(chunk(b"sRGB", b"\1"), gamma(45455)), (gamma(45454), chunk(b"cHRM", USUAL)), ()])
def test_what_is_srgb_anyhow_needs_no_word(tagged, tmp_path, chunks):
    image = read(tagged(*chunks))
    assert write(image, tmp_path / "a.tif") == [] and read(tmp_path / "a.tif").meta.icc is None


@pytest.mark.parametrize("chunks", [(CICP_PQ,), (chunk(b"cICP", b"\1"),), (gamma(0),), (chunk(b"cHRM", bytes(32)),)])
def test_what_no_profile_can_say_is_told(tagged, tmp_path, chunks):
    notes = write(read(tagged(*chunks)), tmp_path / "a.tif")
    assert len(notes) == 1 and ("will look wrong" in notes[0] or "damaged" in notes[0])
    assert "will look wrong" in " ".join(write(read(tagged(CICP_P3)), tmp_path / "a.gif"))


def seen(profile, values, mode):
    """8-bit values as another colour management puts them into sRGB."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    change = ImageCms.buildTransform(profile, SRGB, mode, "RGB", intent, flags=ImageCms.Flags.NONE)
    return np.asarray(ImageCms.applyTransform(Pillow.fromarray(values), change)).astype(float)


def encoded(light):
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clip(0) ** (1 / 2.4) - 0.055).clip(0, 1)


def matrix(primaries):
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    return columns * np.linalg.solve(columns, white)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("exponent", [1.0, 1.8, 2.6])
def test_a_profile_says_what_the_numbers_say(exponent, grey):
    primaries = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
    profile = icc_profile("x", primaries, D65, (exponent,), grey)
    values = np.random.default_rng(0).integers(60, 200, (16, 16) if grey else (16, 16, 3)).astype(np.uint8)
    light = (values / 255) ** exponent
    if grey:
        expected = encoded(light)[:, :, None].repeat(3, 2)
    else:
        expected = encoded(light @ (np.linalg.inv(matrix(SRGB_PRIMARIES)) @ matrix(primaries)).T)
    assert np.abs(seen(profile, values, "L" if grey else "RGB") - expected).max() < 2.1


def test_the_profile_of_srgb_changes_nothing():
    values = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    assert np.abs(seen(icc_profile("sRGB", SRGB_PRIMARIES, D65, SRGB_CURVE, False), values, "RGB") - values).max() <= 1
