"""How fast nets run: each engine and precision in turns, compared with the limits of this machine.

The ceiling of a precision is the highest number of operations a second in the same run: of a chain of convolutions or
matrix products in any engine (ceiling.py), or of a net itself if it is faster. So no net is above its ceiling. The
ceiling of the memory is a large copy.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from restora.core.errors import MissingExtra, RestoraError
from restora.core.processor import machine
from restora.engines.choice import computes_in_bf16
from restora.engines.openvino_ import openvino_engine
from restora.learn.weights import Weights, find
from restora.methods.table import method_named
from restora.stages.load import beside_int8
from restora.work.ceiling import Ceiling, ceiling, memory_ceiling, timed

if TYPE_CHECKING:
    import torch
    from torch import nn

EAGER = ("torch eager", "f32")
"""The baseline, as in most published code: torch, its default layout, no compiler."""
USUAL = ("dncnn.gray-s25", "unet.gray-s25", "restora.noise", "edsr.x2")
BYTES = {"f32": 4, "bf16": 2, "int8": 1}

Run = Callable[[Mapping[str, np.ndarray]], object]


@dataclass(frozen=True)
class Speed:
    """The speed of a net in an engine, for a picture of size x size; operations are multiplications and additions."""

    machine: str
    weights: str
    engine: str
    precision: str
    size: int
    seconds_a_megapixel: float  # of the result
    times_eager: float
    gops: float
    ceiling_gops: float  # of this precision
    gops_a_gigabyte: float  # operations for each byte of the layers' inputs and outputs
    memory_gigabytes: float  # moved in a second, at most
    peak_megabytes: float
    psnr_loss: float | None  # against f32, from the card
    rounds: int


@dataclass(frozen=True)
class Timing:
    """Seconds of a net for a picture of size x size, by engine and precision."""

    weights: Weights
    size: int
    operations: float
    values: float  # inputs and outputs of its layers
    seconds: dict[tuple[str, str], float]

    def rate(self, key: tuple[str, str]) -> float:
        """Operations a second."""
        return self.operations / self.seconds[key]


def speeds(
    names: Sequence[str],
    sizes: Sequence[int],
    rounds: int,
    tell: Callable[[Speed], None],
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Measure weights by name at each size. Rows are reported when all nets are timed, as a net may raise the ceiling.

    `say` is called with progress lines. Raises MissingExtra without torch, NoWeights for an unknown name.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("measuring speed needs torch; install it with: pip install 'restora[lab]'") from error
    nets = [find(name) for name in names]
    tops = {precision: ceiling(precision) for precision in BYTES if precision != "bf16" or computes_in_bf16()}
    for top in tops.values():
        say(f"{top.precision}: {top.reached / 1e9:.0f} Gop/s by {top.by}")
    moved = memory_ceiling()
    timings = []
    for weights in nets:
        for size in sizes:
            timings.append(_timing(weights, size, rounds, tops.values()))
            say(f"{weights.name} {size}: timed")
    for timing in timings:
        for key in timing.seconds:
            tops[key[1]].include(timing.rate(key))
    for timing in timings:
        for key in timing.seconds:
            tell(_row(timing, key, tops[key[1]].reached, moved, rounds))


def _timing(weights: Weights, size: int, rounds: int, tops: Collection[Ceiling]) -> Timing:
    given, operations, values = work_of(weights, size)
    runs = dict(contestants(weights))
    times: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    for run in runs.values():
        run(given)
    for _ in range(rounds):  # in turns, so that a slow phase of the machine affects all equally, also the ceilings
        for top in tops:
            top.measure()
        for key, run in runs.items():
            times[key].append(timed(partial(run, given)))
    return Timing(weights, size, operations, values, {key: statistics.median(each) for key, each in times.items()})


def _row(timing: Timing, key: tuple[str, str], top: float, moved: float, rounds: int) -> Speed:
    weights, size, (engine, precision), seconds = timing.weights, timing.size, key, timing.seconds[key]
    return Speed(
        machine=machine(),
        weights=weights.name,
        engine=engine,
        precision=precision,
        size=size,
        seconds_a_megapixel=round(seconds / (size * weights.card.get("scale", 1)) ** 2 * 1e6, 4),
        times_eager=round(timing.seconds[EAGER] / seconds, 3),
        gops=round(timing.rate(key) / 1e9, 1),
        ceiling_gops=round(top / 1e9, 1),
        gops_a_gigabyte=round(timing.operations / (timing.values * BYTES[precision]), 1),
        memory_gigabytes=round(moved / 1e9, 1),
        peak_megabytes=peak(weights.name, engine, precision, size),
        psnr_loss=_loss(weights, precision),
        rounds=rounds,
    )


def contestants(weights: Weights) -> Iterator[tuple[tuple[str, str], Run]]:
    """(engine, precision), and the function that runs the weights so: inputs by name -> result."""
    import torch

    from restora.engines.onnxruntime_ import onnxruntime_engine

    yield ("openvino", "f32"), openvino_engine(weights.onnx, "f32")
    if computes_in_bf16():
        yield ("openvino", "bf16"), openvino_engine(weights.onnx, "bf16")
    yield ("onnxruntime", "f32"), onnxruntime_engine(weights.onnx)
    if weights.int8:
        yield ("openvino", "int8"), openvino_engine(weights.int8, beside_int8(weights.card))
        yield ("onnxruntime", "int8"), onnxruntime_engine(weights.int8)
    yield EAGER, _torch(weights, torch.contiguous_format)
    yield ("torch channels-last", "f32"), _torch(weights, torch.channels_last)


def work_of(weights: Weights, size: int) -> tuple[dict[str, np.ndarray], float, float]:
    """Inputs (1, planes, size, size), the number of operations, and of input and output values of the layers."""
    import torch

    net = _net(weights)
    operations = values = 0.0

    def count(layer: "nn.Module", given: "tuple[torch.Tensor, ...]", out: "torch.Tensor") -> None:
        nonlocal operations, values
        positions = out.shape[2] * out.shape[3]
        if isinstance(layer, torch.nn.ConvTranspose2d):  # one product per input value; strides equal kernels here
            positions //= layer.stride[0] * layer.stride[1]
        operations += 2 * layer.weight.numel() * positions  # type: ignore[operator]
        values += given[0].numel() + out.numel()

    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    rng = np.random.default_rng(0)
    inputs = {name: rng.random(shape, np.float32) for name, shape in _shapes(weights, size).items()}
    with torch.inference_mode():
        net(*map(torch.from_numpy, inputs.values()))
    return inputs, operations, values


def peak(name: str, engine: str, precision: str, size: int) -> float:
    """Peak resident megabytes of a separate process that restores one picture."""
    words = [sys.executable, "-m", "restora.work.speed", name, engine, precision, str(size)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RestoraError((done.stderr.strip().splitlines() or [f"the process that measured {name} was killed"])[-1])
    return float(json.loads(done.stdout))


def _torch(weights: Weights, layout: "torch.memory_format") -> Run:
    import torch

    net = _net(weights).to(memory_format=layout)  # type: ignore[call-overload]

    def run(given: Mapping[str, np.ndarray]) -> object:
        with torch.inference_mode():
            return net(*[torch.from_numpy(each).contiguous(memory_format=layout) for each in given.values()])

    return run


def _net(weights: Weights) -> "nn.Module":
    import torch

    knobs = {"channels": weights.card["channels"], **weights.recipe["knobs"]}
    net = method_named(weights.card["method"]).load()(**knobs).eval()
    net.load_state_dict({key: torch.from_numpy(value.astype(np.float32)) for key, value in weights.arrays().items()})
    return net


def _shapes(weights: Weights, size: int) -> dict[str, tuple[int, ...]]:
    return {name: (1, sum(planes.values()), size, size) for name, planes in weights.inputs.items()}


def _loss(weights: Weights, precision: str) -> float | None:
    if precision == "int8":
        return float(weights.card["int8"]["mean_loss"])
    return weights.card.get("bf16_loss_db") if precision == "bf16" else 0.0


def _main(name: str, engine: str, precision: str, size: str) -> None:
    from restora.work.restore import peak_memory

    weights = find(name)
    if engine == "openvino":  # without torch, as for users
        model = weights.int8 if precision == "int8" and weights.int8 else weights.onnx
        run: Run = openvino_engine(model, beside_int8(weights.card) if precision == "int8" else precision)
    else:
        run = dict(contestants(weights))[engine, precision]
    run({name: np.zeros(shape, np.float32) for name, shape in _shapes(weights, int(size)).items()})
    sys.stdout.write(json.dumps(round(peak_memory() / 1e6, 1)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
