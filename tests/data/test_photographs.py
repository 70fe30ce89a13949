import numpy as np
import pytest

from restora.core.errors import BadImage
from restora.core.image import Image
from restora.data.photographs import gather, photographs, pixels_of
from restora.data.shelf import shelved
from restora.files.picture import read
from restora.files.save import write


@pytest.fixture
def folder(tmp_path, photo):
    for name in ("a.png", "b.jpg", "ö [1].png"):
        write(Image(photo[:40, :50]), tmp_path / name)
    write(Image(photo[:40, :50, :1]), tmp_path / "grey.png")
    write(Image(photo[:40, :50, :1]), tmp_path / "grey.jpg")
    return tmp_path


def test_opencv_reads_the_pixels_that_libvips_reads(folder):
    for each in photographs(folder, "free"):
        expected = np.rint(read(each.path).pixels * 255).astype(np.uint8)
        assert np.array_equal(pixels_of(each), np.broadcast_to(expected, (40, 50, 3))), each.path.name


def test_opencv_and_libvips_agree_on_the_photographs_for_training(shared):
    found = [photo for name in ("train/free", "train/free2") for photo in photographs(shared / name, "free")]
    for each in found[::12]:
        expected = np.rint(read(each.path).pixels * 255).astype(np.uint8)
        assert np.array_equal(pixels_of(each), np.broadcast_to(expected, pixels_of(each).shape)), each.path.name


def test_sixteen_bits_are_rounded_to_eight(tmp_path):
    import cv2

    deep = np.random.default_rng(0).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    (found,) = photographs(tmp_path, "free")
    assert np.abs(pixels_of(found)[..., ::-1] - deep / 257).max() <= 0.51


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_text("a letter")
    (tmp_path / "b.png").write_bytes(b"")
    for each in photographs(tmp_path, "free"):
        with pytest.raises(BadImage, match=r"[ab]\.png is no picture"):
            pixels_of(each)


def test_several_folders_are_gathered_with_the_checksums_of_originals(folder, tmp_path, monkeypatch):
    (folder / "SOURCES.csv").write_text("file,licence,sha256\na.png,CC0-1.0,abc\nb.jpg,,\n")
    (tmp_path / "out.txt").write_text("elsewhere/grey.png")
    other = tmp_path / "other"
    other.mkdir()
    (folder / "grey.jpg").rename(other / "grey.jpg")
    found = {each.path.name: each for each in gather([str(folder), str(other)], "free", str(tmp_path / "out.txt"))}
    assert set(found) == {"a.png", "b.jpg", "ö [1].png", "grey.jpg"}
    assert (found["a.png"].licence, found["a.png"].sha256) == ("CC0-1.0", "abc")
    assert found["b.jpg"].licence == "free" and len(found["b.jpg"].sha256) == 64


def test_a_shelf_is_what_was_put_on_it_here_and_in_another_process(tmp_path):
    import pickle

    pictures = [np.random.default_rng(i).integers(0, 256, (5 + i, 7, 3), dtype=np.uint8) for i in range(4)]
    shelf = shelved(pictures, tmp_path / "shelf")
    carried = pickle.dumps(shelf)
    assert len(carried) < 1000
    for other in (shelf, pickle.loads(carried)):
        assert len(other) == 4 and all(np.array_equal(a, b) for a, b in zip(pictures, other, strict=True))
    assert not shelf[0].flags.writeable
