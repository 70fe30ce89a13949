"""Load a trained net on a backend, in a precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from restora.core.errors import BadPlan
from restora.core.method import Method
from restora.core.report import Report
from restora.engines.channels import within_bounds
from restora.engines.choice import CPU, ENGINES, Backend, Engine, computes_in_bf16
from restora.learn.weights import Weights

BF16_LOSS, INT8_LOSS = 0.01, 0.05
"""Limits on the mean loss of PSNR in dB from bf16, and from int8."""


def load_net(weights: Weights, method: Method, backend: Backend, precision: str) -> Engine:
    """A function: inputs of the card by name -> its outputs by name. Raises BadPlan if the engine cannot run the net.

    An x_hat with NaN or infinity is returned unchanged; engines do not clamp, so that the caller detects it.
    """
    run = _load(weights, method, backend, precision)
    return within_bounds(run) if weights.card.get("bounded") else run


def _load(weights: Weights, method: Method, backend: Backend, precision: str) -> Engine:
    in_int8 = precision == "int8" and weights.int8
    model = in_int8 or weights.onnx
    if backend.engine == "openvino":
        from restora.engines.openvino_ import openvino_engine

        hint = float_precision(weights, backend) if in_int8 else precision
        return openvino_engine(model, hint, device=backend.device.upper())
    if backend.engine == "onnxruntime":
        from restora.engines.onnxruntime_ import onnxruntime_engine

        return onnxruntime_engine(model)
    parts = _parts(weights, method)  # raises MissingExtra if torch is absent
    from restora.engines.torch_ import torch_engine

    return torch_engine(*parts, precision, backend.device, list(weights.inputs), list(weights.outputs))


def load_module(weights: Weights, method: Method) -> Any:
    """The torch module of a method with some weights, in float32 on the CPU, ready for use.

    Raises MissingExtra without torch, BadPlan for weights of other authors.
    """
    parts = _parts(weights, method)
    from restora.engines.torch_ import torch_net

    return torch_net(*parts)


def _parts(weights: Weights, method: Method) -> tuple[Any, dict[str, Any], dict[str, np.ndarray]]:
    """The class of a net, its knobs, and its arrays by name."""
    if "recipe" not in weights.card:
        raise BadPlan(f"{weights.name} was added as an ONNX model; it runs on openvino or onnxruntime, not on torch")
    net_class = method.load()
    return net_class, {"channels": weights.card["channels"], **weights.recipe["knobs"]}, weights.arrays()


def float_precision(weights: Weights, backend: Backend) -> str:
    """The precision of the layers that an int8 model leaves in float."""
    return beside_int8(weights.card) if backend.device == CPU else backend.precisions()[0]


def possible(precision: str, weights: Weights, backend: Backend, report: Report) -> str:
    """The precision, or the most exact one of the backend if it does not have it; the report then says so."""
    known = backend.precisions()
    if precision in known:
        return precision
    lacking = backend.device if precision in ENGINES[backend.engine] else backend.engine
    report.warnings.append(f"{lacking} does not compute in {precision}; {weights.name} ran in {known[0]}")
    return known[0]


def beside_int8(card: Mapping[str, Any]) -> str:
    """The precision of the layers that an int8 model leaves in float: bf16 if the processor has it, else f32.

    bf16 must cost the whole net at most BF16_LOSS, and together with int8 no more than the gate allows.
    """
    bf16, int8 = card.get("bf16_loss_db"), card.get("int8", {}).get("mean_loss") or 0.0
    gentle = bf16 is not None and bf16 <= BF16_LOSS and bf16 + int8 <= INT8_LOSS
    return "bf16" if gentle and computes_in_bf16() else "f32"
