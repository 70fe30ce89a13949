"""The OpenVINO engine: an ONNX model on the CPU, or on an Intel GPU or NPU, without torch."""

import importlib
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any
from weakref import WeakSet

import numpy as np

from restora.core.errors import BadDevice, RestoraError
from restora.core.threads import threads_allowed
from restora.engines.choice import Engine, cannot_run, check_names

ONE_SIZE = ("NPU",)
"""Devices whose models have a fixed size, given at compilation."""
PRECISIONS = {"FP32": "f32", "FP16": "f16", "INT8": "int8"}
"""Precisions of devices other than the CPU, by OpenVINO's names, the most exact one first."""

Shapes = tuple[tuple[str, tuple[int, ...]], ...]
"""The inputs of a model by name, each with its fixed shape."""


def openvino_engine(model: Path, precision: str, device: str = "CPU") -> Engine:
    """A function that runs the model: inputs by name -> outputs by name. The last eight stay loaded.

    precision: "f32", "bf16" or "f16", of everything that the model does not compute in 8-bit integers. device: of
    OpenVINO. Raises RestoraError if the model cannot be loaded; the function, if it cannot be run.
    """
    return _engine(model, precision, device, threads_allowed())


@lru_cache(maxsize=8)
def _engine(model: Path, precision: str, device: str, threads: int) -> Engine:
    properties: dict[str, object] = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
    }
    if threads and device == "CPU":
        properties["INFERENCE_NUM_THREADS"] = threads
    if not device.startswith(ONE_SIZE):
        return _compiled(model, device, properties)

    @lru_cache(maxsize=8)
    def of_size(shapes: Shapes) -> _Engine:
        return _compiled(model, device, properties, shapes)

    return lambda given: of_size(tuple((name, given[name].shape) for name in sorted(given)))(given)


def openvino_device(name: str) -> str:
    """A device by its name, such as GPU, GPU.1 or NPU; GPU.0 is GPU. Raises BadDevice if OpenVINO does not find it."""
    found = openvino().Core().available_devices
    if name.removesuffix(".0") not in {each.removesuffix(".0") for each in found}:
        raise BadDevice(
            f"OpenVINO finds no device {name} on this computer, only {', '.join(found)};"
            " for an NVIDIA GPU use --device cuda"
        )
    return name.removesuffix(".0")


def device_precisions(device: str) -> tuple[str, ...]:
    """The precisions of an OpenVINO device; the first is the most exact one."""
    known = openvino().Core().get_property(device, "OPTIMIZATION_CAPABILITIES")
    return tuple(ours for theirs, ours in PRECISIONS.items() if theirs in known)


def _compiled(model: Path, device: str, properties: dict[str, object], shapes: Shapes | None = None) -> "_Engine":
    core = openvino().Core()
    try:
        net = core.read_model(str(model))
        if shapes:
            check_names(model.name, [port.get_any_name() for port in net.inputs], dict(shapes))
            net.reshape({name: list(shape) for name, shape in shapes})
        compiled = core.compile_model(_by_pixels(net), device, properties)
    except RuntimeError as error:
        version = openvino().__version__.partition("-")[0]
        raise RestoraError(
            f"OpenVINO {version} cannot load {model} for {device}: it is damaged, or of an unsupported kind"
        ) from error
    engine = _Engine(compiled, model.name)
    _ENGINES.add(engine)
    return engine


def _by_pixels(model: Any) -> Any:
    """The model with channels last at both ends, as in pictures and inside OpenVINO, so that nothing is transposed."""
    steps = importlib.import_module("openvino.preprocess").PrePostProcessor(model)
    for ports, step in ((model.inputs, steps.input), (model.outputs, steps.output)):
        for index in (index for index, port in enumerate(ports) if _is_picture(port)):
            step(index).tensor().set_layout(openvino().Layout("NHWC"))
            step(index).model().set_layout(openvino().Layout("NCHW"))
    return steps.build()


def _is_picture(port: Any) -> bool:
    rank = port.get_partial_shape().rank
    return rank.is_static and rank.get_length() == 4


class _Engine:
    def __init__(self, compiled: Any, name: str) -> None:
        self._name = name
        self._compiled, self._request, self._turn = compiled, compiled.create_infer_request(), Lock()
        self._inputs, self._outputs = (
            {port.get_any_name(): _is_picture(port) for port in ports} for ports in (compiled.inputs, compiled.outputs)
        )

    def __call__(self, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        check_names(self._name, self._inputs, given)
        with self._turn:  # a request serves one thread at a time; one picture uses all cores anyway
            try:
                shown = [_channels_last(given[name], picture) for name, picture in self._inputs.items()]
                self._request.infer(shown, share_inputs=True)
                made = {name: self._request.get_tensor(name).data.copy() for name in self._outputs}
            except (RuntimeError, ValueError) as error:
                raise cannot_run("OpenVINO", self._name, given) from error
        return {name: value.transpose(0, 3, 1, 2) if self._outputs[name] else value for name, value in made.items()}

    def rest(self) -> None:
        if self._turn.acquire(blocking=False):  # a request in use by another thread needs its memory
            try:
                self._compiled.release_memory()
            finally:
                self._turn.release()


def _channels_last(value: np.ndarray, picture: bool) -> np.ndarray:
    return np.asarray(value.transpose(0, 2, 3, 1) if picture else value, np.float32, order="C")


_ENGINES: WeakSet[_Engine] = WeakSet()


def rest() -> None:
    """Free the memory that engines keep from their last pieces; they allocate it again when they run.

    For a piece of two megapixels the flagship keeps 400 MB.
    """
    for engine in list(_ENGINES):
        engine.rest()


def openvino() -> ModuleType:
    """The package, without its telemetry, whose import would write an identifier to the user's home."""
    # An entry of None makes the import of that package fail; OpenVINO then uses a stub of its own.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")
