import io
import struct
from dataclasses import replace

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms, IptcImagePlugin
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from restora.core.image import Image, Meta
from restora.files.extras import put_into_tiff
from restora.files.picture import read
from restora.files.save import write
from restora.files.tags import EXIF, GPS, Directory, Form, Tag, packed, read_directory


def numbers(path):
    return pyvips.Image.new_from_file(str(path)).numpy()


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>\xc3\xbc</a></x:xmpmeta>'


def exif(orientation):
    tags = Pillow.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Camera"
    return tags.tobytes()


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "avif"])
def test_profile_exif_and_xmp_are_kept_and_the_turn_is_made_once(tmp_path, kind):
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30] = 255  # bright at the top left
    stored = np.rot90(upright)  # orientation 6: to be turned 90 degrees clockwise to be upright
    Pillow.fromarray(stored).save(tmp_path / "in.jpg", exif=exif(6), icc_profile=PROFILE, xmp=XMP, quality=95)
    image = read(tmp_path / "in.jpg")
    assert image.shape == (40, 60, 3) and image.pixels[5, 5].mean() > 0.9 > 0.1 > image.pixels[35, 55].mean()
    write(image, tmp_path / f"out.{kind}")
    again = read(tmp_path / f"out.{kind}")
    assert again.shape == (40, 60, 3) and again.pixels[5, 5].mean() > 0.9
    assert again.meta.icc == PROFILE and again.meta.xmp == XMP
    with Pillow.open(tmp_path / f"out.{kind}") as other:  # a second reader agrees
        tags = other.getexif()
        assert tags.get(0x0112, 1) == 1 and tags[0x010F] == "Camera" and other.size == (60, 40)


@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_resolution_and_texts_are_kept(tmp_path, kind):
    notes = PngInfo()
    notes.add_text("Author", "A. Nother")
    Pillow.new("RGB", (30, 20)).save(tmp_path / "in.png", dpi=(300, 150), pnginfo=notes)
    lost = write(read(tmp_path / "in.png"), tmp_path / f"out.{kind}")
    with Pillow.open(tmp_path / f"out.{kind}") as other:
        assert other.info["dpi"][0] == pytest.approx(300, abs=0.05)
        assert read(tmp_path / f"out.{kind}").meta.resolution == pytest.approx((300 / 25.4, 150 / 25.4), rel=1e-3)
        assert other.info.get("Author") == "A. Nother" if kind == "png" else "text" in lost[0]


def tags(path):
    with Pillow.open(path) as other:
        found = other.getexif()
        return {tag: found.get(tag) for tag in (0x010E, 0x010F, 0x013B)}, found.get_ifd(0x8769), found.get_ifd(0x8825)


@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize("big", [False, True])
def test_what_a_tiff_says_of_the_photograph_is_kept_there_and_back(tmp_path, photo, monkeypatch, kind, big):
    said = Pillow.Exif()
    said[0x0112] = 6
    said[0x010E], said[0x010F], said[0x013B] = "The harbour", "Camera", "Somebody"
    said[0x8769] = {0x829A: IFDRational(1, 250), 0x9003: "2020:01:02 03:04:05", 0x927C: b"of the maker"}
    said[0x8825] = {1: "N", 2: (52.0, 30.0, 1.5)}
    if big:
        saver = pyvips.Image.tiffsave
        monkeypatch.setattr(pyvips.Image, "tiffsave", lambda *a, **b: saver(*a, **b | {"bigtiff": True}), raising=False)
    assert write(Image(photo, meta=Meta(8, PROFILE, said.tobytes(), XMP)), tmp_path / "a.tif") == []
    assert (tmp_path / "a.tif").read_bytes()[2] == (43 if big else 42)
    image = read(tmp_path / "a.tif")
    assert np.array_equal(image.pixels, tifffile.imread(tmp_path / "a.tif") / np.float32(255))
    assert image.meta.icc == PROFILE and image.meta.xmp == XMP
    first, own, where = tags(tmp_path / "a.tif")
    assert first == {0x010E: "The harbour", 0x010F: "Camera", 0x013B: "Somebody"} and own[0x829A] == 1 / 250
    assert own[0x9003] == "2020:01:02 03:04:05" and own[0x927C] == b"of the maker" and where[2] == (52.0, 30.0, 1.5)
    write(image, tmp_path / f"b.{kind}")
    again, own_again, where_again = tags(tmp_path / f"b.{kind}")
    assert again == first and own_again[0x829A] == 1 / 250 and where_again == where
    write(read(tmp_path / f"b.{kind}"), tmp_path / "c.tif")
    assert tags(tmp_path / "c.tif")[0] == first and tags(tmp_path / "c.tif")[1][0x9003] == own[0x9003]


IPTC = b"\x1c\x02\x05\x00\x05Title"


@pytest.mark.parametrize("kind", ["tif", "jpg"])
def test_iptc_is_kept_there_and_back(tmp_path, photo, kind):
    assert write(Image(photo, meta=Meta(iptc=IPTC)), tmp_path / f"a.{kind}") == []
    with Pillow.open(tmp_path / f"a.{kind}") as other:
        assert IptcImagePlugin.getiptcinfo(other) == {(2, 5): b"Title"}
    last = f"a.{kind}"
    for number, ending in enumerate(("jpg", "tif", kind)):
        image = read(tmp_path / last)
        assert image.meta.iptc == IPTC
        last = f"b{number}.{ending}"
        write(image, tmp_path / last)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_what_a_tiff_says_is_kept_byte_for_byte(tmp_path, photo, order, big):
    pixels = np.uint8(np.rint(255 * photo))
    artist, maker = "Jürgen Żółć 東京".encode(), bytes(range(256))
    tags = [(315, 2, len(artist) + 1, artist + b"\0", True), (40091, 1, 4, b"T\0i\0", True)]
    tifffile.imwrite(
        *(tmp_path / "a.tif", pixels), byteorder=order, bigtiff=big, extratags=tags, photometric="rgb", metadata=None
    )
    own = {0x829A: Tag(5, 1, struct.pack("<II", 1, 250)), 0x927C: Tag(7, 256, maker), 0x9204: Tag(10, 1, b"\xff" * 8)}
    odd = {0: Tag(2, 4, b"2200"), 6: Tag(1, 3, b"\1\2\3")}  # of types that they should not have
    block = b"II*\0\x08\0\0\0" + packed(Directory({}, {EXIF: own, GPS: odd}), Form("<"), 8)
    put_into_tiff(tmp_path / "a.tif", b"Exif\0\0" + block, None)
    image = read(tmp_path / "a.tif")
    assert np.array_equal(image.pixels, pixels / np.float32(255))
    write(image, tmp_path / "b.tif")
    with (tmp_path / "b.tif").open("rb") as stream:
        form, found = read_directory(stream)
    assert form == Form("<") and found.tags[315].data == artist + b"\0" and found.tags[40091].data == b"T\0i\0"
    assert found.inner == {EXIF: own, GPS: odd}
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), pixels)


def test_what_a_jpeg_has_no_room_for_is_said(tmp_path, photo):
    long = b"Exif\0\0II*\0\x08\0\0\0" + packed(Directory({315: Tag(2, 70000, b"x" * 70000)}), Form("<"), 8)
    image = Image(photo, meta=Meta(exif=long, xmp=b"x" * 70000))
    notes = write(image, tmp_path / "a.jpg")
    assert len(notes) == 2 and all("exceed its limit of 64 KB" in note for note in notes)
    assert write(image, tmp_path / "a.tif") == []


def test_an_exif_block_that_is_none_is_said(tmp_path, photo):
    notes = write(Image(photo, meta=Meta(exif=b"Exif\0\0nonsense")), tmp_path / "a.tif")
    assert "without the EXIF" in notes[0] and read(tmp_path / "a.tif").shape == photo.shape


def test_texts_in_other_alphabets_are_kept_as_they_are(tmp_path, photo):
    texts = PngInfo()
    texts.add_itxt("Title", "Überschrift", "de", "Titel")
    texts.add_text("Author", "Jörg")
    texts.add_text("Comment", "x" * 5000, zip=True)
    Pillow.fromarray(np.uint8(255 * photo)).save(tmp_path / "a.png", pnginfo=texts)
    image = read(tmp_path / "a.png")
    assert write(image, tmp_path / "b.png") == []
    with Pillow.open(tmp_path / "a.png") as before, Pillow.open(tmp_path / "b.png") as after:
        assert after.text == before.text and after.text["Title"].lang == "de" and len(after.text) == 3
    assert write(image, tmp_path / "b.jpg") == ["jpg was written without the text data"]


def test_the_frames_of_an_animated_png_that_are_not_read_are_said(tmp_path, photo):
    frames = [Pillow.fromarray(np.uint8(255 * each)) for each in (photo, photo[::-1])]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    assert read(tmp_path / "a.png").meta.notes == ("only the first frame was read",)


def test_the_comment_of_a_jpeg_is_kept(tmp_path, photo):
    picture = Pillow.fromarray(np.uint8(255 * photo))
    picture.save(tmp_path / "a.jpg", comment="of the harbour")
    image = read(tmp_path / "a.jpg")
    image = replace(image, meta=replace(image.meta, exif=exif(1), icc=PROFILE))
    assert write(image, tmp_path / "c.jpg") == []
    with Pillow.open(tmp_path / "c.jpg") as other:
        assert other.info["comment"] == b"of the harbour" and other.getexif()[0x010F] == "Camera"
    assert np.array_equal(numbers(tmp_path / "c.jpg"), np.asarray(Pillow.open(tmp_path / "c.jpg")))
    assert write(image, tmp_path / "c.png") == ["png was written without the comment data"]
    picture.save(tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").meta.comments == ()


def test_values_without_end_are_not_read(tmp_path):
    """Sixty thousand tags that all claim the same megabyte."""
    entries = b"".join(struct.pack("<HHII", number, 7, 10**6, 0) for number in range(1, 60001))
    file = b"II*\0\x08\0\0\0" + struct.pack("<H", 60000) + entries + bytes(10**6)
    _, found = read_directory(io.BytesIO(file))
    assert sum(len(tag.data) for tag in found.tags.values()) == 10**7


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("at", [2**31, 2**63 - 1, 2**63, 2**64 - 1])
def test_places_that_no_file_reaches_to_are_no_directory(tmp_path, photo, order, at):
    """In the head of a BigTIFF block, in a tag whose value is elsewhere, and in one that leads to a directory."""
    form = Form(order, big=True)
    head = {"<": b"II", ">": b"MM"}[order] + form.pack("HHH", 43, 8, 0)
    inner = form.pack("QHHQQ", 3, 271, 2, 20, at) + form.pack("HHQQ", EXIF, 16, 1, at)
    inner += form.pack("HHQ", 305, 2, 4) + b"abc\0\0\0\0\0" + form.pack("Q", 0)
    for number, block in enumerate((head + form.pack("Q", at), head + form.pack("Q", 16) + inner)):
        notes = write(Image(photo, meta=Meta(exif=b"Exif\0\0" + block)), tmp_path / f"{number}.tif", force=True)
        assert len(notes) == (number == 0) and np.array_equal(read(tmp_path / f"{number}.tif").pixels, photo)
    assert b"abc" in read(tmp_path / "1.tif").meta.exif


def test_a_changed_exif_block_is_kept_or_left_out(tmp_path, photo):
    rng = np.random.default_rng(0)
    write(Image(photo[:8, :8], meta=Meta(exif=exif(1))), tmp_path / "a.tif")
    for whole in (exif(6), b"Exif\0\0" + (tmp_path / "a.tif").read_bytes()):
        for _ in range(30):
            block = bytearray(whole)
            for at in rng.integers(6, len(block), 3):
                block[at] = rng.choice([0, 1, 43, 127, 128, 255])
            try:
                put_into_tiff(tmp_path / "a.tif", bytes(block), None)
            except ValueError:
                continue
            assert np.array_equal(read(tmp_path / "a.tif").pixels, photo[:8, :8])


def test_what_is_put_into_a_file_moves_what_stands_behind(tmp_path, photo, monkeypatch):
    monkeypatch.setattr("restora.files.extras._BLOCK", 1000)
    write(Image(photo), tmp_path / "a.jpg")
    write(Image(photo, meta=Meta(comments=(b"words" * 500,))), tmp_path / "b.jpg")
    assert np.array_equal(read(tmp_path / "a.jpg").pixels, read(tmp_path / "b.jpg").pixels)
    assert read(tmp_path / "b.jpg").meta.comments == (b"words" * 500,)
