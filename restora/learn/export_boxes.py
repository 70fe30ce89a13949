"""Export of a net that finds boxes as an ONNX model of pictures of one size, its weights stored as float16."""

import io
import warnings

import onnx
import torch
from torch import nn

from restora.learn.export import halve, is_half


def boxes_to_onnx(net: nn.Module, side: int) -> bytes:
    """The ONNX model: y (1, 3, side, side) float32 -> boxes (N, 6), N depends on the picture.

    The number of boxes depends on values, which the exporter of other nets does not support; the parts of torchvision
    support this older one. Weights that float16 holds exactly are stored as float16.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():  # the exporter warns about its age, and torchvision about constants
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (torch.full((1, 3, side, side), 0.5),),
            file,
            dynamo=False,
            input_names=["y"],
            output_names=["boxes"],
            opset_version=17,
        )
    model = onnx.load_model_from_string(file.getvalue())
    halve(model.graph, {tensor.name for tensor in model.graph.initializer if tensor.dims and is_half(tensor)})
    for node in model.graph.node:
        node.doc_string = ""
    del model.metadata_props[:]
    shape = model.graph.output[0].type.tensor_type.shape
    shape.dim[0].dim_param = "regions"
    shape.dim[1].dim_value = 6
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
