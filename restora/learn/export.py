"""Export: a torch net as an ONNX model of any height and width, its weights stored as float16."""

import json
import warnings
from collections.abc import Collection, Sequence

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from restora.learn.card import Tensors


def to_onnx(net: nn.Module, inputs: Tensors, outputs: Sequence[str], multiple: int, *, as_is: bool = False) -> bytes:
    """The ONNX model of (B, C, H, W) float32; B, H and W free, H and W multiples of `multiple`.

    inputs: the tensors that the net's forward takes, in order. outputs: the names of its outputs; a single one is a
    tensor, several are a dictionary of tensors by name.

    Weights that float16 holds exactly (learn.start.as_stored) are stored as float16 and converted back where they are
    used, which halves the file and does not change the precision of the arithmetic. Weights computed by the exporter,
    such as a convolution merged with batch normalisation, stay float32. as_is: all weights stay float32 and B is 1, for
    nets of other authors.
    """
    batch_size, side = 1 if as_is else 2, 8 * multiple
    example = tuple(torch.zeros(batch_size, sum(planes.values()), side, side) for planes in inputs.values())
    batch = {} if as_is else {0: torch.export.Dim("batch")}
    height, width = (multiple * torch.export.Dim(name, min=2, max=10**5) for name in ("rows", "columns"))
    if multiple == 1:
        height, width = torch.export.Dim("height", min=2), torch.export.Dim("width", min=2)
    with warnings.catch_warnings():  # the exporter warns about its own deprecated calls
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net.eval(),
            example,
            dynamo=True,
            verbose=False,
            input_names=list(inputs),
            output_names=_in_order(net, example, outputs),
            dynamic_shapes=tuple({**batch, 2: height, 3: width} for _ in inputs),
        )
    model = program.model_proto  # type: ignore[union-attr]
    if not as_is:
        halve(model.graph, {tensor.name for tensor in model.graph.initializer if tensor.dims and is_half(tensor)})
    _without_empty_writes(model.graph)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


@torch.no_grad()
def _in_order(net: nn.Module, example: tuple[torch.Tensor, ...], outputs: Sequence[str]) -> list[str]:
    """The names of the outputs in the order of the net, which is that of the exported model."""
    return list(outputs) if len(outputs) == 1 else list(net(*example))


def is_half(tensor: TensorProto) -> bool:
    """Whether float16 holds all values of a float32 tensor exactly."""
    values = numpy_helper.to_array(tensor)
    return values.dtype == np.float32 and bool((values.astype(np.float16) == values).all())


def _without_empty_writes(graph: onnx.GraphProto) -> None:
    """Remove nodes that write an empty constant into an array: OpenVINO takes it for a single number."""
    empty = {tensor.name for tensor in graph.initializer if 0 in tensor.dims}
    for node in [node for node in graph.node if node.op_type == "ScatterND" and node.input[2] in empty]:
        graph.node.remove(node)
        for other in graph.node:
            for index, name in enumerate(other.input):
                if name == node.output[0]:
                    other.input[index] = node.input[0]


def linked(model: bytes, parameters: bytes, location: str) -> bytes:
    """The model without the weights that are also in a safetensors file beside it, named `location`.

    A safetensors file is a header and then the plain arrays, so ONNX can refer to them (external data): the engines and
    the laboratory load the same numbers, stored once.
    """
    start = 8 + int.from_bytes(parameters[:8], "little")
    header = json.loads(parameters[8:start])
    graph = onnx.load_model_from_string(model)
    for tensor in graph.graph.initializer:
        entry = header.get(tensor.name.removesuffix(".half"))
        kinds = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}
        if entry is None or tensor.data_type != kinds.get(entry["dtype"]) or list(tensor.dims) != entry["shape"]:
            continue
        begin, end = entry["data_offsets"]
        if tensor.raw_data != parameters[start + begin : start + end]:
            continue
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        where = {"location": location, "offset": start + begin, "length": end - begin}
        tensor.external_data.extend(onnx.StringStringEntryProto(key=key, value=str(where[key])) for key in where)
    return graph.SerializeToString(deterministic=True)


def halve(graph: onnx.GraphProto, names: Collection[str]) -> None:
    """Store the float32 weights of these names as float16, each followed by a cast."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or tensor.name not in names:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for index, cast in enumerate(casts):
        graph.node.insert(index, cast)
