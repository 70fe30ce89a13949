"""Truncated files: refused, or the part that is there."""

import io

import numpy as np
import pytest
import pyvips
from PIL import Image as Pillow
from PIL import ImageOps

from restora.core.errors import BadImage, Truncated
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.files.picture import open_picture
from restora.files.save import write
from restora.work.diagnose import diagnose
from restora.work.restore import Options, restore_file
from restora.work.view import view_of

MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")


def jpeg(photo, **options):
    buffer = io.BytesIO()
    Pillow.fromarray(np.uint8(np.rint(photo * 255))).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def cut(tmp_path, data, share, name="cut.jpg"):
    path = tmp_path / name
    path.write_bytes(data[: int(share * len(data))])
    return path


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("large", [False, True])
def test_the_good_rows_of_a_truncated_jpeg_are_those_of_the_whole(
    tmp_path, photo, monkeypatch, subsampling, share, large
):
    if large:
        monkeypatch.setattr("restora.files.picture.WHOLE", 1000)
    data = jpeg(photo, subsampling=subsampling)
    whole = pyvips.Image.new_from_buffer(data, "").numpy()
    path = cut(tmp_path, data, share)
    with pytest.raises(Truncated, match=r"cut\.jpg is damaged and a part of it is missing"):
        open_picture(path).load()
    picture = open_picture(path, salvage=True)
    rows = picture.salvaged_rows
    assert picture.shape == photo.shape and picture.intact == (0, 0, rows, 304) and 0 < rows < 256
    pixels = np.rint(picture.load().pixels * 255)
    assert np.array_equal(pixels[:rows], whole[:rows])
    assert (pixels[rows + 40 :] == 128).all()  # what the decoder gives where it knows nothing
    assert not np.array_equal(pixels[: rows + 40], whole[: rows + 40])  # it tells no fewer rows than it could
    assert picture.meta.notes == (
        f"the file is truncated: {rows} of its 256 rows are present, the others are grey or black",
    )


def test_a_truncated_progressive_jpeg_has_all_rows_in_less_detail(tmp_path, photo):
    picture = open_picture(cut(tmp_path, jpeg(photo, progressive=True), 0.4), salvage=True)
    assert picture.salvaged_rows > 200 and "with reduced detail" in picture.meta.notes[0]
    assert np.abs(picture.load().pixels - photo)[: picture.salvaged_rows].mean() < 0.1


def test_the_good_rows_of_a_truncated_png_are_those_of_the_whole(tmp_path, photo):
    write(Image(photo), tmp_path / "a.png")
    path = cut(tmp_path, (tmp_path / "a.png").read_bytes(), 0.5, "cut.png")
    with pytest.raises(Truncated):
        open_picture(path).load()
    picture = open_picture(path, salvage=True)
    rows = picture.salvaged_rows
    assert 50 < rows < 200 and np.array_equal(picture.load().pixels[:rows], photo[:rows])


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp", "avif", "gif"])
def test_a_whole_file_is_opened_as_without_salvage(tmp_path, photo, kind):
    write(Image(photo), tmp_path / f"a.{kind}")
    plain, salvaged = (open_picture(tmp_path / f"a.{kind}", salvage=salvage) for salvage in (False, True))
    assert np.array_equal(plain.load().pixels, salvaged.load().pixels) and plain.meta == salvaged.meta
    assert salvaged.salvaged_rows == 0 and salvaged.intact is None


def test_nothing_to_salvage_is_said(tmp_path, photo):
    write(Image(photo), tmp_path / "a.png")
    pyvips.Image.new_from_file(str(tmp_path / "a.png")).pngsave(str(tmp_path / "b.png"), interlace=True)
    for data, name in ((jpeg(photo)[:700], "a.jpg"), ((tmp_path / "b.png").read_bytes()[:9000], "c.png")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadImage, match=r"is damaged: none of its 256 rows can be read"):
            open_picture(tmp_path / name, salvage=True)
    write(Image(photo), tmp_path / "a.webp")
    with pytest.raises(BadImage):  # libvips gives nothing of it
        open_picture(cut(tmp_path, (tmp_path / "a.webp").read_bytes(), 0.5, "cut.webp"), salvage=True).load()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_part_that_is_there_is_known_however_the_picture_is_turned(tmp_path, photo, orientation):
    tags = Pillow.Exif()
    tags[0x0112] = orientation
    picture = open_picture(cut(tmp_path, jpeg(photo, exif=tags.tobytes()), 0.5), salvage=True)
    marked = np.zeros((256, 304), np.uint8)
    marked[: picture.salvaged_rows] = 255
    turned = Pillow.fromarray(marked)
    turned.getexif()[0x0112] = orientation
    mask = np.asarray(ImageOps.exif_transpose(turned))
    top, left, height, width = picture.intact
    expected = np.zeros_like(mask)
    expected[top : top + height, left : left + width] = 255
    assert picture.shape[:2] == mask.shape and np.array_equal(mask, expected)
    assert (np.rint(picture.load().pixels * 255).min(2) == 128)[mask == 0].mean() > 0.8


def test_diagnosis_is_shown_what_is_there(tmp_path, photo):
    picture = open_picture(cut(tmp_path, jpeg(photo), 0.5), salvage=True)
    view = view_of(picture)
    assert view.shape == (picture.salvaged_rows, 304, 3)
    assert np.array_equal(view.window(3, 5, 20, 30), picture.window(3, 5, 20, 30))
    image = Image(photo)
    assert view_of(image) is image
    write(image, tmp_path / "a.png")
    whole = open_picture(tmp_path / "a.png")
    assert view_of(whole) is whole


def test_grey_rows_that_are_missing_are_not_taken_for_a_lack_of_noise(tmp_path, photo):
    noisy = photo + 0.08 * np.random.default_rng(0).standard_normal(photo.shape, np.float32)
    buffer = io.BytesIO()
    Pillow.fromarray(np.uint8(255 * noisy.clip(0, 1))).save(buffer, "JPEG", quality=100, subsampling=0)
    picture = open_picture(cut(tmp_path, buffer.getvalue(), 0.5), salvage=True)
    blind, shown = (diagnose(pixels).findings["noise_level"] for pixels in (picture, view_of(picture)))
    assert shown.present and not blind.present


def test_what_is_restored_is_the_salvaged_picture_and_the_report_says_so(tmp_path, photo):
    path = cut(tmp_path, jpeg(photo), 0.5)
    for plan in (MEDIAN, Plan((), "left alone")):
        out = tmp_path / f"{plan.id}.jpg"
        with pytest.raises(Truncated):
            restore_file(path, tmp_path / "never.png", plan)
        report = restore_file(path, out, plan, Options(salvage=True))
        assert 0 < report.salvaged_rows < 256 and "the file is truncated" in report.warnings[0]
        assert open_picture(out).load().shape == photo.shape  # not a copy of what is damaged
    assert not (tmp_path / "never.png").exists()
