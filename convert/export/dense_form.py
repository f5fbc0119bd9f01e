"""The graph operator as a product with a dense matrix: standard operators without a gather.

All layers of a picture share one attention. It is therefore written once into an (N, M) matrix A, with the weights of
a landmark's neighbours in its row and zeros elsewhere, and each layer is y = f(A z + bias). The sums are the same, but
networks are up to 9 % slower with it than with a gather (docs/results/litert.md): it is for tools that know no gather
of rows, such as ncnn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from sdfl.artifacts.landmark_spec import OPERATOR_DOMAIN, OPERATOR_NAME
from sdfl.convert.engines.onnx_copy import element_types, inline
from sdfl.errors import ArtifactError


def to_dense(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network without the operator's nodes and function.

    Args:
        model: with nodes of the operator; it stays as it is.

    Raises:
        ArtifactError: the number of rows of a node's z cannot be inferred.
    """
    dense: onnx.ModelProto = onnx.ModelProto.FromString(model.SerializeToString())
    graph = dense.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    plain = inline(model)  # behind a node of the operator nothing is inferred
    rows, types = _rows_of(plain), element_types(plain)
    matrices: dict[tuple[str, str], str] = {}  # attention and neighbours -> the matrix
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if (node.domain, node.op_type) != (OPERATOR_DOMAIN, OPERATOR_NAME):
            nodes.append(node)
            continue
        z, attention, neighbours, bias = node.input
        if not rows.get(z):
            raise ArtifactError(f"{node.name or node.output[0]}: the number of rows of {z} is not known")
        key = (attention, neighbours)
        if key not in matrices:
            matrices[key] = f"{attention}.dense_{len(matrices)}"
            one_hot = _one_hot(numpy_helper.to_array(stored[neighbours]), rows[z])
            kind = helper.tensor_dtype_to_np_dtype(types[attention])
            constants, made = _matrix(attention, one_hot.astype(kind), matrices[key])
            graph.initializer.extend(constants)
            nodes += made
        nodes += _layer(matrices[key], z, bias, node.output[0], helper.get_attribute_value(node.attribute[0]))
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_operator(dense)
    return dense


def _rows_of(model: onnx.ModelProto) -> dict[str, int]:
    """Tensor -> the size of its second axis, where that is known."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    found = {}
    for entry in (*graph.value_info, *graph.input):
        axes = entry.type.tensor_type.shape.dim
        if len(axes) == 3:
            found[entry.name] = int(axes[1].dim_value)
    return found


def _one_hot(neighbours: npt.NDArray[Any], rows: int) -> npt.NDArray[np.bool_]:
    """True where m is that neighbour: (N, K) -> (N, K, M)."""
    one_hot: npt.NDArray[np.bool_] = neighbours[..., None] == np.arange(rows)
    return one_hot


def _matrix(
    attention: str, one_hot: npt.NDArray[Any], name: str
) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """The constants and nodes for A (B, N, M) = attention (B, N, 1, K) times `one_hot` (N, K, M)."""
    hot, axis, row, product = (f"{name}.{part}" for part in ("one_hot", "axis", "row", "product"))
    constants = [numpy_helper.from_array(one_hot, hot), numpy_helper.from_array(np.array([2]), axis)]
    return constants, [
        helper.make_node("Unsqueeze", [attention, axis], [row], name=row),
        helper.make_node("MatMul", [row, hot], [product], name=product),
        helper.make_node("Squeeze", [product, axis], [name], name=name),
    ]


def _layer(matrix: str, z: str, bias: str, y: str, slope: float) -> list[onnx.NodeProto]:
    summed, biased = f"{y}.summed", f"{y}.biased" if slope != 1 else y
    nodes = [
        helper.make_node("MatMul", [matrix, z], [summed], name=summed),
        helper.make_node("Add", [summed, bias], [biased], name=biased),
    ]
    if slope == 0:
        nodes.append(helper.make_node("Relu", [biased], [y], name=y))
    elif slope != 1:
        nodes.append(helper.make_node("LeakyRelu", [biased], [y], name=y, alpha=slope))
    return nodes


def _drop_operator(model: onnx.ModelProto) -> None:
    functions = [each for each in model.functions if each.domain != OPERATOR_DOMAIN]
    opsets = [entry for entry in model.opset_import if entry.domain != OPERATOR_DOMAIN]
    used = {name for node in model.graph.node for name in node.input}
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in used]
    for field, kept in ((model.functions, functions), (model.opset_import, opsets), (model.graph.initializer, tensors)):
        copies = [type(each).FromString(each.SerializeToString()) for each in kept]
        del field[:]
        field.extend(copies)
