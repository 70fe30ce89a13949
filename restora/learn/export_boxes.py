"""Export of a net that finds boxes as an ONNX model of pictures of one size, its weights stored as float16."""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
from torch import nn

from restora.learn.export import halve, is_half


def boxes_to_onnx(net: nn.Module, side: int) -> bytes:
    """The ONNX model: y (1, 3, side, side) float32 -> boxes (N, 6), N depends on the picture.

    The number of boxes depends on values, which the exporter of other nets does not support; the parts of torchvision
    support this older one. Weights that float16 holds exactly are stored as float16.
    """
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its age, and torchvision about constants
        path = Path(folder) / "net.onnx"
        torch.onnx.export(
            net.eval(),
            (torch.full((1, 3, side, side), 0.5),),
            path,
            dynamo=False,
            input_names=["y"],
            output_names=["boxes"],
            opset_version=17,
        )
        model = onnx.load(path)
    halve(model.graph, {tensor.name for tensor in model.graph.initializer if tensor.dims and is_half(tensor)})
    kept = {each.name for each in (*model.graph.input, *model.graph.output, *model.graph.initializer)}
    _shorten(model.graph, {name: name for name in kept})
    del model.metadata_props[:]
    shape = model.graph.output[0].type.tensor_type.shape
    shape.dim[0].dim_param = "regions"
    shape.dim[1].dim_value = 6
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _shorten(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    """Number the values of a graph and of the graphs inside it; their long names are most of such a model.

    names: new names by old ones, of the values outside; it grows.
    """
    for node in graph.node:
        node.name = node.doc_string = ""
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                _shorten(attribute.g, names)
        for index, name in enumerate(node.output):
            node.output[index] = names.setdefault(name, f"v{len(names)}") if name else name
    for value in graph.output:
        value.name = names.get(value.name, value.name)
    del graph.value_info[:]
