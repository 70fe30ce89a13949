"""Pictures and data that tests share."""

import os
import signal
from pathlib import Path

# Where several processes share the tests, each computes with one core: threads that wait in turns cost more than they
# bring. Set before anything reads it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pytest
import skimage.data

# Where the tests run in the background, Ctrl-C is ignored, and so it would be by the commands that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _data_root(monkeypatch):
    monkeypatch.setenv("RESTORA_DATA", str(SHARED))


@pytest.fixture
def shared():
    if not SHARED.is_dir():
        pytest.skip("the data sets of ../shared/data are not here")
    return SHARED


@pytest.fixture(scope="session")
def photo():
    """A colour photograph, (256, 304, 3) on the 0..1 scale."""
    return skimage.data.astronaut()[:256, :304].astype(np.float32) / 255


@pytest.fixture(scope="session")
def grey_photo():
    """A grey photograph, (256, 256, 1) on the 0..1 scale."""
    return skimage.data.camera()[100:356, 100:356, None].astype(np.float32) / 255


@pytest.fixture(autouse=True)
def no_weights_of_ones_own(tmp_path_factory, monkeypatch):
    """Tests see the shipped weights, not those of whoever runs them."""
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path_factory.getbasetemp() / "no-weights"))
