"""The ceiling of a precision: the highest number of operations a second on this machine.

Candidates are chains of 3x3 convolutions and of matrix products (1x1 convolutions) in every engine that computes in the
precision, at several sizes. The limit is not computed from the instruction set: the system reports neither the
multipliers of a core nor its clock under load. A chain that fits the caches measures both.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from restora.engines.onnxruntime_ import onnxruntime_engine
from restora.engines.openvino_ import openvino_engine

if TYPE_CHECKING:
    import torch

CHAINS = ((64, 3), (128, 3), (256, 1))
"""Channels, and the side of the kernels."""
LAYERS = 16
"""Layers of a chain, between a first one from one plane and a last one to one plane, so that conversion is cheap."""
FIRST = "y0"
"""The input of a chain."""
SIDES = (32, 64, 128, 256, 512)
"""Sides of the pictures."""
MOST = 4e11
"""Limit on the operations of a candidate; more would take too long."""
SECONDS, LEAST = 0.4, 2
"""Seconds and least number of runs for each candidate; its best run counts."""

Call = Callable[[], object]


@dataclass
class Ceiling:
    """The highest number of operations a second in a precision, and the fastest candidate."""

    precision: str
    reached: float
    by: str
    run: Call
    operations: float  # of one run

    def measure(self) -> None:
        """Run the fastest candidate again: the machine may be less busy now."""
        self.include(self.operations / min(timed(self.run) for _ in range(LEAST)))

    def include(self, reached: float) -> None:
        """Raise the ceiling to a number of operations a second, if it is higher."""
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
    """(name, function, operations) for each engine, chain and size."""
    for channels, kernel in CHAINS:
        engines = dict(_engines(precision, channels, kernel))
        for side in SIDES:
            y = np.random.default_rng(0).random((1, 1, side, side), np.float32)
            operations = sum(2.0 * given * made * (kernel * side) ** 2 for given, made in _widths(channels))
            if operations > MOST:
                continue
            for engine, given in engines.items():
                yield f"{engine}, {kernel}x{kernel}, {channels} channels, {side}x{side}", given(y), operations


def memory_ceiling() -> float:
    """Bytes a second read and written by a copy of 256 MB."""
    import torch

    source = torch.zeros(64_000_000)
    target = torch.empty_like(source)
    return 2 * source.nbytes / min(timed(lambda: target.copy_(source)) for _ in range(5))


def timed(call: Call) -> float:
    """Seconds of a call."""
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
    """The name of each engine, and a function from an input to a call of its chain."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "chain.onnx"
        model.write_bytes(chain(channels, kernel, in_int8=precision == "int8"))
        openvino = openvino_engine(model, "bf16" if precision == "bf16" else "f32")
        onnxruntime = onnxruntime_engine(model) if precision != "bf16" else None
    yield "openvino", lambda y: lambda: openvino({FIRST: y})
    if onnxruntime:
        yield "onnxruntime", lambda y: lambda: onnxruntime({FIRST: y})
    if precision != "int8":
        yield "torch", lambda y: _torch_chain(y, precision, channels, kernel)


def _widths(channels: int) -> list[tuple[int, int]]:
    """Input and output channels of each convolution of a chain."""
    return [(1, channels), *[(channels, channels)] * LAYERS, (channels, 1)]


def _torch_chain(y: np.ndarray, precision: str, channels: int, kernel: int) -> Call:
    import torch

    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    layers = [torch.nn.Conv2d(*widths, kernel, padding=kernel // 2) for widths in _widths(channels)]
    net = torch.nn.Sequential(*layers).to(kind).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    given = torch.from_numpy(y).to(kind, memory_format=torch.channels_last)

    def run() -> "torch.Tensor":
        with torch.inference_mode():
            return net(given)

    return run


def chain(channels: int, kernel: int, *, in_int8: bool) -> bytes:
    """An ONNX model of convolutions with ReLU, of float32 or with inputs and weights in 8 bits."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    stored: dict[str, Any] = {"step": np.float32(0.01), "zero": np.uint8(0), "even": np.int8(0)}
    nodes, widths = [], _widths(channels)
    for index, (given, made) in enumerate(widths):
        weight = rng.standard_normal((made, given, kernel, kernel)) * (2 / (given * kernel**2)) ** 0.5
        y, w, q, d, c = (f"{kind}{index}" for kind in "ywqdc")
        if in_int8:
            # Half the range, because sums overflow without VNNI.
            stored[f"fine{index}"] = fine = np.float32(np.abs(weight).max() / 60)
            stored[f"integers{index}"] = np.round(weight / fine).astype(np.int8)
            nodes += [
                helper.make_node("DequantizeLinear", [f"integers{index}", f"fine{index}", "even"], [w]),
                helper.make_node("QuantizeLinear", [y, "step", "zero"], [q]),
                helper.make_node("DequantizeLinear", [q, "step", "zero"], [d]),
            ]
        else:
            stored[w] = weight.astype(np.float32)
        nodes.append(helper.make_node("Conv", [d if in_int8 else y, w], [c], pads=[kernel // 2] * 4))
        nodes.append(helper.make_node("Relu", [c], [f"y{index + 1}"]))
    nodes.pop()  # no ReLU after the last one
    last = f"c{len(widths) - 1}"
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, "h", "w"]) for name in (FIRST, last)]
    arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()
