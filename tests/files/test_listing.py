"""Which files of folders and lists are pictures or clips."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from restora.core.errors import BadImage
from restora.files.extras import jpeg_steps
from restora.files.listing import listing, names_in
from tests.clips import Spec, make
from tests.rubbish import BAD, JPEG, rubbish_in


def names(made):
    return [str(found.path) for found in made.found]


def test_of_a_folder_pictures_and_clips_count_and_of_names_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("a/b/c")
    for name in ("a/2.jpg", "a/1.PNG", "a/b/3.webp", "a/b/c/4.heic", "a/desktop.ini", "a/.hidden.jpg", "a/b/no.txt"):
        Path(name).write_bytes(JPEG)
    make(tmp_path / "clip.mp4", Spec([0, 1], Fraction(1, 25)))
    os.rename("clip.mp4", "a/clip without an ending")
    assert names(listing([Path("a")])) == ["a/1.PNG", "a/2.jpg", "a/clip without an ending"]
    deep = listing([Path("a")], recursive=True)
    assert names(deep)[3:] == ["a/b/3.webp", "a/b/c/4.heic"] and deep.others == 2
    assert {found.root for found in deep.found} == {Path("a")}
    assert names(listing([Path("a")], recursive=True, leave_out=Path("a/b"))) == names(listing([Path("a")]))
    given = listing([Path("a/desktop.ini"), Path("absent.jpg"), Path("a"), Path("a/2.jpg")])
    assert names(given)[:2] == ["a/desktop.ini", "absent.jpg"] and names(given).count("a/2.jpg") == 1


def test_links_to_folders_are_not_followed_and_nothing_ends_the_search(tmp_path):
    rubbish_in(tmp_path, 20)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "in" / "1.jpg").write_bytes(JPEG)
    found = [each.path.relative_to(tmp_path) for each in listing([tmp_path], recursive=True).found]
    assert Path("in/1.jpg") in found and not any("up" in path.parts for path in found)
    assert len(found) == len(set(found)) == 20 * len(BAD) + 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_a_problem(tmp_path):
    (tmp_path / "in").mkdir(mode=0)
    assert "cannot read the folder" in listing([tmp_path], recursive=True).problems[0][1]


def test_a_list_has_a_name_in_each_line_or_nul_between_them():
    assert names_in(b"a b.jpg\n\nc.png\r\n") == [Path("a b.jpg"), Path("c.png")]
    assert names_in(b"a\nb.jpg\0c.png\0") == [Path("a\nb.jpg"), Path("c.png")]
    assert os.fsencode(names_in(b"\xff.jpg")[0]) == b"\xff.jpg"
    with pytest.raises(BadImage, match="the list of files is empty"):
        names_in(b"\n \n")


def test_the_steps_of_a_jpeg_file_are_read(tmp_path):
    from PIL import Image as Pillow

    picture, wanted = Pillow.new("RGB", (16, 16)), np.arange(1, 65).reshape(8, 8)
    for name, options in (("a.jpg", {}), ("b.jpg", {"progressive": True}), ("c.jpg", {"optimize": True})):
        picture.save(tmp_path / name, qtables=[list(wanted.ravel()), [9] * 64], **options)
        assert np.array_equal(jpeg_steps(tmp_path / name), wanted)
    picture.save(tmp_path / "d.png")
    (tmp_path / "e.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:60])
    assert jpeg_steps(tmp_path / "d.png") is None and jpeg_steps(tmp_path / "e.jpg") is None
