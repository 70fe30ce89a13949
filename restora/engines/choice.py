"""Which engine runs a net on this computer, and in which precision."""

from functools import lru_cache

from restora.core.errors import BadPlan

ENGINES = {"openvino": ("f32", "bf16", "int8"), "onnxruntime": ("f32", "int8"), "torch": ("f32", "bf16")}
"""The engines, best first, and the precisions of each."""


def engine_named(name: str) -> str:
    """An engine by name; "auto" is OpenVINO, or ONNX Runtime where that does not load. Raises BadPlan."""
    if name == "auto":
        return "openvino" if _openvino_loads() else "onnxruntime"
    if name not in ENGINES:
        raise BadPlan(f"no engine is called {name!r}; known: auto, {', '.join(ENGINES)}")
    return name


@lru_cache(maxsize=1)
def computes_in_bf16() -> bool:
    """Whether this processor has bf16 arithmetic; where it has not, bf16 is emulated and slower than f32."""
    if not _openvino_loads():
        return False
    from restora.engines.openvino_ import openvino

    return "BF16" in openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@lru_cache(maxsize=1)
def _openvino_loads() -> bool:
    from restora.engines.openvino_ import openvino

    try:
        openvino()
    except (ImportError, OSError):
        return False
    return True
