"""The examples of docs/commands.md run as printed, in order; those of the README parse."""

import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import typer

from restora.app.cli import app

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"^Example: (restora .*)$", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE)
SLOW = ("train", "adapt", "export", "bench", "campaign")
"""Commands of the laboratory, which take minutes together."""
README = [
    line.strip().partition("#")[0].strip()
    for line in (ROOT / "README.md").read_text().splitlines()
    if line.startswith("    restora ")
]


def group(line):
    return shlex.split(line)[1]


def is_slow(line):
    return group(line) in SLOW


def needs_camera(line):
    return group(line) == "live" and "camera" in line


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with the files of the examples, and with what a clone has beside them."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("recipes", "results", "docs"):
        (folder / name).symlink_to(ROOT / name)
    run([sys.executable, str(ROOT / "examples" / "files.py")], folder)
    return folder


def run(words, folder):
    environment = {**os.environ, "RESTORA_WEIGHTS": str(folder / "own"), "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def run_example(line, folder):
    words = [sys.executable, "-m", *shlex.split(line)]
    return serve(words, folder) if group(line) == "serve" else run(words, folder)


def serve(words, folder):
    """Start the server, ask it for its state, and stop it; at another port, as that of the example may be in use."""
    words = [*words[:-1], "0"]
    with subprocess.Popen(
        [*words, "--folder", str(folder / "jobs")], cwd=folder, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as running:  # fmt: skip
        try:
            address = re.search(r"http://\S+?(?=;)", running.stderr.readline())[0]
            deadline = time.monotonic() + 60
            while True:
                try:
                    with urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
                        assert answer.status == 200
                        return
                except OSError:
                    assert time.monotonic() < deadline
        finally:
            running.terminate()
            running.communicate(timeout=60)


@pytest.mark.parametrize("line", [*EXAMPLES, *README], ids=str)
def test_an_example_is_a_command_with_options_that_exist(line):
    command, words = typer.main.get_command(app), shlex.split(line)[1:]
    while hasattr(command, "commands"):
        name = words.pop(0)
        command = command.commands[name]
    command.make_context("restora", words)


def test_the_examples_run_as_printed_and_in_order(clone):
    for line in EXAMPLES:
        if not is_slow(line) and not needs_camera(line) and group(line) != "weights":
            run_example(line, clone)
    assert {"better.jpg", "quiet.png", "large.png", "sharp.jpg", "smooth.mp4", "again.jpg"} <= set(os.listdir(clone))
    assert (clone / "fixed" / "more").is_dir()


def test_weights_are_listed_and_added_as_printed(clone):
    for line in EXAMPLES:
        if group(line) == "weights":
            if " add " in line:
                pytest.importorskip("spandrel")
            run_example(line, clone)


@pytest.mark.exhaustive
def test_the_examples_of_the_laboratory_run_as_printed_and_in_order(clone, shared):
    (clone / "data").symlink_to(shared)
    for line in filter(is_slow, EXAMPLES):
        run_example(line, clone)
