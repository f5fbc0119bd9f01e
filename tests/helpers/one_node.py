"""A vector as an ONNX file of one node, beside it the model-local function for runtimes that do not know the node."""

from __future__ import annotations

import onnx
from onnx import helper, numpy_helper
from operator_vectors import Array, Vector

from sdfl.convert.export.operator_function import DOMAIN, NAME, OPERATOR_VERSION, operator_function

OPSET = 18
NODE = "last layer"  # the node's name
INPUTS, OUTPUT = ("z", "attention"), "y"


def one_node(vector: Vector, *, neighbours: Array | None = None, bias: Array | None = None) -> onnx.ModelProto:
    """z and attention are inputs with any batch; neighbours and bias are constants, by default the vector's."""
    constants = {
        "neighbours": vector.neighbours if neighbours is None else neighbours,
        "bias": vector.bias if bias is None else bias,
    }
    float_type = helper.np_dtype_to_tensor_dtype(vector.z.dtype)
    shapes = {"z": vector.z.shape, "attention": vector.attention.shape}
    graph = helper.make_graph(
        [helper.make_node(NAME, ["z", "attention", *constants], ["y"], NODE, domain=DOMAIN, slope=vector.slope)],
        "one_node",
        [helper.make_tensor_value_info(name, float_type, ["B", *shape[1:]]) for name, shape in shapes.items()],
        [helper.make_tensor_value_info("y", float_type, ["B", vector.attention.shape[1], vector.z.shape[2]])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, OPERATOR_VERSION)]
    return helper.make_model(graph, opset_imports=opsets, functions=[operator_function(OPSET)], ir_version=10)
