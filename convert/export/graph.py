"""What the exports of all networks share: tracing, passes over the graph, and writing the file."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import subprocess
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from sdfl.artifacts.detector_spec import DetectorSpec
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.names import FP16_SUFFIX, INPUT
from sdfl.artifacts.seal import OF_ONNX
from sdfl.convert.export.self_test import measure_self_test
from sdfl.errors import ArtifactError
from sdfl.files import atomic_path
from sdfl.model.detector.network import FaceDetector
from sdfl.model.fold import fold
from sdfl.model.landmarks.network import Network
from sdfl.model.quantize import convert, is_quantized

OPSET = 18
STORAGES = ("fp32", "fp16")  # of large float weights in the file; they are computed with in fp32
_SMALL = 256  # matrices with fewer entries stay fp32, and so do all vectors: they weigh nothing and need their digits
N = TypeVar("N", Network, FaceDetector)


def to_deploy(network: N) -> N:
    """The network as its file computes it.

    Args:
        network: in float as it was trained, or calibrated with fake quantization.

    Returns:
        A folded copy, or one whose weights are int8.
    """
    return convert(network) if is_quantized(network) else fold(network)


def trace(
    network: nn.Module,
    example: Tensor,
    outputs: Sequence[str],
    dynamic_shape: Mapping[int, Any],
    translations: Mapping[Any, Callable[..., Any]] | None = None,
) -> onnx.ModelProto:
    """Export a torch module with one input.

    Args:
        network: the module; it is set to evaluation.
        example: an input.
        outputs: names of what the module returns.
        dynamic_shape: axis -> `torch.export.Dim` of the axes that are left open.
        translations: torch operator -> how it is written in ONNX, for operators that the exporter does not know.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            network.eval(),
            (example,),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_shapes={INPUT: dict(dynamic_shape)},
            custom_translation_table=dict(translations or {}),
        )
    assert program is not None
    program.optimize()
    return program.model_proto


def drop_zero_points_of_weights(model: onnx.ModelProto) -> None:
    """Drop the zero-points of int8 weights, in place.

    A missing zero-point means zero. The exporter shares one among all layers of a size, and OpenVINO then leaves those
    that a convolution and a product share in float.
    """
    stored = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            del node.input[2:]
    used = {name for node in model.graph.node for name in node.input}
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in used]:
        model.graph.initializer.remove(tensor)


def strip(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes about its own machine, in place: stack traces and module paths."""
    del model.metadata_props[:]
    model.producer_name, model.producer_version, model.doc_string = "sdfl", "", ""
    graph = model.graph
    graph.name = "sdfl"
    for item in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""
    del graph.value_info[:]


def store_as_fp16(model: onnx.ModelProto) -> None:
    """Store large float weights as fp16 and cast them back in the graph, in place.

    Every runtime folds the cast when it loads the file, so that the network still computes in fp32.
    """
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2 or np.prod(tensor.dims) < _SMALL:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        stored = f"{name}{FP16_SUFFIX}"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def check_storage(storage: str) -> None:
    """Check the storage of float weights.

    Raises:
        ArtifactError: lists STORAGES.
    """
    if storage not in STORAGES:
        raise ArtifactError(f"storage must be one of {', '.join(STORAGES)}, got {storage!r}")


def write(model: onnx.ModelProto, spec: ModelSpec | DetectorSpec, out: Path) -> None:
    """Write a model with its metadata, whole or not at all.

    Args:
        model: its metadata are replaced, in place.
        spec: the metadata; `graph_sha256` and `self_test` are filled in here.
        out: the .onnx file.

    Raises:
        ArtifactError: the ONNX checker objects to the graph, or a weight is NaN or infinite.
    """
    _require_finite(model, out)
    graph_sha256 = hashlib.sha256(model.graph.SerializeToString()).hexdigest()
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ArtifactError(f"{out}: the exported graph is not valid ONNX: {error}") from error
    measured = dataclasses.replace(spec, graph_sha256=graph_sha256, self_test=measure_self_test(model, spec))
    helper.set_model_props(model, measured.to_metadata())
    with atomic_path(out) as temporary:
        onnx.save(model, temporary)
        OF_ONNX.add(temporary)


def _require_finite(model: onnx.ModelProto, out: Path) -> None:
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ArtifactError(f"{out}: the weights {tensor.name} hold NaN or infinity; train the network again")


def load_with_metadata(path: Path) -> tuple[onnx.ModelProto, dict[str, str]]:
    """Read a file that `write` wrote, to change its metadata."""
    model = onnx.load(path)
    return model, {entry.key: entry.value for entry in model.metadata_props}


def git_commit() -> str:
    """The commit of the source tree that this code runs from.

    Returns:
        The hash, "" where this file is not tracked by git: an environment may lie in somebody else's repository.
    """
    here = Path(__file__).resolve()
    answers = []
    for words in (["ls-files", "--error-unmatch", here.name], ["rev-parse", "HEAD"]):
        command = ["git", "-C", str(here.parent), *words]
        try:
            answers.append(
                subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout.strip()
            )
        except (OSError, subprocess.CalledProcessError):
            return ""
    return answers[-1]
