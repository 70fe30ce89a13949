"""How fast the nets run here, against what a user would pick instead and against what this machine can do at all.

DnCNN-17, U-Net and the flagship on 512x512: OpenVINO as the product uses it, torch eager f32 in its default layout
(what the field's code runs) and in channels-last, in turns in one process. The ceiling is one 3x3 convolution of 64 to
64 channels in f32. Writes results/speed.csv.

    python benchmarks/speed.py
"""

import csv
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from restora.engines.choice import computes_in_bf16
from restora.engines.openvino_ import openvino_engine
from restora.learn.recipe import recipe_from
from restora.learn.weights import find
from restora.methods.table import METHODS

RESULTS = Path(__file__).parent.parent / "results" / "speed.csv"
SIZE = 512
ROUNDS = 7


def operations(weights_name: str) -> float:
    """Multiplications and additions of one picture, from the shapes the net's convolutions see."""
    import torch

    weights = find(weights_name)
    method = METHODS[weights.card["method"]]
    recipe = recipe_from(weights.card["recipe"], weights_name)
    net = method.load()(channels=recipe.channels, **recipe.knobs)
    total = 0

    def count(layer: torch.nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal total
        positions = out.shape[2] * out.shape[3]
        if isinstance(layer, torch.nn.ConvTranspose2d):  # each input value is spread; strides equal kernels here
            positions //= layer.stride[0] * layer.stride[1]
        total += 2 * layer.weight.numel() * positions

    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        net(torch.zeros(1, recipe.planes, SIZE, SIZE))
    return float(total)


def planes_of(weights_name: str) -> int:
    """What the net takes: channels, and a plane of the noise level if it can be told."""
    return recipe_from(find(weights_name).card["recipe"], weights_name).planes


def contestants(weights_name: str) -> dict[str, Callable[[np.ndarray], object]]:
    """What runs the same weights: (1, C, H, W) float32 -> result."""
    import torch

    weights = find(weights_name)
    method = METHODS[weights.card["method"]]
    found: dict[str, Callable[[np.ndarray], object]] = {"OpenVINO f32": openvino_engine(weights.onnx, "f32")}
    if computes_in_bf16():
        found["OpenVINO bf16"] = openvino_engine(weights.onnx, "bf16")
    for label, layout in (
        ("torch eager f32", torch.contiguous_format),
        ("torch f32 channels-last", torch.channels_last),
    ):
        recipe = recipe_from(weights.card["recipe"], weights_name)
        net = method.load()(channels=recipe.channels, **recipe.knobs).eval()
        net.load_state_dict({k: torch.from_numpy(v.astype(np.float32)) for k, v in weights.arrays().items()})
        net = net.to(memory_format=layout)

        def run(y: np.ndarray, net: torch.nn.Module = net, layout: torch.memory_format = layout) -> object:
            with torch.inference_mode():
                return net(torch.from_numpy(y).contiguous(memory_format=layout))

        found[label] = run
    return found


def ceiling() -> float:
    """Operations a second of one 64-to-64 3x3 convolution, the best of its sizes and engines, f32."""
    import torch

    best = 0.0
    for side in (64, 128, 256):
        layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
        y = torch.rand(1, 64, side, side).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            seconds = min(_timed(lambda layer=layer, y=y: layer(y)) for _ in range(30))
        best = max(best, 2 * layer.weight.numel() * side * side / seconds)
    return best


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


PEAK = """
import json, sys
import numpy as np
name, label = sys.argv[1:]
sys.path.insert(0, "benchmarks")
if label.startswith("OpenVINO"):
    from restora.engines.openvino_ import openvino_engine
    from restora.learn.weights import find
    from restora.learn.recipe import recipe_from
    run, card = openvino_engine(find(name).onnx, label.split()[1]), find(name).card
    planes = recipe_from(card["recipe"], name).planes
else:
    from speed import contestants, planes_of
    run, planes = contestants(name)[label], planes_of(name)
run(np.zeros((1, planes, 512, 512), np.float32))
from restora.work.restore import peak_memory
print(json.dumps(peak_memory() / 1e6))
"""


def peak(weights_name: str, label: str) -> float:
    """Peak resident megabytes of a process of its own that restores one picture."""
    done = subprocess.run([sys.executable, "-c", PEAK, weights_name, label], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def main() -> None:
    """Measure, print and write."""
    top = ceiling()
    print(f"ceiling: {top / 1e9:.0f} GFLOP/s (one 64-to-64 3x3 convolution, f32)")
    rows = []
    for name in ("dncnn.gray-s25", "unet.gray-s25", "restora.noise"):
        y = np.random.default_rng(0).random((1, planes_of(name), SIZE, SIZE), dtype=np.float32)
        runs = contestants(name)
        times: dict[str, list[float]] = {label: [] for label in runs}
        for run in runs.values():
            run(y)
        for _ in range(ROUNDS):  # in turns, so that a slow spell of the machine hits all alike
            for label, run in runs.items():
                times[label].append(_timed(lambda run=run, y=y: run(y)))
        seconds = {label: statistics.median(values) for label, values in times.items()}
        for label, value in seconds.items():
            row = {
                "net": name,
                "engine": label,
                "milliseconds": round(1000 * value, 1),
                "times_eager": round(seconds["torch eager f32"] / value, 3),
                "share_of_ceiling": round(operations(name) / value / top, 3),
                "peak_megabytes": round(peak(name, label), 1),
                "ceiling_gflops": round(top / 1e9, 1),
                "rounds": ROUNDS,
            }
            rows.append(row)
            print(
                f"{name} {label}: {row['milliseconds']} ms, {row['times_eager']} x eager,"
                f" {100 * row['share_of_ceiling']:.0f} % of the ceiling, {row['peak_megabytes']} MB",
                flush=True,
            )
    with RESULTS.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
