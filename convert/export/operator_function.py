"""`sdfl::SparseGraphConv` in ONNX: the node's schema, its body in standard operators, and how torch's node becomes it.

The exporter emits the bare node; the body travels in the same file as a model-local function. A runtime with a native
operator uses that, every other one the function. Only `translation_table` needs torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
from onnx import helper

from sdfl.artifacts.landmark_spec import OPERATOR_DOMAIN, OPERATOR_NAME, OPERATOR_VERSION

DOMAIN, NAME = OPERATOR_DOMAIN, OPERATOR_NAME
_DOC = "y[b,n,c] = f(sum_k attention[b,n,k] * z[b,neighbours[n,k],c] + bias[c]), f(x) = x if x >= 0 else slope * x"


def operator_schema() -> onnx.defs.OpSchema:
    """The contract as ONNX states it."""
    schema = onnx.defs.OpSchema
    parameter = schema.FormalParameter
    return schema(
        NAME,
        DOMAIN,
        OPERATOR_VERSION,
        doc=_DOC,
        inputs=[
            parameter("z", "T", description="(B, M, C)"),
            parameter("attention", "T", description="(B, N, K), M >= N"),
            parameter("neighbours", "tensor(int32)", description="(N, K), 0 <= value < M"),
            parameter("bias", "T", description="(C,)"),
        ],
        outputs=[parameter("y", "T", description="(B, N, C)")],
        type_constraints=[("T", ["tensor(float)", "tensor(float16)"], "")],
        attributes=[schema.Attribute("slope", onnx.defs.OpSchema.AttrType.FLOAT, "1: linear, 0: ReLU")],
    )


def operator_function(opset: int) -> onnx.FunctionProto:
    """The body in standard operators. `slope` reaches LeakyRelu through ref_attr_name, so one body serves all nodes."""
    activation = helper.make_node("LeakyRelu", ["biased"], ["y"])
    activation.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    nodes = [
        helper.make_node("Gather", ["z", "neighbours"], ["gathered"], axis=1),  # (B, N, K, C)
        helper.make_node("Constant", [], ["row_axis"], value_ints=[2]),
        helper.make_node("Unsqueeze", ["attention", "row_axis"], ["row"]),  # (B, N, 1, K)
        helper.make_node("MatMul", ["row", "gathered"], ["summed"]),  # (B, N, 1, C)
        helper.make_node("Squeeze", ["summed", "row_axis"], ["flat"]),
        helper.make_node("Add", ["flat", "bias"], ["biased"]),
        activation,
    ]
    return helper.make_function(
        DOMAIN,
        NAME,
        ["z", "attention", "neighbours", "bias"],
        ["y"],
        nodes,
        [helper.make_opsetid("", opset)],
        ["slope"],
        doc_string=_DOC,
    )


def translation_table() -> dict[Any, Callable[..., Any]]:
    """For `torch.onnx.export(custom_translation_table=...)`: torch's operator becomes one bare node."""
    import onnxscript
    import torch

    if not onnx.defs.has(NAME, DOMAIN):
        onnx.defs.register_schema(operator_schema())
    opset = onnxscript.values.Opset(DOMAIN, OPERATOR_VERSION)

    def to_node(z: Any, attention: Any, neighbours: Any, bias: Any, slope: float) -> Any:
        return getattr(opset, NAME)(z, attention, neighbours, bias, slope=slope)

    return {torch.ops.sdfl.sparse_graph_conv.default: to_node}
