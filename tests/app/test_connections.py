"""Clients that keep the server waiting do not keep others from it."""

import asyncio
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse

from restora.app.connections import DESCRIPTORS, Quiet, most_connections
from tests.app.live import asked, heard, opened, serving

HALF = b"GET / HTTP/1.1\r\nHost: loc"
PATIENCE = 0.3
SENDS = b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"


class App:
    """It answers what it got, waits until it is let go, or answers at length."""

    def __init__(self):
        self.left, self.go = threading.Event(), threading.Event()
        self.began = threading.Semaphore(0)

    async def __call__(self, scope, receive, send):
        request = Request(scope, receive)
        if scope["path"] == "/body":
            try:
                answer = PlainTextResponse(str(len(await request.body())))
            except ClientDisconnect:
                self.left.set()
                return
        elif scope["path"] == "/wait":
            self.began.release()
            await asyncio.to_thread(self.go.wait)
            answer = PlainTextResponse("done")
        elif scope["path"] == "/long":
            answer = StreamingResponse(self.long())
        else:
            answer = PlainTextResponse("ok")
        await answer(scope, receive, send)

    async def long(self):
        try:
            for _ in range(300):  # more than the system keeps for a client that takes nothing
                yield bytes(100_000)
                await asyncio.sleep(0)
        finally:
            self.left.set()


@pytest.fixture
def app():
    return App()


@contextmanager
def served(app, **options):
    async def without_lifespan(scope, receive, send):
        if scope["type"] == "http":
            await app(scope, receive, send)

    with serving(without_lifespan, **options) as port:
        try:
            yield port
        finally:
            app.go.set()


def test_heads_that_are_never_finished_give_way_to_others(app):
    with served(app, connections=4) as port:
        idle = [opened(port, HALF if number % 2 else b"") for number in range(20)]
        assert asked(port)[0] == 200
        for client in idle[:17]:  # those that have waited longest
            assert heard(client) == b""
        for client in idle[17:]:
            client.sendall(b"alhost\r\nConnection: close\r\n\r\n" if client is idle[17] else b"")
        assert b"200 OK" in heard(idle[17])
        for client in idle[18:]:
            client.close()


def test_requests_that_are_answered_do_not_give_way(app):
    with served(app, connections=2) as port:
        busy = []
        for _ in range(2):
            busy.append(opened(port, b"GET /wait HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
            assert app.began.acquire(timeout=10)
        status, said = asked(port)
        assert status == 503 and b"retry-after" in said
        app.go.set()
        assert all(heard(client).endswith(b"done") for client in busy)


@pytest.mark.parametrize("start", [b"", HALF, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + HALF])
def test_a_head_has_its_time(app, start):
    with served(app, patience=PATIENCE) as port:
        assert heard(opened(port, start)).endswith(
            b"408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        )


def test_a_body_must_go_on(app):
    with served(app, patience=PATIENCE) as port:
        assert b"408 Request Timeout" in heard(opened(port, SENDS + b"x"))
        assert app.left.wait(10)


def test_a_slow_body_that_goes_on_is_taken(app):
    with served(app, patience=PATIENCE) as port:
        client = opened(port, SENDS)
        for _ in range(50):
            client.sendall(bytes(2000))
            time.sleep(0.01)
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"100000" in heard(client)


def test_an_answer_must_be_taken(app):
    with served(app, patience=PATIENCE) as port:
        client = opened(port, b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert app.left.wait(10)
        client.close()


def test_there_are_descriptors_for_all_connections():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // DESCRIPTORS
    assert most_connections(1) == 1 and most_connections(10**9) == most


def record(text, error=None):
    try:
        raise error or ValueError
    except Exception:
        info = sys.exc_info() if error else None
    return logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, text, (), info)


def test_a_message_is_said_once_a_minute():
    quiet = Quiet(seconds=0.05)
    assert [quiet.filter(record("Invalid HTTP request received.")) for _ in range(3)] == [True, False, False]
    assert quiet.filter(record("another")) and quiet.filter(record("another", KeyError()))
    assert not quiet.filter(record("another", KeyError())) and quiet.filter(record("another", TypeError()))
    time.sleep(0.06)
    assert quiet.filter(record("Invalid HTTP request received."))


@pytest.mark.exhaustive
@pytest.mark.parametrize("descriptors", [256, 64])
def test_three_hundred_half_heads_stop_nothing(tmp_path, descriptors):
    """`restora serve` with few descriptors: others are answered, and its log stays short."""
    log = tmp_path / "log"
    words = [sys.executable, "-m", "restora", "serve", "--port", "0", "--folder", str(tmp_path / "jobs")]
    with log.open("wb") as file:
        server = subprocess.Popen(words, stderr=file, stdout=file)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (descriptors, descriptors))
    idle = []
    try:
        while b"with Ctrl-C" not in log.read_bytes():
            time.sleep(0.1)
        port = int(log.read_bytes().split(b"127.0.0.1:")[1].split()[0])
        while asked(port, "/healthz")[0] != 200:
            time.sleep(0.1)
        slowest, end = 0.0, time.monotonic() + 60
        while time.monotonic() < end:
            idle += [opened(port, HALF) for _ in range(300 if not idle else 5)]
            began = time.monotonic()
            assert asked(port, "/healthz")[0] == 200
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.5)
        assert slowest < 5 and log.stat().st_size < 20_000, (slowest, log.stat().st_size)
    finally:
        for client in idle:
            client.close()
        os.kill(server.pid, signal.SIGTERM)
        server.wait(30)
