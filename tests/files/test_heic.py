"""HEIC files, made by the encoder of the library that reads them, where its wheel has one."""

import io
import subprocess
import sys

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Pillow
from PIL import ImageCms

from restora.app.cli import main
from restora.app.guard import Bounds
from restora.app.server import make_app
from restora.core.errors import BadImage, MissingExtra
from restora.core.plan import Plan, Step
from restora.files.heic import is_heic
from restora.files.picture import open_picture, read
from restora.files.save import write
from restora.work.jobs import Jobs
from restora.work.restore import Limits, restore, restore_file

pillow_heif = pytest.importorskip("pillow_heif")
if not pillow_heif.libheif_info()["HEIF"]:
    pytest.skip("this pillow-heif has no encoder", allow_module_level=True)

MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>b</a></x:xmpmeta>'
EXACT = {"quality": -1, "chroma": 444, "matrix_coefficients": 0}


@pytest.fixture
def heic(tmp_path):
    """Make a HEIC file of values (H, W, C), uint8 or uint16."""

    def make(values, name="photo.heic", **options):
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[values.shape[2]] + (";16" if values.dtype == np.uint16 else "")
        size = values.shape[1], values.shape[0]
        made = pillow_heif.from_bytes(mode, size, np.ascontiguousarray(values).tobytes())
        made.save(tmp_path / name, **{**EXACT, **options})
        return tmp_path / name

    return make


@pytest.fixture
def numbers(photo):
    return np.uint8(np.rint(255 * photo[:120, :160]))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_are_those_of_the_library(heic, numbers, channels):
    values = np.dstack([numbers, 255 - numbers[:, :, :1]])[:, :, -channels if channels < 4 else 0 :][:, :, :channels]
    path = heic(values, **({"matrix_coefficients": 1} if channels == 1 else {}))
    picture, image = open_picture(path), read(path)
    assert picture.format == "heic" and picture.shape == (120, 160, min(channels, 3)) and image.meta.bits == 8
    assert np.array_equal(np.rint(image.pixels * 255), values[:, :, :3])
    assert picture.has_alpha is (channels == 4)
    if channels == 4:
        assert np.array_equal(np.rint(image.alpha * 255), values[:, :, 3])
    assert np.array_equal(picture.window(30, 20, 50, 60), image.pixels[30:80, 20:80])


def test_ten_bits_stay_ten_bits(heic, numbers, tmp_path):
    path = heic((numbers.astype(np.uint16) * 4 + 3) << 6)
    image = read(path)
    assert image.meta.bits == 16 and np.array_equal(np.rint(image.pixels * 1023), numbers.astype(int) * 4 + 3)
    assert write(image, tmp_path / "a.png") == [] and "8 bits" in write(image, tmp_path / "a.jpg")[0]
    assert np.abs(read(tmp_path / "a.png").pixels - image.pixels).max() < 1 / 65535


@pytest.mark.parametrize("kind", ["jpg", "png", "tif"])
def test_the_turn_is_made_once_and_all_that_is_said_is_kept(heic, tmp_path, kind):
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30] = 255  # bright at the top left
    tags = Pillow.Exif()
    tags[0x0112], tags[0x010F] = 6, "Camera"
    made = pillow_heif.from_bytes("RGB", (40, 60), np.ascontiguousarray(np.rot90(upright)).tobytes())
    made.save(tmp_path / "a.heic", **EXACT, exif=tags.tobytes(), icc_profile=PROFILE, xmp=XMP)
    image = read(tmp_path / "a.heic")
    assert np.array_equal(np.rint(image.pixels * 255), upright)
    assert write(image, tmp_path / f"b.{kind}") == []
    again = read(tmp_path / f"b.{kind}")
    assert again.shape == upright.shape and again.meta.icc == PROFILE and again.meta.xmp == XMP
    with Pillow.open(tmp_path / f"b.{kind}") as other:
        assert other.getexif().get(0x0112, 1) == 1 and other.getexif()[0x010F] == "Camera" and other.size == (60, 40)


def test_it_is_restored_as_its_pixels_are_and_never_copied(heic, numbers, tmp_path):
    path = heic(numbers)
    assert restore_file(path, tmp_path / "b.png", MEDIAN).warnings == []
    expected = restore(read(path), MEDIAN)[0].pixels
    assert np.abs(read(tmp_path / "b.png").pixels - expected).max() < 0.51 / 255
    restore_file(path, tmp_path / "c.jpg", Plan((), "left alone"))
    assert (tmp_path / "c.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_a_large_one_is_refused_before_it_is_decoded(heic, numbers, monkeypatch):
    monkeypatch.setattr("restora.files.heic.Heic.put_in_tiles", lambda *words: pytest.fail("it was decoded"))
    with pytest.raises(BadImage, match="0.0192 megapixels .160x120., more than the limit of 0.01"):
        open_picture(heic(numbers), max_pixels=10_000)
    monkeypatch.setattr("restora.files.heic._MOST", 100)
    with pytest.raises(BadImage, match="MB, the limit for HEIC files"):
        open_picture(heic(numbers))


def test_a_damaged_one_is_one_sentence(heic, numbers):
    path = heic(numbers)
    data = path.read_bytes()
    for cut in (16, 40, 300, len(data) // 2, len(data) - 10):
        path.write_bytes(data[:cut])
        for salvage in (False, True):
            with pytest.raises(BadImage, match=r"photo\.heic is damaged") as caught:
                open_picture(path, salvage=salvage).load()
            assert "\n" not in str(caught.value)


def test_without_the_extra_the_command_that_installs_it_is_named(heic, numbers, monkeypatch):
    path = heic(numbers)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtra, match=r"pip install 'restora\[heic\]'"):
        open_picture(path)


def test_it_is_known_by_its_brands(heic, numbers, tmp_path, photo):
    path = heic(numbers)
    data = path.read_bytes()
    assert data[8:12] in (b"heic", b"heix") and is_heic(path)
    path.write_bytes(data[:8] + b"mif1" + data[12:])
    assert is_heic(path) and read(path).shape == (120, 160, 3)
    path.rename(tmp_path / "a.jpg")
    assert open_picture(tmp_path / "a.jpg").format == "heic"
    Pillow.fromarray(numbers).save(tmp_path / "a.avif")
    assert not is_heic(tmp_path / "a.avif") and open_picture(tmp_path / "a.avif").format == "avif"


def test_what_is_not_read_is_said(heic, numbers, tmp_path):
    made = pillow_heif.from_pillow(Pillow.fromarray(numbers))
    made.add_from_pillow(Pillow.fromarray(255 - numbers))
    made.save(tmp_path / "two.heic", **EXACT, primary_index=1)
    image = read(tmp_path / "two.heic")
    assert image.meta.notes == ("only the main one of the 2 pictures in the file was read",)
    assert np.array_equal(np.rint(image.pixels * 255), 255 - numbers)


@pytest.mark.parametrize(
    ("says", "note"),
    [
        ({"aux": {"urn:com:apple:photo:2020:aux:hdrgainmap": [2]}}, "the gain map"),
        ({"depth_images": [object()]}, "the depth map"),
        ({"aux": {"urn:com:apple:photo:2018:aux:portraiteffectsmatte": [2]}}, "mattes"),
    ],
)
def test_what_stands_beside_the_picture_is_said(heic, numbers, monkeypatch, says, note):
    """The encoder writes none of these; the reader names them so."""
    plain = pillow_heif.open_heif

    def opened(*words, **options):
        found = plain(*words, **options)
        found[0].info |= says
        return found

    path = heic(numbers)
    assert read(path).meta.notes == ()
    monkeypatch.setattr("pillow_heif.open_heif", opened)
    (told,) = read(path).meta.notes
    assert told.startswith(note) and "not kept" in told


@pytest.mark.parametrize(("primaries", "curve", "kept"), [(1, 13, False), (1, 1, False), (12, 13, True), (9, 16, True)])
def test_a_colour_space_without_a_profile_is_kept(heic, numbers, tmp_path, primaries, curve, kept):
    path = heic(numbers, color_primaries=primaries, transfer_characteristics=curve)
    image = read(path)
    assert [chunk[8:12] for chunk in image.meta.colour] == ([bytes([primaries, curve, 0, 1])] if kept else [])
    write(image, tmp_path / "a.png")
    assert read(tmp_path / "a.png").meta.colour == image.meta.colour
    notes = " ".join(write(image, tmp_path / "a.jpg"))
    assert ("will look wrong" in notes) is (curve == 16) and bool(read(tmp_path / "a.jpg").meta.icc) is (
        primaries == 12
    )


def test_on_the_command_line(heic, numbers, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    heic(numbers)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["restora", "denoise", "photo.heic", "--method", "median", *words])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0), capsys.readouterr().err
        return 0, capsys.readouterr().err

    assert call()[0] == 0 and open_picture(tmp_path / "photo.restored.jpg").format == "jpg"
    assert (tmp_path / "photo.restored.jpg.json").exists()
    status, err = call("-o", "x.heic")
    assert status == 2 and "must not be HEIC" in err and ".jpg" in err and err.count("\n") == 1
    command = [sys.executable, "-m", "restora", "denoise", "-", "--method", "median"]
    done = subprocess.run(command, input=(tmp_path / "photo.heic").read_bytes(), capture_output=True, check=True)
    assert Pillow.open(io.BytesIO(done.stdout)).format == "JPEG"


def test_from_the_server_comes_a_jpeg(heic, numbers, tmp_path):
    jobs = Jobs(tmp_path / "jobs", Limits(pixels=10**6, minutes=1))
    with TestClient(make_app(jobs, Bounds()), base_url="http://localhost") as client:
        plan = {"Restora-Plan": MEDIAN.to_json().replace("\n", " ")}
        answer = client.post("/v1/restore", content=heic(numbers).read_bytes(), headers=plan)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert Pillow.open(io.BytesIO(answer.content)).size == (160, 120)
