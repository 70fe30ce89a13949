import io
import os
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image as Pillow

from restora.core.errors import BadImage, OutputExists
from restora.core.image import Image, Meta
from restora.files.picture import open_picture, read
from restora.files.save import write, write_by_tiles

LOSSLESS = [("png", 8), ("png", 16), ("tif", 8), ("tif", 16), ("tif", 32)]


def noise(shape, bits):
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    if bits == 32:
        return values
    return np.rint(values * (2**bits - 1)).astype(np.float32) / np.float32(2**bits - 1)


def numbers(path):
    return pyvips.Image.new_from_file(str(path)).numpy()


@pytest.mark.parametrize(("kind", "bits"), LOSSLESS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
def test_what_is_written_is_read_again(tmp_path, kind, bits, channels, alpha):
    pixels = noise((37, 53, channels), bits)
    veil = noise((37, 53), bits) if alpha else None
    path = tmp_path / f"a.{kind}"
    assert write(Image(pixels, veil, meta=Meta(bits)), path) == []
    again = read(path)
    assert again.meta.bits == bits
    assert np.array_equal(again.pixels, pixels)
    assert (again.alpha is None) if veil is None else np.array_equal(again.alpha, veil)


@pytest.mark.parametrize(("kind", "bits"), LOSSLESS)
@pytest.mark.parametrize("alpha", [False, True])
def test_writing_by_tiles_equals_writing_whole(tmp_path, kind, bits, alpha):
    pixels = noise((1100, 1300, 3), bits)
    veil = noise((1100, 1300), bits) if alpha else None
    values = pixels if veil is None else np.dstack([pixels, veil])

    def tiles():
        for top in range(0, 1100, 512):
            for left in range(0, 1300, 1024):
                yield left, values[top : top + 512, left : left + 1024]

    write(Image(pixels, veil, meta=Meta(bits)), tmp_path / f"whole.{kind}")
    write_by_tiles(tiles(), values.shape, Meta(bits), tmp_path / f"tiled.{kind}")
    whole, tiled = read(tmp_path / f"whole.{kind}"), read(tmp_path / f"tiled.{kind}")
    assert np.array_equal(whole.pixels, tiled.pixels)
    assert tiled.alpha is None if veil is None else np.array_equal(whole.alpha, tiled.alpha)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"tiled.{kind}", f"whole.{kind}"]


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp", "avif"])
def test_a_region_equals_that_part_of_the_whole(tmp_path, kind, photo):
    path = tmp_path / f"a.{kind}"
    write(Image(photo), path)
    assert np.array_equal(open_picture(path).window(100, 30, 50, 70), read(path).pixels[100:150, 30:100])


@pytest.mark.parametrize(("kind", "near"), [("jpg", 0.02), ("webp", 0.02), ("avif", 0.02), ("gif", 0.06)])
def test_lossy_formats_stay_near(tmp_path, kind, near, photo):
    write(Image(photo), tmp_path / f"a.{kind}")
    assert np.abs(read(tmp_path / f"a.{kind}").pixels - photo).mean() < near


@pytest.mark.parametrize("kind", ["webp", "avif"])
def test_quality_100_is_lossless(tmp_path, kind, photo):
    write(Image(photo), tmp_path / f"a.{kind}", quality=100)
    assert np.array_equal(read(tmp_path / f"a.{kind}").pixels, photo)


def test_less_depth_than_the_original_is_said(tmp_path, photo):
    assert "8 bits" in write(Image(photo, meta=Meta(16)), tmp_path / "a.jpg")[0]
    assert "16 bits" in write(Image(photo, meta=Meta(32)), tmp_path / "a.png")[0]
    assert "transparency" in write(Image(photo, photo[:, :, 0]), tmp_path / "b.jpg")[0]


def test_cmyk_of_16_bits_stays_16(tmp_path):
    numbers = (np.random.default_rng(0).random((40, 40, 4)) * 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "c.tif", numbers, photometric="separated")
    image = read(tmp_path / "c.tif")
    assert image.meta.bits == 16 and len(np.unique(image.pixels)) > 256


def test_palette_cmyk_and_pages_become_plain_pictures(tmp_path):
    square = Pillow.fromarray(np.arange(64 * 64 * 3, dtype=np.uint32).astype(np.uint8).reshape(64, 64, 3))
    square.convert("P").save(tmp_path / "palette.png")
    square.convert("CMYK").save(tmp_path / "cmyk.jpg")
    square.save(tmp_path / "pages.gif", save_all=True, append_images=[square.rotate(90), square.rotate(180)])
    assert read(tmp_path / "palette.png").shape == (64, 64, 3)
    cmyk = read(tmp_path / "cmyk.jpg")
    assert cmyk.shape == (64, 64, 3) and cmyk.meta.notes == ("CMYK was converted to sRGB",)
    pages = read(tmp_path / "pages.gif")
    assert pages.shape[:2] == (64, 64) and "first of 3 pages" in pages.meta.notes[0]


def test_a_tiled_bigtiff_is_read(tmp_path):
    pixels = noise((300, 400, 3), 16)
    values = np.rint(pixels * 65535).astype(np.uint16)
    pyvips.Image.new_from_array(values, interpretation="rgb16").tiffsave(
        str(tmp_path / "big.tif"), tile=True, bigtiff=True, compression="lzw"
    )
    assert np.array_equal(read(tmp_path / "big.tif").pixels, pixels)


def test_paths_may_hold_anything(tmp_path, photo):
    folder = tmp_path / "Großmutters Fotos [1950, 📷]"
    folder.mkdir()
    write(Image(photo), folder / "é à.png")
    assert np.array_equal(read(folder / "é à.png").pixels, photo)
    shutil.copy(folder / "é à.png", folder / "photo[1]")
    assert np.array_equal(read(folder / "photo[1]").pixels, photo)


def test_a_wrong_ending_is_no_matter(tmp_path, photo):
    write(Image(photo), tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert open_picture(tmp_path / "a.jpg").format == "png"


def png_of(width, height):
    """A small file that claims to be a large picture."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def damaged(photo, tmp_path):
    whole = {}
    for kind in ("png", "jpg", "tif", "webp", "avif", "gif"):
        write(Image(photo), tmp_path / f"whole.{kind}")
        whole[kind] = (tmp_path / f"whole.{kind}").read_bytes()
    yield from ((f"cut.{kind}", data[: len(data) * 2 // 3]) for kind, data in whole.items())
    yield from ((f"short.{kind}", data[:20]) for kind, data in whole.items())
    yield "empty.png", b""
    yield "garbage.jpg", np.random.default_rng(0).bytes(5000)
    yield "text.png", b"this is no picture"
    yield "page.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


def test_damaged_files_are_refused_in_one_sentence(tmp_path, photo):
    for name, data in damaged(photo, tmp_path):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(BadImage) as caught:
            read(path)
        assert name in str(caught.value) and "\n" not in str(caught.value), name
    for path in (tmp_path / "absent.png", tmp_path):
        with pytest.raises(BadImage):
            read(path)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_of(60000, 60000))
    with pytest.raises(BadImage, match="3600 megapixels"):
        open_picture(tmp_path / "bomb.png")
    with pytest.raises(BadImage, match="--max-pixels"):
        open_picture(tmp_path / "bomb.png", max_pixels=10**9)


def test_nothing_is_overwritten_unasked_and_failures_leave_nothing(tmp_path, photo):
    path = tmp_path / "a.png"
    write(Image(photo), path)
    before = path.read_bytes()
    with pytest.raises(OutputExists, match="--force"):
        write(Image(photo * 0), path)
    broken = photo.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(BadImage, match="NaN"):
        write(Image(broken), path, force=True)

    def tiles():
        yield 0, photo
        raise BadImage("the disk was pulled out")

    with pytest.raises(BadImage, match="pulled out"):
        write_by_tiles(tiles(), (600, 304, 3), Meta(), path, force=True)
    assert path.read_bytes() == before and [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    write(Image(photo * 0), path, force=True)
    assert not read(path).pixels.any()


@pytest.mark.parametrize(
    ("name", "says"), [("a.bmp", "no known ending"), ("a", "no known ending"), ("no/a.png", "folder")]
)
def test_impossible_outputs_are_refused(tmp_path, photo, name, says):
    with pytest.raises(BadImage, match=says):
        write(Image(photo), tmp_path / name)


def test_a_size_that_a_format_cannot_hold_is_refused(tmp_path):
    with pytest.raises(BadImage, match="16383"):
        write(Image(np.zeros((2, 17000, 1), np.float32)), tmp_path / "a.webp")


def test_what_others_make_meanwhile_is_not_overwritten(tmp_path, photo):
    def tiles():
        (tmp_path / "x.png").write_text("theirs")
        yield 0, photo

    with pytest.raises(OutputExists, match="meanwhile"):
        write_by_tiles(tiles(), photo.shape, Meta(), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_text() == "theirs" and os.listdir(tmp_path) == ["x.png"]
    (tmp_path / "y.png").symlink_to("nowhere")
    with pytest.raises(OutputExists, match="exists"):
        write(Image(photo), tmp_path / "y.png")


def test_a_rewritten_file_shows_its_new_pixels(tmp_path, photo):
    write(Image(photo), tmp_path / "a.png")
    read(tmp_path / "a.png")
    write(Image(photo[:100]), tmp_path / "a.png", force=True)
    assert read(tmp_path / "a.png").shape == (100, 304, 3)


def test_standard_input_and_output(photo):
    buffer = io.BytesIO()
    Pillow.fromarray(np.rint(photo * 255).astype(np.uint8)).save(buffer, "PNG")
    code = "from restora.files import picture, save; save.write(picture.read(picture.STDIO), picture.STDIO)"
    done = subprocess.run([sys.executable, "-c", code], input=buffer.getvalue(), capture_output=True, check=True)
    assert np.array_equal(np.asarray(Pillow.open(io.BytesIO(done.stdout))), np.rint(photo * 255))


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "avif"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_picture_by_way_of_tiles_is_the_same(tmp_path, monkeypatch, ending, orientation):
    path = tmp_path / f"a.{ending}"
    picture = pyvips.Image.gaussnoise(300, 200, mean=128, sigma=40).cast("uchar")
    picture = picture.bandjoin([picture, picture.invert()]).copy(interpretation="srgb")
    if ending == "avif":  # twelve bits, which stand at the top of sixteen
        picture = (picture * 257).cast("ushort").copy(interpretation="rgb16")
    picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    picture.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x>words</x>")
    picture.write_to_file(str(path), **({"bitdepth": 12} if ending == "avif" else {}))
    straight = open_picture(path)
    monkeypatch.setattr("restora.files.picture.WHOLE", 1000)
    tiled = open_picture(path)
    assert tiled.shape == straight.shape == ((200, 300, 3) if orientation == 1 else (300, 200, 3))
    assert tiled.meta == straight.meta and tiled.format == ending and tiled.path == path
    assert np.array_equal(tiled.load().pixels, straight.load().pixels)


def test_a_large_picture_that_is_cut_off_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("restora.files.picture.WHOLE", 1000)
    pyvips.Image.gaussnoise(300, 200).cast("uchar").pngsave(str(tmp_path / "a.png"))
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadImage):
        open_picture(tmp_path / "a.png").load()


def test_a_pipe_or_a_device_is_refused_at_once(tmp_path):
    pipe = tmp_path / "photo.png"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):  # the one would never be opened, the other never end
        with pytest.raises(BadImage, match="not a file"):
            open_picture(path)


def test_a_private_picture_stays_private_when_overwritten(tmp_path, photo):
    path = tmp_path / "a.png"
    write(Image(photo), path)
    path.chmod(0o600)
    write(Image(photo * 0), path, force=True)
    assert path.stat().st_mode & 0o777 == 0o600
