"""Does the tile size, or two tiles at a time, make the flagship faster? Seconds for each megapixel read.

Restora runs one stream with all cores; OpenVINO's mode for throughput is two streams with half of the cores each. The
halo is not counted: it makes large tiles better, whatever their cost here. Writes results/streams.csv.

    python benchmarks/streams.py
"""

import os
import time
from pathlib import Path

import numpy as np

from restora.engines.openvino_ import openvino
from restora.learn.weights import find
from restora.methods.table import METHODS
from restora.stages.load import beside_int8
from restora.work.bench import write_table
from restora.work.plan import FLAGSHIP

RESULTS = Path(__file__).parent.parent / "results" / "streams.csv"
SIDES = (256, 512, 1024, 1536)
SECONDS = 4.0
"""Least time of each measurement."""


def seconds_a_megapixel(model: Path, precision: str, planes: int, side: int, streams: int) -> float:
    """Seconds for tiles of side x side, one per stream at a time, after one run of each stream."""
    library = openvino()
    threads = os.cpu_count() or 1
    properties = {
        "INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": threads,
    }  # fmt: skip
    queue = library.AsyncInferQueue(library.Core().compile_model(str(model), "CPU", properties), streams)
    y = np.random.default_rng(0).random((1, planes, side, side), np.float32)

    def run(count: int) -> None:
        for _ in range(count):
            queue.start_async([y])
        queue.wait_all()

    run(streams)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        run(2 * streams)
        count += 2 * streams
    return (time.perf_counter() - began) / count / side**2 * 1e6


def main() -> None:
    """Measure, print and write."""
    weights = find(METHODS[FLAGSHIP].weights[0])
    models = {"int8": (weights.int8, beside_int8(weights.card)), "f32": (weights.onnx, "f32")}
    rows = []
    for precision, (model, rest) in models.items():
        if model is None:
            continue
        for side in SIDES:
            for streams in (1, 2):
                seconds = seconds_a_megapixel(model, rest, sum(weights.inputs["y"].values()), side, streams)
                row = {"weights": weights.name, "precision": precision, "side": side, "streams": streams}
                rows.append({key: str(value) for key, value in row.items()} | {"seconds_a_megapixel": f"{seconds:.3f}"})
                print(", ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
