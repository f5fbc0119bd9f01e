"""The copy of a source ONNX that TensorRT gets. The source itself stays as it is. Needs `onnx`, not torch.

Every TensorRT refuses to move uint8 around, and strongly typed networks (TensorRT 11, TensorRT-RTX) compute in the
types that the file states: float layers of an fp16 or int8 engine must therefore be fp16 in the file, the scales of
DequantizeLinear among them, or they stay fp32.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
from onnx import TensorProto, helper, numpy_helper

from sdfl.artifacts.landmark_spec import OPERATOR_DOMAIN, OPERATOR_VERSION
from sdfl.artifacts.names import FP16_SUFFIX
from sdfl.convert.engines.plan import CopyOptions
from sdfl.errors import ArtifactError

LARGEST_FP16 = float(np.finfo(np.float16).max)
SMALLEST_FP16 = float(np.finfo(np.float16).smallest_subnormal)
FP16_OPSET = 19  # the first whose QuantizeLinear and DequantizeLinear take fp16 scales
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
_REWORDED = ("Identity", "Transpose", "Reshape")  # may stand between the picture and its Cast


def load_onnx(path: Path) -> onnx.ModelProto:
    """Read an ONNX file.

    Raises:
        ArtifactError: it is missing, cut off or something else.
    """
    try:
        return onnx.load(path)
    except Exception as error:  # protobuf's errors differ between its implementations
        raise ArtifactError(f"{path}: is not a complete ONNX file; copy or export it again") from error


def make_copy(path: Path, options: CopyOptions) -> onnx.ModelProto:
    """Make the copy that TensorRT gets.

    Args:
        path: the source, which stays as it is.
        options: what the copy is for.

    Raises:
        ArtifactError: the source is no ONNX file, a number does not fit into fp16, or a tensor is unknown.
    """
    model = load_onnx(path)
    if not options.plugin:
        model = inline(model)
    _cast_first(model)
    _fold_stored_fp16(model)
    _give_out(model, path, options.outputs)
    if options.batch is not None:
        _fix_batch(model, options.batch)
    if options.fp16:
        _to_fp16(model, path, inner=options.outputs)
    if options.plugin:
        _name_plugin(model)
    del model.graph.value_info[:]
    return model


def inline(model: onnx.ModelProto) -> onnx.ModelProto:
    """Put the operator's body in place of its nodes: the same graph in standard operators alone."""
    inlined = onnx.inliner.inline_local_functions(model)
    standard = [entry for entry in inlined.opset_import if entry.domain != OPERATOR_DOMAIN]
    del inlined.opset_import[:]
    inlined.opset_import.extend(standard)
    return inlined


def tensor_names(model: onnx.ModelProto) -> list[str]:
    """The names of the float tensors that the nodes compute, in the order of the file."""
    types = element_types(model)
    produced = [name for node in model.graph.node for name in node.output]
    return [name for name in produced if types.get(name) in _FLOATS]


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Name -> TensorProto.DataType of every tensor whose type can be inferred."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    infos = [*graph.input, *graph.output, *graph.value_info]
    return {info.name: info.type.tensor_type.elem_type for info in infos} | {
        tensor.name: tensor.data_type for tensor in graph.initializer
    }


def _cast_first(model: onnx.ModelProto) -> None:
    """Cast the picture where it comes in: what only moves pixels then moves floats."""
    graph = model.graph
    for entry in graph.input:
        reader = next((node for node in graph.node if entry.name in node.input), None)
        moves = []
        while reader is not None and reader.op_type in _REWORDED:
            moves.append(reader)
            reader = next((node for node in graph.node if moves[-1].output[0] in node.input), None)
        if not moves or reader is None or reader.op_type != "Cast":
            continue
        cast, last = reader, moves[-1]
        end = cast.output[0]
        cast.input[0], cast.output[0] = entry.name, f"{entry.name}.float"
        moves[0].input[0], last.output[0] = cast.output[0], end
        graph.node.remove(cast)
        graph.node.insert(0, cast)


def _fold_stored_fp16(model: onnx.ModelProto) -> None:
    """Weights that `export --storage fp16` keeps as fp16 with a Cast become plain fp32."""
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Cast" and node.input[0] in stored]:
        values = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
        stored[node.input[0]].CopyFrom(numpy_helper.from_array(values, node.output[0]))
        graph.node.remove(node)


def _give_out(model: onnx.ModelProto, path: Path, names: tuple[str, ...]) -> None:
    known = set(tensor_names(model)) if names else set()
    there = {output.name for output in model.graph.output}
    for name in names:
        if name not in known:
            raise ArtifactError(f"{path}: computes no tensor {name}")
        if name not in there:
            model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


def _fix_batch(model: onnx.ModelProto, batch: int) -> None:
    for info in (*model.graph.input, *model.graph.output):
        shape = info.type.tensor_type.shape
        if shape.dim:
            shape.dim[0].Clear()
            shape.dim[0].dim_value = batch


def _to_fp16(model: onnx.ModelProto, path: Path, inner: tuple[str, ...]) -> None:
    graph, types = model.graph, element_types(model)
    for entry in model.opset_import:
        if entry.domain == "":
            entry.version = max(entry.version, FP16_OPSET)
    for function in model.functions:
        for entry in function.opset_import:
            if entry.domain == "":
                entry.version = max(entry.version, FP16_OPSET)
    exact = list(_last_steps_in_float(model, types, inner))
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
            elif attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(_fp16_tensor(attribute.t, node.output[0], path))
    scales = {node.input[1] for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")}
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            least = SMALLEST_FP16 if tensor.name in scales else None  # TensorRT refuses a scale of 0, of dead channels
            tensor.CopyFrom(_fp16_tensor(tensor, tensor.name, path, least))
    for casts, constants in exact:
        graph.initializer.extend(constants)
        graph.node.extend(casts)
    _sort(model)


def _last_steps_in_float(
    model: onnx.ModelProto, types: dict[str, int], inner: tuple[str, ...]
) -> Iterator[tuple[list[onnx.NodeProto], list[TensorProto]]]:
    """Let the node that gives an output compute in fp32: fp16 near 128 has steps of 1/16, a visible jump of a point.

    Yields the casts and constants that this takes. inner: outputs that are only cast, kept as they are.
    """
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for output in [output.name for output in model.graph.output]:
        node = next(node for node in model.graph.node if output in node.output)
        casts: list[onnx.NodeProto] = []
        constants: list[TensorProto] = []
        if output in inner or node.op_type == "DequantizeLinear":  # which computes in the type of its scale
            narrow = f"{output}{FP16_SUFFIX}"
            for reader in model.graph.node:
                reader.input[:] = [narrow if name == output else name for name in reader.input]
            node.output[list(node.output).index(output)] = narrow
            casts.append(helper.make_node("Cast", [narrow], [output], name=f"{output}.cast", to=TensorProto.FLOAT))
            yield casts, constants
            continue
        for index, name in enumerate(node.input):
            if types.get(name) not in _FLOATS:
                continue
            wide = f"{output}.{name}.float"
            if name in stored:
                constants.append(numpy_helper.from_array(numpy_helper.to_array(stored[name]), wide))
            else:
                casts.append(helper.make_node("Cast", [name], [wide], name=f"{wide}.cast", to=TensorProto.FLOAT))
            node.input[index] = wide
        readers = [reader for reader in model.graph.node if output in reader.input]
        if readers:
            narrow = f"{output}{FP16_SUFFIX}"
            casts.append(helper.make_node("Cast", [output], [narrow], name=f"{narrow}.cast", to=TensorProto.FLOAT16))
            for reader in readers:
                reader.input[:] = [narrow if name == output else name for name in reader.input]
        yield casts, constants


def _fp16_tensor(tensor: TensorProto, name: str, path: Path, least: float | None = None) -> TensorProto:
    """least: the smallest value that is kept; what lies below is raised to it."""
    values = numpy_helper.to_array(tensor)
    largest = float(np.abs(values).max(initial=0.0))
    if not largest <= LARGEST_FP16:
        raise ArtifactError(
            f"{path}: {name} holds {largest:.3g}, fp16 ends at {LARGEST_FP16:.0f}; "
            "build it with --precision fp32, or export the model without such a constant"
        )
    kept = values if least is None else np.maximum(values, least)
    return numpy_helper.from_array(kept.astype(np.float16), tensor.name)


def _name_plugin(model: onnx.ModelProto) -> None:
    """A function of the same name hides the plugin from TensorRT below 10.7, so it is left out."""
    kept = [function for function in model.functions if function.domain != OPERATOR_DOMAIN]
    del model.functions[:]
    model.functions.extend(kept)
    for node in model.graph.node:
        if node.domain == OPERATOR_DOMAIN:
            node.attribute.append(helper.make_attribute("plugin_namespace", OPERATOR_DOMAIN))
            node.attribute.append(helper.make_attribute("plugin_version", str(OPERATOR_VERSION)))


def _sort(model: onnx.ModelProto) -> None:
    """Put every node behind what it reads, and keep the order of the file otherwise."""
    graph = model.graph
    waiting = list(graph.node)
    known = {""} | {entry.name for entry in graph.input} | {tensor.name for tensor in graph.initializer}
    ordered: list[onnx.NodeProto] = []
    while waiting:
        ready = [node for node in waiting if known.issuperset(node.input)]
        if not ready:
            raise ArtifactError(f"{waiting[0].name}: reads what no node computes")
        ordered += ready
        known.update(name for node in ready for name in node.output)
        done = {id(node) for node in ready}
        waiting = [node for node in waiting if id(node) not in done]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)
