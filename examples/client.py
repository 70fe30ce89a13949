"""Restore a picture or a clip by a running `restora serve`, as a job: put it in, ask until it is done, take it out.

    restora serve &
    python examples/client.py photo.jpg better.jpg
    python examples/client.py clip.mp4 better.mp4
    python examples/client.py clip.mp4 look.mp4 preview=true      # one second from the middle
    python examples/client.py clip.mp4 smooth.mp4 factor=2        # twice as many frames

The same for a picture with curl, waiting for the answer:

    curl --data-binary @photo.jpg http://127.0.0.1:8765/v1/restore -o better.jpg
"""

import json
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

SERVER = "http://127.0.0.1:8765/v1"


@contextmanager
def answer(path: str, body: BinaryIO | None = None, method: str | None = None) -> Iterator[Any]:
    """The server's answer; an error's sentence ends the program. A body is sent as it is read."""
    request = urllib.request.Request(SERVER + path, body, method=method)
    if body is not None:
        request.add_header("Content-Length", str(Path(body.name).stat().st_size))
    try:
        with urllib.request.urlopen(request) as answered:
            yield answered
    except urllib.error.HTTPError as error:
        sys.exit(json.loads(error.read())["error"])


def told(job: dict[str, Any]) -> str:
    """How far a job is, in words."""
    unit = job.get("unit", "pieces")
    return f"{job['state']}: {job['done']} of {job['total']} {unit}" if job["total"] else job["state"]


def main(source: Path, target: Path, *wishes: str) -> None:
    """Restore one file into another; wishes: parameters of the API, such as preview=true."""
    with source.open("rb") as file, answer(f"/jobs?{'&'.join(wishes)}", file) as added:
        job, said = json.load(added), ""
    while job["state"] in ("queued", "running"):
        if told(job) != said:
            said = told(job)
            print(said, flush=True)
        time.sleep(0.2)
        with answer(f"/jobs/{job['id']}") as state:
            job = json.load(state)
    if job["state"] == "done":
        with answer(f"/jobs/{job['id']}/result") as result, target.open("wb") as file:
            shutil.copyfileobj(result, file)
    with answer(f"/jobs/{job['id']}", method="DELETE"):
        print(told(job))
    if job["state"] != "done":
        sys.exit(job.get("error", f"the job was {job['state']}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
