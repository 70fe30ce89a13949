from fractions import Fraction

import pytest

from restora.files.container import container_of, is_cut_off
from tests.clips import Spec, make

TICK = Fraction(1, 25)
KINDS = {
    "MP4": Spec(list(range(6)), TICK),
    "Matroska": Spec(list(range(6)), TICK, ".mkv"),
    "AVI": Spec(list(range(6)), TICK, ".avi", "mpeg4"),
    "MPEG transport stream": Spec(list(range(6)), TICK, ".ts", "mpeg2video"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_is_known_by_its_first_bytes(tmp_path, kind):
    path = make(tmp_path / f"clip{KINDS[kind].ending}", KINDS[kind])
    other = path.rename(tmp_path / "clip.jpg")
    assert container_of(other) == kind and not is_cut_off(other)


@pytest.mark.parametrize("kind", ["MP4", "Matroska", "AVI"])
def test_a_missing_end_is_noticed_from_one_byte_on(tmp_path, kind):
    path = make(tmp_path / f"clip{KINDS[kind].ending}", KINDS[kind])
    data = path.read_bytes()
    for missing in (1, len(data) // 2):
        path.write_bytes(data[:-missing])
        assert container_of(path) == kind and is_cut_off(path)


@pytest.mark.parametrize(
    "start",
    [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBPVP8 ", b"\0\0\0\x20ftypavif",
     b"\0\0\0\x18ftypheic", b"II*\0", b"GIF89a", b"%PDF-1.4", b"RIFF\0\0\0\0WAVEfmt "],
)  # fmt: skip
def test_pictures_and_other_files_are_no_clips(tmp_path, start):
    path = tmp_path / "file.mp4"
    path.write_bytes(start + bytes(64) if start else b"")
    assert container_of(path) == ""


def test_a_file_that_is_missing_is_no_clip(tmp_path):
    assert container_of(tmp_path / "absent.mp4") == ""
