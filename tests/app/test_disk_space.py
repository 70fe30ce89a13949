"""What comes is counted against the disk from its first byte; a disk that is full is waited for."""

import errno
import gc
import os
import sqlite3
import threading
import time
from unittest.mock import Mock

import pytest

from restora.app.server import make_app
from restora.work.jobs import Jobs
from restora.work.restore import Limits
from tests.app.live import FORM, MEDIAN, PART, asked, client_of, opened, serving, told

ROOM = 1_000_000


def an_upload(length, path="/v1/diagnose", kind=""):
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", kind and f"Content-Type: {kind}"]
    return "\r\n".join(filter(None, lines)).encode() + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "kind", "start"),
    [("/v1/diagnose", "", b""), ("/v1/jobs", FORM, PART),
     ("/gradio_api/upload", FORM, PART.replace(b"picture", b"files"))],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # Gradio leaves what came of an upload open
def test_the_disk_is_for_what_comes_too(tmp_path, caplog, path, kind, start):
    """Ten clients that send nearly all of their picture, and leave: nobody but them is told why."""
    jobs = Jobs(tmp_path / "jobs", Limits(), most_bytes=ROOM)
    with serving(make_app(jobs)) as port:
        upload = an_upload(ROOM // 2, path, kind) + start + bytes(ROOM * 2 // 5)
        clients = [opened(port, upload) for _ in range(2)]
        while jobs.bytes() < ROOM * 3 // 4:
            time.sleep(0.01)
        status, said = told(port, upload)
        assert status == 503 and b"retry-after: 5" in said and b"disk space" in said
        assert jobs.bytes() < ROOM * 1.1
        for client in clients:
            client.close()
        end = time.monotonic() + 20
        while list(jobs.folder.glob("received-*")) and time.monotonic() < end:
            time.sleep(0.01)
        assert not list(jobs.folder.glob("received-*"))
        assert asked(port, "/healthz")[0] == 200
    assert not caplog.records, caplog.text
    gc.collect()  # files that are left open are told of here, not in a later test


def test_a_page_upload_that_never_ended_is_removed_soon(tmp_path):
    jobs = Jobs(tmp_path / "jobs", Limits(), keep_seconds=3600)
    part, whole = jobs.page / "tmpabc", jobs.page / "folder" / "a.png"
    whole.parent.mkdir(parents=True)
    for path in (part, whole):
        path.write_bytes(b"x")
        os.utime(path, (time.time() - 100, time.time() - 100))
    jobs.forget()
    assert whole.exists() and not part.exists()


# A disk that is full for a while


@pytest.fixture
def disk(monkeypatch):
    """Whether the disk of jobs is full; how often that was met."""

    class Disk:
        full, met = False, threading.Semaphore(0)

    real = sqlite3.connect

    def connect(*args, **options):
        if Disk.full:
            Disk.met.release()
            raise sqlite3.OperationalError("database or disk is full")
        return real(*args, **options)

    monkeypatch.setattr("restora.work.jobs.sqlite3.connect", connect)
    return Disk


@pytest.fixture
def picture(photo, tmp_path):
    from restora.core.image import Image
    from restora.files.save import write

    write(Image(photo[:32, :32]), tmp_path / "a.png")
    return (tmp_path / "a.png").read_bytes()


def test_a_full_disk_is_waited_for(tmp_path, disk, picture):
    with client_of(tmp_path) as client:
        jobs = client.app.state.jobs
        jobs.rest = 0.01
        disk.full = True
        for _ in range(3):  # the worker meets it, and goes on
            assert disk.met.acquire(timeout=20)
        for path in ("/v1/jobs", "/v1/restore"):
            answer = client.post(path, content=picture, headers=MEDIAN)
            assert answer.status_code == 503 and answer.headers["retry-after"] and "try again later" in answer.text
        assert client.get("/v1/jobs/x").status_code == 503
        assert [path.name for path in jobs.folder.iterdir() if path.is_dir()] in ([], ["page"])  # nothing half
        disk.full = False
        assert client.post("/v1/restore", content=picture, headers=MEDIAN).status_code == 200
        assert client.get("/readyz").status_code == 200


def test_a_job_that_ends_while_the_disk_is_full_is_written_down_later(tmp_path, disk, picture, monkeypatch):
    import restora.work.jobs as work

    real = work.write_text

    def fills_the_disk(*args, **options):
        real(*args, **options)
        disk.full = True

    monkeypatch.setattr(work, "write_text", fills_the_disk)
    with client_of(tmp_path) as client:
        jobs = client.app.state.jobs
        jobs.rest = 0.01
        key = client.post("/v1/jobs", content=picture, headers=MEDIAN).json()["id"]
        for _ in range(3):
            assert disk.met.acquire(timeout=20)
        disk.full = False
        while jobs.find(key).state == "running":
            time.sleep(0.01)
        assert jobs.find(key).state == "done" and client.get(f"/v1/jobs/{key}/result").status_code == 200


@pytest.mark.parametrize("error", [ZeroDivisionError(), sqlite3.DatabaseError("malformed"), OSError(5, "broken")])
def test_the_worker_dies_of_nothing(tmp_path, picture, monkeypatch, error):
    failed = threading.Event()

    def fails(jobs):
        failed.set()
        raise error

    with client_of(tmp_path) as client:
        client.app.state.jobs.rest = 0.01
        with monkeypatch.context() as patched:
            patched.setattr(Jobs, "_next", fails)
            assert failed.wait(20)
        assert client.post("/v1/restore", content=picture, headers=MEDIAN).status_code == 200


def test_what_the_system_is_short_of_is_503(tmp_path, picture, monkeypatch):
    client = client_of(tmp_path)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE):
        short = Mock(side_effect=OSError(number, "short"))
        monkeypatch.setattr("restora.app.upload.tempfile.TemporaryDirectory", short)
        answer = client.post("/v1/diagnose", content=picture)
        assert answer.status_code == 503 and answer.headers["retry-after"]
