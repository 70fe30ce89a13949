"""A folder with a photograph, and the command line in this process."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from restora.app.cli import main
from restora.core.image import Image
from restora.files.save import write

ROOT = Path(__file__).parent.parent.parent
WITH_MADE_UP = """
from restora.app.cli import main
from restora.methods.table import METHODS
from tests.app.made_up import FINDER, MARKER
METHODS["finder"] = FINDER
METHODS["marker"] = MARKER
main()
"""
"""The command line with a method that finds a blur, and one that finds what to fill."""


def served(folder):
    """A server's process and address; it listens when this returns."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-c", WITH_MADE_UP, "serve", "--port", str(port), "--folder", str(folder)]
    server = subprocess.Popen([*words, "--max-bytes", "4MB"], stderr=subprocess.DEVNULL, cwd=ROOT)
    for _ in range(1200):  # a busy machine takes its time to import
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, f"http://127.0.0.1:{port}"
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


@pytest.fixture(scope="session")
def jobs(tmp_path_factory):
    return tmp_path_factory.mktemp("served") / "jobs"


@pytest.fixture(scope="session")
def address(jobs):
    """Of a server for all tests of the page that share this process."""
    server, url = served(jobs)
    yield url
    server.terminate()
    server.wait(20)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Image(skimage.data.astronaut()[:400, :400].astype(np.float32) / 255), Path("clean.png"))
    return tmp_path


def call(monkeypatch, capsys, *words):
    """(exit status, standard output, standard error) of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["restora", *map(str, words)])
    try:
        main()
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def restora(monkeypatch, capsys):
    return lambda *words: call(monkeypatch, capsys, *words)
