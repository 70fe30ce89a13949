"""A server in a thread of this process, and clients that speak to it byte by byte."""

import asyncio
import json
import logging
import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse

from fastapi.testclient import TestClient

from restora.app.connections import LOGS, server_of
from restora.app.guard import Bounds
from restora.app.server import make_app
from restora.core.plan import Plan, Step
from restora.work.jobs import Jobs
from restora.work.restore import Limits

FORM = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
MEDIAN = {"Restora-Plan": json.dumps(Plan((Step("median", "", knobs={"radius": 1}),), "").as_dict())}


def client_of(tmp_path, bounds=None, **options):
    jobs = Jobs(tmp_path / "jobs", Limits(pixels=10**6, minutes=1), **options)
    return TestClient(make_app(jobs, bounds or Bounds()), base_url="http://localhost")


@contextmanager
def serving(app, connections=64, patience=20.0):
    """The port at which an application is served."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = server_of(app, connections, patience)
    log = logging.getLogger("uvicorn")
    log.handlers.clear()  # they hold the standard error of one test
    log.propagate = True
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
        for name in LOGS:
            logging.getLogger(name).filters.clear()


def opened(port, data=b"", timeout=20):
    """A connection on which something was sent."""
    client = socket.create_connection(("127.0.0.1", port), timeout)
    client.sendall(data)
    return client


def heard(client):
    """All that comes until the server ends the connection."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    client.close()
    return b"".join(parts)


def told(port, data, timeout=20):
    """(status, answer) of bytes; status None if there is no answer in time."""
    with opened(port, timeout=timeout) as client:
        with suppress(OSError):  # it was refused before all was sent
            client.sendall(data)
        answer = HTTPResponse(client)
        try:
            answer.begin()
            return answer.status, str(answer.headers).encode() + answer.read()
        except (OSError, HTTPException):
            return getattr(answer, "status", None) if answer.headers else None, b""
        finally:
            answer.close()


def asked(port, path="/"):
    """The same of a simple request."""
    return told(port, b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path.encode())
