"""The ONNX Runtime engine: the same ONNX models where OpenVINO is not to be had, and as a second opinion."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from restora.core.errors import MissingExtra, RestoraError
from restora.engines.choice import cannot_run


@lru_cache(maxsize=8)
def onnxruntime_engine(model: Path, threads: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """A function (B, C, H, W) float32 -> (B, C, H, W) float32 that runs the model, in the precision it is stored in.

    threads: 0 for all. Raises MissingExtra without the package, RestoraError if the model cannot be loaded; the
    function, if it cannot be run.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtra("this engine needs onnxruntime; install it with: pip install 'restora[lab]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_cpu_mem_arena = False  # it would keep the memory of the largest window for good
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own errors have no other common ancestor
        raise RestoraError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load {model}:"
            " it is damaged, or of a kind that it does not know"
        ) from error
    name = session.get_inputs()[0].name

    def run(y: np.ndarray) -> np.ndarray:
        try:
            return session.run(None, {name: np.ascontiguousarray(y, np.float32)})[0]
        except Exception as error:
            raise cannot_run("ONNX Runtime", model.name, y) from error

    return run
