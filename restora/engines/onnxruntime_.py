"""The ONNX Runtime engine: the same ONNX models if OpenVINO is not available, and for comparison."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from restora.core.errors import MissingExtra, RestoraError
from restora.core.threads import threads_allowed
from restora.engines.choice import Engine, cannot_run, check_names


def onnxruntime_engine(model: Path) -> Engine:
    """A function that runs the model, in the precision it is stored in: inputs by name -> outputs by name.

    Raises MissingExtra without the package, RestoraError if the model cannot be loaded; the
    function, if it cannot be run. The last eight stay loaded.
    """
    return _engine(model, threads_allowed())


@lru_cache(maxsize=8)
def _engine(model: Path, threads: int) -> Engine:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingExtra("this engine needs onnxruntime; install it with: pip install 'restora[lab]'") from error
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # it would never free the memory of the largest window
    options.log_severity_level = 3
    options.intra_op_num_threads = threads  # 0: one for each core
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no other common base class
        raise RestoraError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load {model}: it is damaged, or of an unsupported kind"
        ) from error
    inputs, outputs = ([end.name for end in ends] for ends in (session.get_inputs(), session.get_outputs()))

    def run(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        check_names(model.name, inputs, given)
        try:
            made = session.run(None, {name: np.asarray(given[name], np.float32, order="C") for name in inputs})
        except Exception as error:
            raise cannot_run("ONNX Runtime", model.name, given) from error
        return dict(zip(outputs, made, strict=True))

    return run
