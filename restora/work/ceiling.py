"""The ceiling of a precision: the most operations a second that anything reaches on this machine.

Candidates are chains of 3x3 convolutions and of matrix products (1x1 convolutions) in every engine that computes in the
precision, at several sizes. The limit is not computed from the instruction set: the system tells neither how many
multipliers a core has nor its clock under load. A chain that fits the caches measures both.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from restora.engines.onnxruntime_ import onnxruntime_engine
from restora.engines.openvino_ import openvino_engine

if TYPE_CHECKING:
    import torch

CHAINS = ((64, 3), (128, 3), (256, 1))
"""Channels, and the side of the kernels."""
LAYERS = 16
"""Of a chain, so that converting its input and output counts for little."""
SIDES = (32, 64, 128, 256)
"""Of the pictures. Larger ones do not fit the caches and are slower."""
SECONDS, LEAST = 0.4, 3
"""For so long, and at least so many times, each candidate runs; its best run counts."""

Call = Callable[[], object]


@dataclass
class Ceiling:
    """The most operations a second that was reached in a precision, and the fastest candidate."""

    precision: str
    reached: float
    by: str
    run: Call
    operations: float  # of one run

    def measure(self) -> None:
        """Run the fastest candidate again: the machine may be quieter now than it was before."""
        self.include(self.operations / min(timed(self.run) for _ in range(LEAST)))

    def include(self, reached: float) -> None:
        """Raise the ceiling to so many operations a second, if they are more."""
        self.reached = max(self.reached, reached)


def ceiling(precision: str) -> Ceiling:
    """The ceiling of "f32", "bf16" or "int8" by the fastest of all candidates."""
    best = Ceiling(precision, 0, "", lambda: None, 0)
    for by, run, operations in candidates(precision):
        reached = operations / _best_time(run)
        if reached > best.reached:
            best = Ceiling(precision, reached, by, run, operations)
    return best


def candidates(precision: str) -> Iterator[tuple[str, Call, float]]:
    """(what it is, what runs it, its operations) for each engine, chain and size."""
    for channels, kernel in CHAINS:
        engines = dict(_engines(precision, channels, kernel))
        for side in SIDES:
            y = np.random.default_rng(0).random((1, channels, side, side), np.float32)
            operations = 2.0 * LAYERS * channels**2 * kernel**2 * side**2
            for engine, given in engines.items():
                yield f"{engine}, {kernel}x{kernel}, {channels} channels, {side}x{side}", given(y), operations


def memory_ceiling() -> float:
    """Bytes a second that a copy of 256 MB reads and writes."""
    import torch

    source = torch.zeros(64_000_000)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(timed(lambda: target.copy_(source)) for _ in range(5))


def timed(call: Call) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _best_time(call: Call) -> float:
    call()
    taken: list[float] = []
    while len(taken) < LEAST or sum(taken) < SECONDS:
        taken.append(timed(call))
    return min(taken)


def _engines(precision: str, channels: int, kernel: int) -> Iterator[tuple[str, Callable[[np.ndarray], Call]]]:
    """The name of each engine, and what makes a call of its chain from an input."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "chain.onnx"
        model.write_bytes(chain(channels, kernel, in_int8=precision == "int8"))
        openvino = openvino_engine(model, "bf16" if precision == "bf16" else "f32")
        onnxruntime = onnxruntime_engine(model) if precision != "bf16" else None
    yield "openvino", lambda y: lambda: openvino(y)
    if onnxruntime:
        yield "onnxruntime", lambda y: lambda: onnxruntime(y)
    if precision != "int8":
        yield "torch", lambda y: _torch_chain(y, precision, kernel)


def _torch_chain(y: np.ndarray, precision: str, kernel: int) -> Call:
    import torch

    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    layer = torch.nn.Conv2d(y.shape[1], y.shape[1], kernel, padding=kernel // 2).to(kind)
    layer = layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    given = torch.from_numpy(y).to(kind, memory_format=torch.channels_last)

    def run() -> "torch.Tensor":
        with torch.inference_mode():
            x = given
            for _ in range(LAYERS):
                x = layer(x)
            return x

    return run


def chain(channels: int, kernel: int, *, in_int8: bool) -> bytes:
    """An ONNX model of LAYERS convolutions with ReLU, of float32 or with inputs and weights in 8 bits."""
    from onnx import TensorProto, helper, numpy_helper

    rng, shape = np.random.default_rng(0), (channels, channels, kernel, kernel)
    weight = rng.standard_normal(shape) * (2 / (channels * kernel**2)) ** 0.5  # so values neither vanish nor grow
    if in_int8:
        fine = np.float32(np.abs(weight).max() / 60)  # half the range, as without VNNI sums overflow otherwise
        stored = {
            "integers": np.round(weight / fine).astype(np.int8),
            **{"fine": fine, "even": np.int8(0), "step": np.float32(0.01), "zero": np.uint8(0)},
        }
        nodes = [helper.make_node("DequantizeLinear", ["integers", "fine", "even"], ["weight"])]
    else:
        stored = {"weight": weight.astype(np.float32)}
        nodes = []
    for index in range(LAYERS):
        given = f"y{index}"
        if in_int8:
            nodes += [
                helper.make_node("QuantizeLinear", [given, "step", "zero"], [f"q{index}"]),
                helper.make_node("DequantizeLinear", [f"q{index}", "step", "zero"], [f"d{index}"]),
            ]
            given = f"d{index}"
        nodes += [
            helper.make_node("Conv", [given, "weight"], [f"c{index}"], pads=[kernel // 2] * 4),
            helper.make_node("Relu", [f"c{index}"], [f"y{index + 1}"]),
        ]
    size = [1, channels, "h", "w"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name in ("y0", f"y{LAYERS}")]
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()
