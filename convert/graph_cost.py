"""Parameters and multiply-adds of a model file, counted in the graph that OpenVINO reads from it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.errors import ArtifactError
from sdfl.runtime.backends.openvino.library import load_openvino


def file_facts(path: Path) -> dict[str, Any]:
    """Describe an ONNX file of a landmark model.

    Returns:
        Path, size, metadata and cost; the keys of the cost are those of `sdfl.model.complexity.network_facts`, with
        None for what a file does not tell apart.

    Raises:
        ArtifactError: the file is no landmark model, or OpenVINO cannot read it.
        MissingDependency: OpenVINO is not installed.
    """
    spec = read_spec(path)
    apart = {f"{part}_{what}": None for part in ("backbone", "head") for what in ("parameters", "multiply_adds")}
    total = {f"total_{what}": value for what, value in file_cost(path, spec.input_size).items()}
    return {
        "file": str(path),
        "megabytes": round(path.stat().st_size / 1e6, 2),
        **vars(spec),
        **apart,
        **total,
    }


def file_cost(path: Path, input_size: int) -> dict[str, int]:
    """Count what a model file costs.

    Args:
        path: an ONNX file.
        input_size: crop px.

    Returns:
        "parameters", the numbers stored in the graph, where batch normalisation is folded in; and "multiply_adds" of
        one picture.

    Raises:
        ArtifactError: OpenVINO cannot read the file.
        MissingDependency: OpenVINO is not installed.
    """
    openvino = load_openvino()
    from sdfl.runtime.backends.openvino.operator import standard_operators

    core = openvino.Core()
    core.add_extension(standard_operators())
    try:
        model = core.read_model(path)
        model.reshape([1, input_size, input_size, 3])
    except RuntimeError as error:
        raise ArtifactError(f"{path}: OpenVINO cannot read it") from error
    operations = model.get_ordered_ops()
    stored = [math.prod(op.get_output_shape(0)) for op in operations if _is_weight(op)]
    return {"parameters": sum(stored), "multiply_adds": sum(map(_multiply_adds, operations))}


def _is_weight(op: Any) -> bool:
    """Constants that are numbers to compute with, not indices or shapes."""
    return op.get_type_name() == "Constant" and not str(op.get_output_element_type(0)).startswith("<Type: 'int64_t'")


def _multiply_adds(op: Any) -> int:
    kind, out = op.get_type_name(), math.prod(op.get_output_shape(0))
    if kind in ("Convolution", "GroupConvolution"):
        weights = list(op.get_input_shape(1))  # (out, in, k, k), with the groups before them
        return int(out * math.prod(weights[-3:]))
    if kind == "MatMul":
        return int(out * op.get_input_shape(0)[-1])
    if kind == "ReduceSum":  # the graph operator's weighted sum
        return int(math.prod(op.get_input_shape(0)))
    return 0
