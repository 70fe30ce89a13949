"""The OpenVINO engine: an ONNX model on the CPU, without torch."""

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

    precision: "f32" or "bf16". threads: 0 for all. Raises RestoraError if the model cannot be loaded.
    """
    openvino = _openvino()
    properties: dict[str, object] = {
        "INFERENCE_PRECISION_HINT": {"f32": "f32", "bf16": "bf16"}[precision],
        "PERFORMANCE_HINT": "LATENCY",
    }
    if threads:
        properties["INFERENCE_NUM_THREADS"] = threads
    try:
        compiled = openvino.Core().compile_model(str(model), "CPU", properties)
    except RuntimeError as error:
        raise RestoraError(f"OpenVINO cannot load {model}: {str(error).splitlines()[0]}") from error
    request, turn = compiled.create_infer_request(), Lock()

    def run(y: np.ndarray) -> np.ndarray:
        with turn:  # a request serves one thread at a time; one picture has all cores anyway
            request.infer([np.ascontiguousarray(y, np.float32)], share_inputs=True)
            return request.get_output_tensor().data.copy()

    return run


@lru_cache(maxsize=1)
def computes_in_bf16() -> bool:
    """Whether this processor has bf16 arithmetic; where it has not, bf16 is emulated and slower than f32."""
    return "BF16" in _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _openvino() -> ModuleType:
    """OpenVINO without its telemetry, which would write an identifier to the user's home when imported."""
    # An entry of None makes the import of that package fail; OpenVINO then uses a stub of its own.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino
