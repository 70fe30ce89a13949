"""Files of every format that is read, cut off and with bits flipped: no pixel that is missing passes in silence."""

import io

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image as Pillow

from restora.core.errors import BadImage, Truncated
from restora.files.picture import open_picture


def pillow(kind, values, **options):
    buffer = io.BytesIO()
    Pillow.fromarray(values).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="rgb", **options)
    return buffer.getvalue()


def heic(values):
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(Pillow.fromarray(values)).save(buffer, format="HEIF")
    return buffer.getvalue()


def vips(values, ending, **options):
    image = pyvips.Image.new_from_array(values).copy(interpretation="srgb")
    return image.write_to_buffer(ending, **options)


TILES = {"tile": True, "tile_width": 64, "tile_height": 64}
MADE = {
    "png": lambda x: pillow("PNG", x),
    "interlaced.png": lambda x: vips(x, ".png", interlace=True),
    "jpg": lambda x: pillow("JPEG", x),
    "progressive.jpg": lambda x: pillow("JPEG", x, progressive=True),
    "webp": lambda x: pillow("WEBP", x),
    "lossless.webp": lambda x: pillow("WEBP", x, lossless=True),
    "avif": lambda x: vips(x, ".avif", effort=0),
    "gif": lambda x: pillow("GIF", x),
    "heic": heic,
    "tif": tiff,
    "strips.tif": lambda x: tiff(x, rowsperstrip=8),
    "planes.tif": lambda x: tiff(np.ascontiguousarray(x.transpose(2, 0, 1)), planarconfig="separate"),
    "tiles.tif": lambda x: tiff(x, tile=(64, 64)),
    "big.tif": lambda x: tiff(x, bigtiff=True),
    "big-tiles.tif": lambda x: tiff(x, bigtiff=True, tile=(64, 64)),
    "sixteen.tif": lambda x: tiff(np.uint16(x) * 257, rowsperstrip=16),
    "float.tif": lambda x: tiff(np.float32(x) / 255, rowsperstrip=16),
    "float-tiles.tif": lambda x: tiff(np.float32(x) / 255, tile=(64, 64)),
    "deflate.tif": lambda x: tiff(x, compression="deflate", rowsperstrip=16),
    "deflate-tiles.tif": lambda x: vips(x, ".tif", compression="deflate", **TILES),
    "lzw.tif": lambda x: vips(x, ".tif", compression="lzw"),
    "lzw-tiles.tif": lambda x: vips(x, ".tif", compression="lzw", **TILES),
    "packbits.tif": lambda x: vips(x, ".tif", compression="packbits"),
    "jpeg.tif": lambda x: vips(x, ".tif", compression="jpeg"),
    "jpeg-tiles.tif": lambda x: vips(x, ".tif", compression="jpeg", **TILES),
}


@pytest.fixture
def outcome(tmp_path, photo):
    """Make a file of a kind; what becomes of it with changed data: refused, the same, noted, or silent."""
    values = np.uint8(np.rint(255 * photo[:120, :160]))

    def make(kind):
        whole = MADE[kind](values)
        path = tmp_path / f"a.{kind}"
        path.write_bytes(whole)
        picture = open_picture(path)
        pixels = picture.load().pixels

        def of(data):
            path.write_bytes(data)
            try:
                again = open_picture(path)
                same = np.array_equal(again.load().pixels, pixels)
            except BadImage as error:
                assert path.name in str(error) and "\n" not in str(error)
                return "refused"
            return "same" if same else "noted" if again.faults else "silent"

        return whole, of

    return make


@pytest.mark.parametrize("kind", MADE)
def test_no_file_that_is_cut_off_passes_in_silence(outcome, kind):
    whole, of = outcome(kind)
    for share in (0.003, 0.1, 0.35, 0.6, 0.85, 0.97):
        assert of(whole[: int(share * len(whole))]) in ("refused", "same"), share


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", MADE)
def test_no_file_that_is_cut_off_anywhere_passes_in_silence(outcome, kind):
    whole, of = outcome(kind)
    for length in np.linspace(1, len(whole) - 1, 200).astype(int):
        assert of(whole[:length]) in ("refused", "same"), length


def flipped(data, rng):
    changed = bytearray(data)
    changed[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


@pytest.mark.parametrize(
    ("kind", "seen"),
    [("png", 1.0), ("interlaced.png", 1.0), ("deflate.tif", 0.7), ("deflate-tiles.tif", 0.7)],
)  # libtiff does not look at the checksum where the rows are complete before it
def test_flipped_bits_are_seen_where_there_are_checksums(outcome, kind, seen):
    whole, of = outcome(kind)
    rng = np.random.default_rng(0)
    outcomes = [of(flipped(whole, rng)) for _ in range(30)]
    assert outcomes.count("silent") <= (1 - seen) * len(outcomes), outcomes


@pytest.mark.parametrize("kind", MADE)
def test_flipped_bits_give_a_picture_or_one_sentence(outcome, kind):
    whole, of = outcome(kind)
    rng = np.random.default_rng(1)
    for _ in range(8):
        of(flipped(whole, rng))  # any other exception fails


@pytest.mark.parametrize("kind", ["jpg", "progressive.jpg", "gif", "packbits.tif", "jpeg.tif"])
def test_what_the_decoder_warns_of_is_told(outcome, kind):
    whole, of = outcome(kind)
    middle, length = len(whole) // 2, len(whole) // 20
    assert of(whole[:middle] + bytes(length) + whole[middle + length :]) in ("noted", "refused")


def test_faults_that_do_no_harm_are_no_reason_to_refuse(tmp_path, outcome):
    whole, of = outcome("jpg")
    at = whole.index(b"\xff\xda")
    assert of(whole[:at] + bytes(3) + whole[at:]) == "same"  # bytes that nothing names
    for kind in ("tif", "tiles.tif"):
        whole, of = outcome(kind)
        at = int.from_bytes(whole[4:8], "little")
        end = at + 2 + 12 * int.from_bytes(whole[at : at + 2], "little")
        entries = [whole[start : start + 12] for start in range(at + 2, end, 12)]
        assert of(whole[: at + 2] + b"".join(reversed(entries)) + whole[end:]) == "same"  # tags out of order


def test_only_what_can_be_salvaged_is_called_truncated(tmp_path, outcome):
    """A progressive file whose second scan has lost its head has rows that no decoder gives."""
    raised = set()
    for kind in ("tif", "jpg", "progressive.jpg"):
        whole, _ = outcome(kind)
        for length in range(len(whole) // 20, len(whole), len(whole) // 20):
            path = tmp_path / f"cut.{kind}"
            path.write_bytes(whole[:length])
            with pytest.raises(BadImage) as caught:
                open_picture(path).load()
            if isinstance(caught.value, Truncated):
                open_picture(path, salvage=True).load()
                raised.add(kind)
    assert raised == {"jpg", "progressive.jpg"}
