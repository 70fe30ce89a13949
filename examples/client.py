"""Restore a picture by a running `restora serve`, as a job: put it in, ask until it is done, take it out.

    restora serve &
    python examples/client.py photo.jpg better.jpg

The same with curl, waiting for the answer:

    curl --data-binary @photo.jpg http://127.0.0.1:8765/v1/restore -o better.jpg
"""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SERVER = "http://127.0.0.1:8765/v1"


def ask(path: str, body: bytes | None = None, method: str | None = None) -> bytes:
    """The answer's body; an error's sentence ends the program."""
    try:
        with urllib.request.urlopen(urllib.request.Request(SERVER + path, body, method=method)) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        sys.exit(json.loads(error.read())["error"])


def main(source: Path, target: Path) -> None:
    """Restore one file into another."""
    job = json.loads(ask("/jobs", source.read_bytes()))
    while job["state"] in ("queued", "running"):
        time.sleep(0.2)
        job = json.loads(ask(f"/jobs/{job['id']}"))
        print(f"{job['state']}, piece {job['done']} of {job['total']}")
    if job["state"] == "done":
        target.write_bytes(ask(f"/jobs/{job['id']}/result"))
    ask(f"/jobs/{job['id']}", method="DELETE")
    if job["state"] != "done":
        sys.exit(job.get("error", f"the job was {job['state']}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
