"""Which engine runs a net on this computer, on which device, and in which precision."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from restora.core.errors import BadDevice, BadPlan, MissingExtra, RestoraError

ENGINES = {"openvino": ("f32", "bf16", "int8"), "onnxruntime": ("f32", "int8"), "torch": ("f32", "bf16")}
"""The engines, best first, and the precisions of each."""
CPU = "cpu"

Engine = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
"""A net in an engine: the model's inputs by name -> its outputs by name, float32.

Pictures are (B, C, H, W). Raises RestoraError for inputs of other names or shapes than the model has.
"""


@dataclass(frozen=True)
class Backend:
    """An engine, and the device that it uses.

    The device is "cpu", a torch device such as "cuda:0", or an OpenVINO device such as "GPU".
    """

    engine: str
    device: str = CPU

    def precisions(self) -> tuple[str, ...]:
        """Its precisions; the first is the most exact one."""
        if self.engine != "openvino" or self.device == CPU:
            return ENGINES[self.engine]
        from restora.engines.openvino_ import device_precisions

        return device_precisions(self.device)


def backend_named(engine: str = "auto", device: str = CPU) -> Backend:
    """An engine and a device by name. The engine "auto" is that of the device; see engine_named.

    Raises BadPlan for an unknown engine, or one that does not run on the device; BadDevice for a device that is unknown
    or absent; MissingExtra if torch is needed and absent.
    """
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?|[gn]pu(\.[0-9]{1,3})?", device, re.IGNORECASE):
        raise BadDevice(f"no device is called {device!r}; known: cpu, cuda, cuda:1, GPU, GPU.1, NPU and so on")
    named = engine_named(engine)
    if device.lower() == CPU:
        return Backend(named)
    needed = "torch" if device.lower().startswith("cuda") else "openvino"
    if engine not in ("auto", needed):
        raise BadPlan(f"{engine} does not run on {device}; give --engine {needed}, or omit --engine")
    return Backend(needed, _cuda(device.lower()) if needed == "torch" else _openvino(device.upper()))


def cannot_run(engine: str, net: str, given: Mapping[str, np.ndarray]) -> RestoraError:
    """The error for an engine that failed on some inputs; messages of the libraries do not help users."""
    return RestoraError(
        f"{engine} failed on {net} and {' and '.join(map(_size, given.values()))}:"
        " the net does not fit its card, or there is too little memory"
    )


def check_names(net: str, names: Collection[str], given: Collection[str]) -> None:
    """Raise RestoraError if the given inputs are not those of the net."""
    if set(names) != set(given):
        raise RestoraError(f"{net} takes the inputs {', '.join(names)}, not {', '.join(given) or 'none'}")


def engine_named(name: str) -> str:
    """An engine by name; "auto" is OpenVINO, or ONNX Runtime if OpenVINO does not load. Raises BadPlan."""
    if name == "auto":
        return "openvino" if _openvino_loads() else "onnxruntime"
    if name not in ENGINES:
        raise BadPlan(f"no engine is called {name!r}; known: auto, {', '.join(ENGINES)}")
    return name


@lru_cache(maxsize=1)
def computes_in_bf16() -> bool:
    """Whether this processor has bf16 arithmetic; if not, bf16 is emulated and slower than f32."""
    if not _openvino_loads():
        return False
    from restora.engines.openvino_ import openvino

    return "BF16" in openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _size(given: np.ndarray) -> str:
    if given.ndim != 4:
        return f"an array of the shape {given.shape}"
    return f"{given.shape[3]}x{given.shape[2]} pixels of {given.shape[1]} planes"


def _cuda(name: str) -> str:
    try:
        from restora.engines.torch_ import cuda_device
    except ModuleNotFoundError as error:
        raise MissingExtra(f"--device {name} needs torch; install it with: pip install 'restora[lab]'") from error
    return cuda_device(name)


def _openvino(name: str) -> str:
    if not _openvino_loads():
        raise BadDevice(f"--device {name} needs OpenVINO, which does not load on this computer; use --device cpu")
    from restora.engines.openvino_ import openvino_device

    return openvino_device(name)


@lru_cache(maxsize=1)
def _openvino_loads() -> bool:
    from restora.engines.openvino_ import openvino

    try:
        openvino()
    except (ImportError, OSError):
        return False
    return True
