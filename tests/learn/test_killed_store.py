"""Storing weights is killed at every step that it takes on the disk: the old weights work then, or the new ones."""

import os
import subprocess
import sys

import numpy as np
import pytest

from restora.learn.weights import store, verify
from tests.cards import CARD

OLD, NEW = {"w": np.zeros(50, np.float32)}, {"w": np.ones(70, np.float32)}
EVENTS = {"open", "os.rename", "os.remove"}


class Killed(BaseException):
    pass


class Disk:
    """Counts what is done in a folder and kills at one of these moments; audit hooks stay, so there is one for all."""

    def __init__(self):
        self.folder, self.left, self.written = None, 0, None
        sys.addaudithook(self)

    def __call__(self, event, words):
        if self.folder is None or event not in EVENTS or not str(words[0]).startswith(self.folder):
            return
        if event == "open" and not words[2] & (os.O_WRONLY | os.O_RDWR):
            return
        if self.left == 0:
            self.folder = None
            raise Killed
        self.left -= 1
        self.written = words[0] if event == "open" else None

    def kill(self, folder, after, half, work):
        """Do some work until so many events; half: what was written last is cut off. Gives whether it was killed."""
        self.folder, self.left, self.written = str(folder), after, None
        try:
            work()
        except Killed:
            if half and self.written:
                os.truncate(self.written, os.path.getsize(self.written) // 2)
            return True
        finally:
            self.folder = None
        return False


DISK = Disk()


def store_old(folder):
    store("other", folder, OLD, b"other", CARD)
    card = CARD | {"int8": {"passed": True}}
    return store("net", folder, OLD, b"old model", card, b"old int8")


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("onnx", [b"new model", None])
def test_a_kill_leaves_the_old_weights_or_the_new_ones(tmp_path, half, onnx):
    found, after, killed = [], 0, True
    while killed:
        folder = tmp_path / str(after)
        old = store_old(folder)
        killed = DISK.kill(folder, after, half, lambda: store("net", folder, NEW, onnx, CARD))  # noqa: B023
        weights = verify("net", folder)
        is_new = weights.checksum != old.checksum
        assert np.array_equal(weights.arrays()["w"], (NEW if is_new else OLD)["w"])
        if is_new and onnx is None:
            with pytest.raises(Exception, match="was not exported"):
                weights.onnx  # noqa: B018
        else:
            assert weights.onnx.read_bytes() == (onnx if is_new else b"old model")
        assert weights.int8 is None if is_new else weights.int8.read_bytes() == b"old int8"
        assert verify("other", folder).onnx.read_bytes() == b"other"
        again = store("net", folder, NEW, onnx, CARD)  # which needs no clearing up by hand
        assert np.array_equal(again.arrays()["w"], NEW["w"]) and not list(folder.glob(".*"))
        found.append(is_new)
        after += 1
    assert len(found) > 8 and found == sorted(found) and not found[0] and found[-1]


def test_a_kill_of_the_first_store_leaves_nothing_that_is_listed(tmp_path):
    after = 0
    while DISK.kill(tmp_path, after, False, lambda: store("net", tmp_path, NEW, b"model", CARD)):
        if (tmp_path / "index.toml").exists():
            assert np.array_equal(verify("net", tmp_path).arrays()["w"], NEW["w"])
            (tmp_path / "index.toml").unlink()
        after += 1
    assert after > 6


PROCESS = """
import os, sys, numpy as np
from restora.learn.weights import store
from tests.cards import CARD
left = int(sys.argv[2])
def hook(event, words):
    global left
    if event in ("open", "os.rename", "os.remove") and str(words[0]).startswith(sys.argv[1]):
        if left == 0:
            os.kill(os.getpid(), 9)
        left -= 1
sys.addaudithook(hook)
store("net", __import__("pathlib").Path(sys.argv[1]), {"w": np.ones(70, np.float32)}, b"new model", CARD)
"""


@pytest.mark.exhaustive
def test_a_process_that_is_killed_leaves_the_old_weights_or_the_new_ones(tmp_path):
    after, status = 0, -9
    while status == -9:
        folder = tmp_path / str(after)
        old = store_old(folder)
        words = [sys.executable, "-c", PROCESS, str(folder), str(after)]
        status = subprocess.run(words, check=False).returncode
        weights = verify("net", folder)
        is_new = weights.checksum != old.checksum
        assert weights.onnx.read_bytes() == (b"new model" if is_new else b"old model")
        after += 1
    assert status == 0 and after > 15
