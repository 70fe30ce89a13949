"""A folder with a photograph, and the command line in this process."""

import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from restora.app.cli import main
from restora.core.image import Image
from restora.files.save import write


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
