"""Clips whose restoration is stopped, continued, or fails; and that reading, restoring and writing overlap."""

import subprocess
import sys
import threading
import tracemalloc
from fractions import Fraction

import pytest

from restora.core.errors import OutputExists
from restora.files.picture import read
from restora.work.clips import Stopped, partial
from restora.work.overlap import read_ahead, write_behind
from tests.clips import Spec, complete, facts, make, number_in
from tests.work.conftest import MILLISECOND, PAL, UNCHANGED, run


class Stop:
    """Raises an error after so many frames."""

    def __init__(self, after, error=KeyboardInterrupt):
        self.after, self.error, self.seen = after, error, []

    def __call__(self, done, total):
        self.seen.append((done, total))
        if done >= self.after:
            raise self.error


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr("restora.work.clips.SEGMENT", 8)


@pytest.mark.parametrize(
    ("stop", "ending"), [(1, "mp4"), (3, "mkv"), (8, "mp4"), (16, "mkv"), (20, "mp4"), (29, "mkv")]
)
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_stopped_run_resumes_to_the_same_file(tmp_path, short, stop, ending, error):
    spec = Spec([40 * i for i in range(30)], MILLISECOND, sound=(("aac", 0, "eng"),), options={"bf": "3"})
    source = make(tmp_path / "y.mp4", spec)
    run(source, tmp_path / f"whole.{ending}")
    told, target = [], tmp_path / f"x.{ending}"
    with pytest.raises(Stopped if error is KeyboardInterrupt else SystemExit):
        run(source, target, tell=Stop(stop, error), resume=told.append)
    kept = stop // 8 * 8
    assert not target.exists() and any(f"stopped; {kept} of 30 frames are kept" in line for line in told) == (kept > 0)
    if error is KeyboardInterrupt:
        part = facts(partial(target))
        assert complete(part["numbers"]) and len(part["numbers"]) == stop
        assert part["times"] == facts(source)["times"][:stop]
        assert part["others"][0][1][-1][0] <= part["times"][-1] + Fraction(40, 1000)
    seen = Stop(99)
    report = run(source, target, tell=seen, resume=told.append)
    assert report.resumed_at == kept and not partial(target).exists()
    assert target.read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()
    assert len(seen.seen) == 30 - kept + (kept > 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"whole.{ending}", f"x.{ending}", "y.mp4"]


def test_a_stopped_folder_resumes_too(tmp_path, short):
    source = make(tmp_path / "y.mp4", Spec(list(range(20)), PAL))
    with pytest.raises(Stopped):
        run(source, tmp_path / "frames", tell=Stop(12), resume=lambda line: None)
    assert len(list((tmp_path / "frames-partial").glob("*.png"))) == 12
    report = run(source, tmp_path / "frames", resume=lambda line: None)
    numbers = [number_in(read(path).pixels) for path in sorted((tmp_path / "frames").glob("*.png"))]
    assert numbers == list(range(20)) and report.resumed_at == 8


def test_what_was_made_from_something_else_is_not_resumed(tmp_path, short):
    source, told = make(tmp_path / "y.mp4", Spec(list(range(20)), PAL)), []
    with pytest.raises(SystemExit):
        run(source, tmp_path / "x.mp4", tell=Stop(10, SystemExit), resume=told.append)
    report = run(source, tmp_path / "x.mp4", UNCHANGED, resume=told.append)
    assert report.resumed_at == 0 and any("was made with another plan; starting over" in line for line in told)


def test_without_resume_a_stop_leaves_only_the_part(tmp_path, short):
    source = make(tmp_path / "y.mp4", Spec(list(range(20)), PAL))
    with pytest.raises(Stopped) as stopped:
        run(source, tmp_path / "x.mp4", tell=Stop(11))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.partial.mp4", "y.mp4"]
    assert stopped.value.report.clip["frames"] == 11 and stopped.value.report.clip["of"] == 20
    with pytest.raises(OutputExists, match=r"x.partial.mp4 is left of a stopped run; continue it with --resume, or"):
        run(source, tmp_path / "x.mp4")
    run(source, tmp_path / "x.mp4", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.mp4", "y.mp4"]


def test_an_error_while_writing_ends_the_run(clips, tmp_path, monkeypatch):
    def fails(self, pixels):
        raise OSError("the disk is full")

    monkeypatch.setattr("restora.files.encode.Segment.put", fails)
    with pytest.raises(OSError, match="the disk is full"):
        run(clips("24000/1001, with B-frames at the end"), tmp_path / "x.mp4")
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_is_one_sentence(clips, tmp_path):
    """The process may write files of 3 KB only."""
    code = f"""
import resource, signal
from pathlib import Path
from restora.core.errors import BadImage
from restora.core.plan import Plan, Step
from restora.work.clips import restore_clip
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
plan = Plan((Step("gaussian", "", knobs={{"width": 0.5}}),), "")
try:
    restore_clip(Path({str(clips("24000/1001, with B-frames at the end"))!r}), Path({str(tmp_path / "x.mp4")!r}), plan)
except BadImage as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("cannot write ") and done.stdout.endswith(": file too large\n"), done.stdout
    assert not list(tmp_path.iterdir())


def test_dv_is_interlaced_with_the_lower_field_first(tmp_path):
    source = make(tmp_path / "y.avi", Spec(list(range(3)), PAL, ".avi", "dvvideo", size=(576, 720)))
    report = run(source, tmp_path / "x.mp4")
    assert "interlaced" in report.warnings[0] and facts(tmp_path / "x.mp4")["upper"] == 3


def test_reading_goes_on_while_a_piece_is_used():
    """The second piece is made before the first one is done with."""
    made = threading.Event()

    def pieces():
        yield 1
        made.set()
        yield 2

    with read_ahead(pieces(), 2) as ahead:
        assert next(ahead) == 1 and made.wait(10) and next(ahead) == 2


def test_writing_goes_on_while_the_next_piece_is_made():
    release, written = threading.Event(), []

    def write(piece):
        release.wait(10)
        written.append(piece)

    with write_behind(write, 2) as put:
        put(1)
        put(2)  # does not wait for the first
        assert written == []
        release.set()
    assert written == [1, 2]


def test_errors_cross_the_threads():
    def pieces():
        yield 1
        raise ValueError("reading")

    def write(piece):
        raise ValueError("writing")

    with pytest.raises(ValueError, match="reading"), read_ahead(pieces(), 2) as ahead:
        list(ahead)
    with pytest.raises(ValueError, match="writing"), write_behind(write, 2) as put:
        for piece in range(10):
            put(piece)


def test_memory_does_not_grow_with_the_length(tmp_path, short):
    """Of Python and NumPy; benchmarks/clips.py measures that of the process."""
    peaks = []
    for count in (40, 160):
        source = make(tmp_path / f"{count}.mp4", Spec(list(range(count)), PAL))
        tracemalloc.start()
        run(source, tmp_path / f"x{count}.mp4")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    frame = 4 * 3 * 48 * 64
    assert 10 * frame < peaks[1] < peaks[0] + 10 * frame, peaks
