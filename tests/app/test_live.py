"""The command live, with pipes as a user makes them."""

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import skimage.data

from tests.clips import Spec, facts, make, write_frames

PAL = Fraction(1, 25)
LIVE = [sys.executable, "-m", "restora", "live"]
MEDIAN = ["--method", "median"]


@pytest.fixture
def clip(folder):
    """Ten frames a second: a busy machine, too, holds this rate."""
    return make(folder / "clip.mkv", Spec([100 * i for i in range(12)], Fraction(1, 1000), ".mkv"))


def run(words, given=None):
    return subprocess.run([*LIVE, *map(str, words)], input=given, capture_output=True, check=False)


def test_from_a_pipe_to_a_pipe(clip):
    """The stream goes to standard output, the summary to standard error."""
    done = run(["-", "-o", "-", *MEDIAN], clip.read_bytes())
    assert done.returncode == 0, done.stderr
    Path("x.mkv").write_bytes(done.stdout)
    assert facts("x.mkv")["numbers"] == list(range(12)) and facts("x.mkv")["times"] == facts(clip)["times"]
    said = done.stderr.decode()
    assert "standard input -> standard output (the source ended)" in said and "12 of 12 frames, 0 dropped" in said


def test_raw_frames_and_y4m(clip):
    with closing(av.open(str(clip))) as file:
        given = b"".join(frame.to_ndarray(format="yuv420p").tobytes() for frame in file.decode(video=0))
    words = ["-", "--raw", "yuv420p", "--size", "64x48", "--fps", "10", "-o", "-", "--format", "y4m", *MEDIAN, "--json"]
    done = run(words, given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"YUV4MPEG2 W64 H48 F10:1") and done.stdout.count(b"FRAME\n") == 12
    report = json.loads(done.stderr)
    assert report["clip"]["frames"] == 12 and report["clip"]["dropped"] == 0 and report["seconds"] >= 1.1
    again = run(["-", "-o", "x.ts", *MEDIAN], done.stdout)
    assert again.returncode == 0 and facts("x.ts")["numbers"] == list(range(12))


def test_ctrl_c_ends_a_recording(folder):
    make(folder / "long.mkv", Spec([40 * i for i in range(250)], Fraction(1, 1000), ".mkv"))
    words = [*LIVE, "long.mkv", "-o", "x.mkv", *MEDIAN]
    running = subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not Path("x.partial.mkv").exists() or Path("x.partial.mkv").stat().st_size < 2000:
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0 and "(stopped)" in out, err
    numbers = facts("x.mkv")["numbers"]
    assert 0 < len(numbers) < 250 and numbers == sorted(set(numbers)) and not Path("x.partial.mkv").exists()
    assert json.loads(Path("x.mkv.json").read_text())["clip"]["frames"] == len(numbers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_the_source_is_silent(clip, number):
    running = subprocess.Popen(
        [*LIVE, "-", "-o", "x.mkv", *MEDIAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    running.stdin.write(clip.read_bytes())  # and no more, but the pipe stays open
    running.stdin.flush()
    deadline = time.monotonic() + 60
    while not Path("x.partial.mkv").exists():
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.05)
    time.sleep(1.5)
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == (0 if number == signal.SIGINT else 128 + signal.SIGTERM), err
    numbers = facts("x.mkv")["numbers"]
    assert len(numbers) > 5 and numbers == list(range(len(numbers)))


def test_a_reader_that_leaves_ends_it_without_an_error(folder):
    make(folder / "long.mkv", Spec([40 * i for i in range(250)], Fraction(1, 1000), ".mkv", options={"crf": "1"}))
    words = [*LIVE, "long.mkv", "-o", "-", "--format", "rgb24", *MEDIAN]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert len(running.stdout.read(30_000)) == 30_000
        running.stdout.close()
        err = running.stderr.read().decode()
    assert running.returncode == 0 and "the reader of the result closed it" in err and "Traceback" not in err, err


def test_to_an_address(clip):
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        done = run([clip, "-o", f"udp://127.0.0.1:{receiver.getsockname()[1]}", *MEDIAN])
        assert done.returncode == 0, done.stderr
        data = receiver.recv(65536)
    assert data[0] == 0x47 and len(data) % 188 == 0  # packets of a transport stream


def test_the_noise_level_is_that_of_the_first_frames(folder, restora):
    photo, rng = skimage.data.astronaut()[:160, :232] / 255, np.random.default_rng(0)
    clean = [photo[:112, 4 * step : 4 * step + 160] for step in range(6)]
    write_frames(folder / "noisy.mkv", [(x + 0.08 * rng.standard_normal(x.shape)).astype(np.float32) for x in clean])
    status, out, err = restora("live", "noisy.mkv", "-o", "x.mkv", "--json")
    assert status == 0, err
    report = json.loads(out)
    (step,) = report["plan"]["steps"]
    assert step["method"] == "mctf" and 0.06 < step["knobs"]["sigma"] < 0.1
    assert report["diagnosis"]["noise_level"]["present"] and report["clip"]["frames"] == 6


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("camera", "-o", "x.mkv"), "there is no camera /dev/video0; this computer has none"),
        (("clip.mkv", "-o", "x.mkv", "--size", "64x48"), "say its form with --raw"),
        (("-", "--raw", "rgb24", "-o", "x.mkv"), "give it with --size"),
        (("-", "--raw", "rgb24", "--size", "64x48", "--fps", "no", "-o", "x.mkv"), "--fps must be a number"),
        (("-", "--raw", "nv12", "--size", "64x48", "-o", "x.mkv"), "--raw must be yuv420p or rgb24, not 'nv12'"),
        (("clip.mkv", "-o", "x.mkv", "--method", "tgan"), "makes frames between those of a clip"),
        (("clip.mkv", "-o", "x.mkv", "--preset", "slow", "--method", "median"), "the preset of H.264 must be one of"),
        (("clip.mkv", "-o", "clip.mkv"), "clip.mkv exists"),
    ],
)
def test_a_mistake_is_one_sentence(clip, restora, monkeypatch, words, says):
    if words[0] == "camera" and list(Path("/dev").glob("video*")):
        pytest.skip("this computer has a camera")
    status, out, err = restora("live", *words)
    assert status == 2 and says in err and "Traceback" not in err and out == "" and err.count("\n") == 1
    assert not list(Path.cwd().glob("x.*"))
