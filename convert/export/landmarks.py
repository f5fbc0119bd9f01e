"""`sdfl export`: a checkpoint becomes one ONNX file that every runtime starts from."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.convert.engines.onnx_copy import inline as inline_functions
from sdfl.convert.export.operator_function import DOMAIN, operator_function, translation_table
from sdfl.convert.export.padding import merge_padding
from sdfl.errors import ArtifactError
from sdfl.files import atomic_path
from sdfl.layouts import get_layout
from sdfl.model.checkpoint import load_checkpoint, network_from_checkpoint
from sdfl.model.landmarks.fold import fold
from sdfl.model.landmarks.network import Network
from sdfl.model.landmarks.sparse_graph_conv import OPERATOR_VERSION
from sdfl.model.quantize import convert, is_quantized, quantized_from_checkpoint

OPSET = 18
OUTPUTS = ("points", "presence", "log_scale")
STORAGES = ("fp32", "fp16")
_SMALL = 256  # smaller matrices stay fp32, and so do all vectors: they weigh nothing and need their digits


class Deployed(nn.Module):
    """A folded network with the outputs of the contract: points in crop px, presence 0..1, log_scale."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = fold(network)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        points, presence_logit, log_scale = self.network(image)
        return points, torch.sigmoid(presence_logit), log_scale


class DeployedInt8(Deployed):
    """A calibrated network with int8 weights and the outputs of the contract."""

    def __init__(self, network: Network) -> None:
        nn.Module.__init__(self)
        self.network = convert(network)


def export(checkpoint: Path, out: Path, *, storage: str = "fp32", inline: bool = False) -> Path:
    """Write `checkpoint` as ONNX to `out`, whole or not at all.

    inline: put the operator's body in place of its nodes, for tools that know standard operators only.
    storage: "fp16" keeps large float weights as half-precision numbers (half the file; still computed in fp32), of an
    int8 network those that are left in float.
    Raises CheckpointError for a checkpoint that cannot be used, ArtifactError where the ONNX checker objects.
    """
    if storage not in STORAGES:
        raise ArtifactError(f"storage must be one of {', '.join(STORAGES)}, got {storage!r}")
    deployed, network, content = _load(checkpoint)
    model = to_onnx(deployed, network.config.input_size)
    if storage == "fp16":
        store_halves(model)
    if inline:
        model = inline_functions(model)
    _write_metadata(model, _describe(network, content))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ArtifactError(f"{checkpoint}: the exported graph is not valid ONNX: {error}") from error
    with atomic_path(out) as temporary:
        onnx.save(model, temporary)
    return out


def _load(checkpoint: Path) -> tuple[Deployed, Network, dict[str, Any]]:
    """The network of a float or int8 checkpoint as it is deployed, as it was stored, and the checkpoint's content."""
    if is_quantized(load_checkpoint(checkpoint)):
        network, content = quantized_from_checkpoint(checkpoint)
        return DeployedInt8(network), network, content
    network, content = network_from_checkpoint(checkpoint)
    return Deployed(network), network, content


def to_onnx(deployed: Deployed, input_size: int) -> onnx.ModelProto:
    """The graph with bare operator nodes plus the operator's function; batch is dynamic."""
    example = torch.zeros(2, input_size, input_size, 3, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            deployed.eval(),
            (example,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=list(OUTPUTS),
            dynamic_shapes={"image": {0: torch.export.Dim("batch")}},
            custom_translation_table=translation_table(),
        )
    assert program is not None
    program.optimize()
    model = program.model_proto
    if not any(entry.domain == DOMAIN for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid(DOMAIN, OPERATOR_VERSION))
    model.functions.append(operator_function(OPSET))
    merge_padding(model)
    drop_zero_points_of_weights(model)
    strip(model)
    return model


def drop_zero_points_of_weights(model: onnx.ModelProto) -> None:
    """Zero is what a missing one means. The exporter shares one among all layers of a size, and OpenVINO then leaves
    those that a convolution and a product share in float."""
    stored = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            del node.input[2:]
    used = {name for node in model.graph.node for name in node.input}
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in used]:
        model.graph.initializer.remove(tensor)


def strip(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes about its own machine: stack traces and module paths."""
    del model.metadata_props[:]
    model.producer_name, model.producer_version, model.doc_string = "sdfl", "", ""
    graph = model.graph
    graph.name = "sdfl"
    for item in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""
    del graph.value_info[:]


def store_halves(model: onnx.ModelProto) -> None:
    """Store large float initialisers in fp16 and cast them back in the graph; every runtime folds the cast at load."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2 or np.prod(tensor.dims) < _SMALL:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _describe(network: Network, content: dict[str, Any]) -> ModelSpec:
    config = network.config
    about = content.get("recipe", {}).get("about", {})
    return ModelSpec(
        name=about.get("name", "sdfl"),
        layout=config.layout,
        num_points=get_layout(config.layout).num_points,
        input_size=config.input_size,
        opset=OPSET,
        precision="int8" if is_quantized(content) else "fp32",
        operator_version=OPERATOR_VERSION,
        training_data=about.get("training_data", ""),
        licence=about.get("licence", ""),
        git_commit=git_commit(),
    )


def set_accuracy(path: Path, nme_percent: float, protocol: str) -> None:
    """Write a measured NME and its protocol into a model's metadata, in place."""
    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    spec = ModelSpec.from_metadata(metadata, str(path))
    _write_metadata(model, dataclasses.replace(spec, nme_percent=nme_percent, nme_protocol=protocol))
    with atomic_path(path) as temporary:
        onnx.save(model, temporary)


def _write_metadata(model: onnx.ModelProto, spec: ModelSpec) -> None:
    graph_sha256 = hashlib.sha256(model.graph.SerializeToString()).hexdigest()
    helper.set_model_props(model, dataclasses.replace(spec, graph_sha256=graph_sha256).to_metadata())


def git_commit() -> str:
    """The commit of the source tree this runs from, "" elsewhere: an environment may lie in somebody's repository."""
    here = Path(__file__).resolve()
    answers = []
    for words in (["ls-files", "--error-unmatch", here.name], ["rev-parse", "HEAD"]):
        command = ["git", "-C", str(here.parent), *words]
        try:
            answers.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
        except (OSError, subprocess.CalledProcessError):
            return ""
    return answers[-1]
