"""How fast nets run: each engine and precision in turns, beside what this machine can do at all.

The ceiling of a precision is what a chain of 3x3 convolutions of 64 to 64 channels reaches, the best of some sizes and
engines, in the same run; that of the memory is a large copy.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from restora.core.errors import MissingExtra, RestoraError
from restora.core.processor import machine
from restora.engines.choice import computes_in_bf16
from restora.engines.openvino_ import openvino_engine
from restora.learn.recipe import recipe_from
from restora.learn.weights import Weights, find
from restora.methods.table import method_named
from restora.work.plan import beside_int8

if TYPE_CHECKING:
    import torch
    from torch import nn

EAGER = ("torch eager", "f32")
"""What the field's code runs, and all else is compared with: torch, its default layout, no compiler."""
USUAL = ("dncnn.gray-s25", "unet.gray-s25", "restora.blind", "edsr.x2")
BYTES = {"f32": 4, "bf16": 2, "int8": 1}
CHAIN = 16
"""Convolutions of the chain that an int8 ceiling is measured on, so that rounding its input counts for little."""

Run = Callable[[np.ndarray], object]


@dataclass(frozen=True)
class Speed:
    """One net as one engine runs it, for a picture of size x size; operations are multiplications and additions."""

    machine: str
    weights: str
    engine: str
    precision: str
    size: int
    seconds_a_megapixel: float  # of the result
    times_eager: float
    gops: float
    ceiling_gops: float  # of this precision
    gops_a_gigabyte: float  # how often what is moved is used: operations for each byte of the layers' ins and outs
    memory_gigabytes: float  # moved in a second, at most
    peak_megabytes: float
    psnr_loss: float | None  # against f32, from the card
    rounds: int


def speeds(names: Sequence[str], sizes: Sequence[int], rounds: int, tell: Callable[[Speed], None]) -> None:
    """Measure weights by name at each size. Raises MissingExtra without torch, NoWeights for an unknown name."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("measuring speed needs torch; install it with: pip install 'restora[lab]'") from error
    tops = {precision: ceiling(precision) for precision in BYTES if precision != "bf16" or computes_in_bf16()}
    moved = memory_ceiling()
    for name in names:
        weights = find(name)
        for size in sizes:
            y, operations, values = work_of(weights, size)
            runs = dict(contestants(weights))
            times: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
            for run in runs.values():
                run(y)
            for _ in range(rounds):  # in turns, so that a slow spell of the machine hits all alike
                for key, run in runs.items():
                    times[key].append(_timed(lambda run=run, y=y: run(y)))  # type: ignore[misc]
            eager = statistics.median(times[EAGER])
            for (engine, precision), taken in times.items():
                seconds = statistics.median(taken)
                tell(
                    Speed(
                        *(machine(), name, engine, precision, size),
                        seconds_a_megapixel=round(seconds / (size * weights.card.get("scale", 1)) ** 2 * 1e6, 4),
                        times_eager=round(eager / seconds, 3),
                        gops=round(operations / seconds / 1e9, 1),
                        ceiling_gops=round(tops[precision] / 1e9, 1),
                        gops_a_gigabyte=round(operations / (values * BYTES[precision]), 1),
                        memory_gigabytes=round(moved / 1e9, 1),
                        peak_megabytes=peak(name, engine, precision, size),
                        psnr_loss=_loss(weights, precision),
                        rounds=rounds,
                    )
                )


def contestants(weights: Weights) -> Iterator[tuple[tuple[str, str], Run]]:
    """(engine, precision) and what runs the weights so, (1, planes, H, W) float32 -> result."""
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


def work_of(weights: Weights, size: int) -> tuple[np.ndarray, float, float]:
    """A picture (1, planes, size, size), the operations it takes, and the values that its layers take and give."""
    import torch

    net = _net(weights)
    operations = values = 0.0

    def count(layer: "nn.Module", given: "tuple[torch.Tensor, ...]", out: "torch.Tensor") -> None:
        nonlocal operations, values
        positions = out.shape[2] * out.shape[3]
        if isinstance(layer, torch.nn.ConvTranspose2d):  # each input value is spread; strides equal kernels here
            positions //= layer.stride[0] * layer.stride[1]
        operations += 2 * layer.weight.numel() * positions  # type: ignore[operator]
        values += given[0].numel() + out.numel()

    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    y = np.random.default_rng(0).random((1, _recipe(weights).planes, size, size), np.float32)
    with torch.inference_mode():
        net(torch.from_numpy(y))
    return y, operations, values


def ceiling(precision: str) -> float:
    """Operations a second that convolutions reach here in a precision."""
    best = 0.0
    for side in (64, 128, 256):
        operations = 2 * 64 * 64 * 9 * side * side
        for run, layers in _chains(precision, side):
            run()
            best = max(best, layers * operations / min(_timed(run) for _ in range(20)))
    return best


def memory_ceiling() -> float:
    """Bytes a second that a copy of 256 MB reads and writes."""
    import torch

    source = torch.zeros(64_000_000)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(_timed(lambda: target.copy_(source)) for _ in range(5))


def peak(name: str, engine: str, precision: str, size: int) -> float:
    """Peak resident megabytes of a process of its own that restores one picture."""
    words = [sys.executable, "-m", "restora.work.speed", name, engine, precision, str(size)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RestoraError((done.stderr.strip().splitlines() or [f"the process that measured {name} was killed"])[-1])
    return float(json.loads(done.stdout))


def _chains(precision: str, side: int) -> Iterator[tuple[Callable[[], object], int]]:
    """Calls that do so many convolutions of 64 to 64 channels on side x side."""
    import torch

    y = torch.rand(1, 64, side, side)
    if precision == "int8":
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "chain.onnx"
            model.write_bytes(_int8_chain())
            engine = openvino_engine(model, "f32")
        yield (lambda: engine(y.numpy())), CHAIN
        return
    layer = torch.nn.Conv2d(64, 64, 3, padding=1)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    for layout in (torch.contiguous_format, torch.channels_last):
        inner = layer.to(kind).to(memory_format=layout)  # type: ignore[call-overload]
        x = y.to(kind, memory_format=layout)

        def run(inner: "nn.Module" = inner, x: "torch.Tensor" = x) -> object:
            with torch.inference_mode():
                return inner(x)

        yield run, 1


def _int8_chain() -> bytes:
    """An ONNX model of CHAIN convolutions with ReLU, their inputs and weights in 8 bits."""
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).integers(-60, 60, (64, 64, 3, 3)).astype(np.int8)
    steps = {"fine": np.float32(0.001), "step": np.float32(0.01), "even": np.int8(0), "zero": np.uint8(0)}
    stored = {"w": weights, **steps}
    nodes = [helper.make_node("DequantizeLinear", ["w", "fine", "even"], ["weight"])]
    for index in range(CHAIN):
        names = [*(f"{kind}{index}" for kind in ("y", "q", "d", "c")), f"y{index + 1}"]
        nodes += [
            helper.make_node("QuantizeLinear", [names[0], "step", "zero"], [names[1]]),
            helper.make_node("DequantizeLinear", [names[1], "step", "zero"], [names[2]]),
            helper.make_node("Conv", [names[2], "weight"], [names[3]], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [names[3]], [names[4]]),
        ]
    shape = [1, 64, "h", "w"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("y0", f"y{CHAIN}")]
    graph = helper.make_graph(
        nodes, "chain", ends[:1], ends[1:], [numpy_helper.from_array(np.asarray(v), k) for k, v in stored.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def _torch(weights: Weights, layout: "torch.memory_format") -> Run:
    import torch

    net = _net(weights).to(memory_format=layout)  # type: ignore[call-overload]

    def run(y: np.ndarray) -> object:
        with torch.inference_mode():
            return net(torch.from_numpy(y).contiguous(memory_format=layout))

    return run


def _net(weights: Weights) -> "nn.Module":
    import torch

    recipe = _recipe(weights)
    net = method_named(weights.card["method"]).load()(channels=recipe.channels, **recipe.knobs).eval()
    net.load_state_dict({key: torch.from_numpy(value.astype(np.float32)) for key, value in weights.arrays().items()})
    return net


def _recipe(weights: Weights) -> Any:
    return recipe_from(weights.card["recipe"], weights.name)


def _loss(weights: Weights, precision: str) -> float | None:
    if precision == "int8":
        return float(weights.card["int8"]["mean_loss"])
    return weights.card.get("bf16_loss_db") if precision == "bf16" else 0.0


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _main(name: str, engine: str, precision: str, size: str) -> None:
    from restora.work.restore import peak_memory

    weights = find(name)
    planes = _recipe(weights).planes
    if engine == "openvino":  # without torch, as it is used
        model = weights.int8 if precision == "int8" and weights.int8 else weights.onnx
        run: Run = openvino_engine(model, beside_int8(weights.card) if precision == "int8" else precision)
    else:
        run = dict(contestants(weights))[engine, precision]
    run(np.zeros((1, planes, int(size), int(size)), np.float32))
    sys.stdout.write(json.dumps(round(peak_memory() / 1e6, 1)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
