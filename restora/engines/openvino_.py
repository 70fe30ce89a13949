"""The OpenVINO engine: an ONNX model on the CPU, without torch."""

import importlib
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import ModuleType

import numpy as np

from restora.core.errors import RestoraError


@lru_cache(maxsize=8)
def openvino_engine(model: Path, precision: str, threads: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """A function (B, C, H, W) float32 -> (B, C, H, W) float32 that runs the model.

    precision: "f32" or "bf16", of all that the model does not compute in 8-bit integers. threads: 0 for all. Raises
    RestoraError if the model cannot be loaded.
    """
    library = openvino()
    properties: dict[str, object] = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
    }
    if threads:
        properties["INFERENCE_NUM_THREADS"] = threads
    try:
        compiled = library.Core().compile_model(str(model), "CPU", properties)
    except RuntimeError as error:
        raise RestoraError(f"OpenVINO cannot load {model}: {str(error).splitlines()[0]}") from error
    request, turn = compiled.create_infer_request(), Lock()

    def run(y: np.ndarray) -> np.ndarray:
        with turn:  # a request serves one thread at a time; one picture has all cores anyway
            request.infer([np.ascontiguousarray(y, np.float32)], share_inputs=True)
            return request.get_output_tensor().data.copy()

    return run


def openvino() -> ModuleType:
    """The package, without its telemetry, which would write an identifier to the user's home when imported."""
    # An entry of None makes the import of that package fail; OpenVINO then uses a stub of its own.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")
