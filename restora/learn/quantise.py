"""Quantise: an exported net computed in 8-bit integers, by NNCF's post-training quantisation.

The inputs and weights of each convolution are rounded to 8-bit steps; skip connections and the layers in `keep` stay in
float. Weights use half the steps, so that sums of products do not overflow on processors without VNNI.
"""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from restora.learn.export import halve, linked

Given = Mapping[str, np.ndarray]
"""The inputs of a net by name, each (1, C, H, W) float32."""

LAYERS = ("Conv", "ConvTranspose")
FLOAT = ("Add", "Sub", "Mul", "Concat", "ReduceSum")
"""Operations that stay in float: skip connections and sums of weighted frames carry the picture itself."""
RANGES = ("all", "mean")
"""The range of a layer's steps: up to the maximum over all samples, or up to the mean of the samples' maxima, which
makes finer steps and clips larger values."""


def layers(model: onnx.ModelProto) -> list[str]:
    """The names of the convolutions of a model, first to last."""
    return [node.name for node in model.graph.node if node.op_type in LAYERS]


def always_float(model: onnx.ModelProto) -> list[str]:
    """The layers that always stay in float: the first, the last, and those with concatenated inputs.

    If outputs of a ReLU and of an upsampling layer are rounded together, OpenVINO (2026.4) computes wrong results and
    loses 4 dB; ONNX Runtime with the same model loses almost nothing.
    """
    joined = {name for node in model.graph.node if node.op_type == "Concat" for name in node.output}
    names = layers(model)
    after = [node.name for node in model.graph.node if node.op_type in LAYERS and node.input[0] in joined]
    return [names[0], *(name for name in after if name not in (names[0], names[-1])), names[-1]]


def unfolded(path: Path) -> onnx.ModelProto:
    """The exported model with its parameters in it, as float32."""
    model = onnx.load(str(path))
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in stored]
    for cast in casts:
        tensor = stored[cast.input[0]]
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, cast.output[0]))
        model.graph.node.remove(cast)
    return model


def quantised(path: Path, samples: Sequence[Given], keep: Collection[str], ranges: str, parameters: Path) -> bytes:
    """The ONNX model, quantised, of an exported one; its weights stay in the safetensors file `parameters` beside it.

    samples: inputs for calibration. keep: layers that stay in float. ranges: of RANGES.
    """
    model = unfolded(path)
    floats = {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) > 1}
    result = _by_nncf(model, samples, keep, ranges)
    _from_floats(result.graph, floats)
    halve(result.graph, floats)
    onnx.checker.check_model(result, full_check=True)
    return linked(result.SerializeToString(deterministic=True), parameters.read_bytes(), parameters.name)


def in_float(model: bytes, names: Collection[str]) -> bytes:
    """The quantised model with more layers in float: their inputs and weights are no longer rounded."""
    graph = onnx.load_model_from_string(model)
    made_by = {output: node for node in graph.graph.node for output in node.output}
    for node in graph.graph.node:
        for index, name in enumerate(node.input):
            if node.name in names and name in made_by and made_by[name].op_type == "DequantizeLinear":
                node.input[index] = made_by[made_by[name].input[0]].input[0]
    used = {name for node in graph.graph.node for name in node.input} | {end.name for end in graph.graph.output}
    for node in reversed(list(graph.graph.node)):  # backwards, so that nodes used only by them are removed too
        if used.isdisjoint(node.output):
            graph.graph.node.remove(node)
            used = {name for node in graph.graph.node for name in node.input} | {e.name for e in graph.graph.output}
    for tensor in [tensor for tensor in graph.graph.initializer if tensor.name not in used]:
        graph.graph.initializer.remove(tensor)
    _begin_apart(graph.graph)
    return graph.SerializeToString(deterministic=True)


def _begin_apart(graph: onnx.GraphProto) -> None:
    """Values that are also used in float are rounded after an operation that does not change the rounded values.

    The operation is the maximum with the lowest step. OpenVINO (2026.4) fuses rounding with the previous operation only
    if nothing else uses its output; else it copies the values to float32 and to another layout, which took a tenth of
    the flagship's time and a tenth of its memory.
    """
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer if not tensor.external_data}
    uses = Counter(name for node in graph.node for name in node.input)
    for index, node in reversed(list(enumerate(graph.node))):
        if node.op_type == "QuantizeLinear" and uses[node.input[0]] > 1:
            scale, zero = known[node.input[1]], known[node.input[2]]
            least = (np.iinfo(zero.dtype).min - zero.astype(np.float32)) * scale
            names = [node.input[0], f"{node.name} least"]
            graph.initializer.append(numpy_helper.from_array(least.astype(np.float32), names[1]))
            graph.node.insert(index, helper.make_node("Max", names, [f"{node.name} apart"], f"{node.name} apart"))
            node.input[0] = f"{node.name} apart"


def _by_nncf(model: onnx.ModelProto, samples: Sequence[Given], keep: Collection[str], ranges: str) -> onnx.ModelProto:
    # Set before the import: else NNCF sends telemetry over the network.
    os.environ["NNCF_TELEMETRY_OPT_OUT"] = os.environ["CI"] = "true"
    import logging

    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    nncf.set_log_level(logging.ERROR)
    loose = [node.name for node in model.graph.node if node.op_type in FLOAT]
    estimators = {"all": RangeEstimatorParametersSet.MINMAX, "mean": RangeEstimatorParametersSet.MEAN_MINMAX}
    with redirect_stdout(StringIO()):  # its progress bars
        return nncf.quantize(
            model,
            nncf.Dataset([dict(sample) for sample in samples]),
            subset_size=len(samples),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            ignored_scope=nncf.IgnoredScope(names=[*keep, *loose]),
            advanced_parameters=AdvancedQuantizationParameters(
                overflow_fix=OverflowFix.ENABLE, activations_range_estimator_params=estimators[ranges]
            ),
        )


def _from_floats(graph: onnx.GraphProto, floats: dict[str, TensorProto]) -> None:
    """Replace integer weights by the original floats, quantised where they are used.

    The arithmetic and the numbers are the same, stored once for all precisions.
    """
    known = {tensor.name: tensor for tensor in graph.initializer}
    quantisers = []
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in known:
            continue
        integers, scale, zero = node.input
        weight = floats[integers.removeprefix("q_output_").rpartition("_")[0]]
        quantiser = helper.make_node("QuantizeLinear", [weight.name, scale, zero], [integers], f"quantise {integers}")
        quantiser.attribute.extend(node.attribute)
        quantisers.append(quantiser)
        graph.initializer.remove(known[integers])
        if weight.name not in known:
            graph.initializer.append(weight)
    for index, quantiser in enumerate(quantisers):
        graph.node.insert(index, quantiser)
