"""Many concurrent clients: the answers of `restora serve`, their latency, and its memory.

    python benchmarks/serve.py [--seconds 120] [--clients 32]

Every client loops over requests: diagnose a picture, restore it and wait, restore it as a job, and get the page. The
only error allowed is 503, which the server documents for too many requests. Rows are written to results/serve.csv;
those of another number of clients are kept.
"""

import argparse
import http.client
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import skimage.data

from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.files.save import write
from restora.work.bench import read_table, write_table

OUT = Path(__file__).parent.parent / "results" / "serve.csv"
MEDIAN = json.dumps(Plan((Step("median", "", knobs={"radius": 1}),), "").as_dict())
ASKED = {
    "diagnose": ("POST", "/v1/diagnose", {}),
    "restore": ("POST", "/v1/restore", {}),
    "restore, median": ("POST", "/v1/restore", {"Restora-Plan": MEDIAN}),
    "job": ("POST", "/v1/jobs", {"Restora-Plan": MEDIAN}),
    "page": ("GET", "/", {}),
}
Answers = dict[tuple[str, int], list[float]]


def picture() -> bytes:
    """A photograph of 256x256 with noise, as PNG."""
    x = skimage.data.astronaut()[:256, :256].astype(np.float32) / 255
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noisy.png"
        write(Image(x + 0.1 * np.random.default_rng(0).standard_normal(x.shape, np.float32)), path)
        return path.read_bytes()


def ask(port: int, end: float, seed: int, body: bytes, answers: Answers) -> None:
    """Run one client until the end."""
    rng = random.Random(seed)
    while time.monotonic() < end:
        kind = rng.choice(list(ASKED))
        method, path, headers = ASKED[kind]
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        try:
            connection.request(method, path, body if method == "POST" else None, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except OSError:
            status = 0  # no answer
        connection.close()
        answers[kind, status].append(time.monotonic() - began)
        if status == 503:
            time.sleep(0.5)


def most_resident(process: int) -> float:
    """Peak resident megabytes of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1e3


def main() -> None:
    """Run the server and the clients, and write the results."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=120)
    options.add_argument("--clients", type=int, default=32)
    options.add_argument("--out", type=Path, default=OUT)
    given = options.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    body, answers = picture(), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "restora", "serve", "--port", str(port), "--folder", folder, "--keep", "0.5"]
        server = subprocess.Popen(words)
        try:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.2)
            end = time.monotonic() + given.seconds
            clients = [
                threading.Thread(target=ask, args=(port, end, seed, body, answers)) for seed in range(given.clients)
            ]
            for client in clients:
                client.start()
            time.sleep(given.seconds / 2)
            half_way = most_resident(server.pid)
            for client in clients:
                client.join()
            memory = half_way, most_resident(server.pid)
        finally:
            server.terminate()
            server.wait(30)
    report(answers, memory, given)


def report(answers: Answers, memory: tuple[float, float], given: argparse.Namespace) -> None:
    """Write the table; fail if an answer is an unexpected error."""
    rows = [row for row in read_table(given.out, ("clients",)) if row["clients"] != str(given.clients)]
    for (kind, status), times in sorted(answers.items()):
        p50, p95, p99 = np.percentile(times, (50, 95, 99))
        row = {"clients": str(given.clients), "seconds": f"{given.seconds:g}", "asked": kind, "status": str(status)}
        row |= {"answers": str(len(times)), "p50": f"{p50:.3f}", "p95": f"{p95:.3f}", "p99": f"{p99:.3f}"}
        rows.append(row | {"megabytes_half_way": f"{memory[0]:.0f}", "megabytes_most": f"{memory[1]:.0f}"})
        print(rows[-1])
    write_table(given.out, sorted(rows, key=lambda row: int(row["clients"])))
    bad = {key: len(times) for key, times in answers.items() if key[1] == 0 or (key[1] >= 500 and key[1] != 503)}
    if bad:
        sys.exit(f"unexpected answers: {bad}")


if __name__ == "__main__":
    main()
