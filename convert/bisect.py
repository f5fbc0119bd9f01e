"""Find the first layer of a built artifact that computes something else than its source.

One inner tensor after the other is given out as well, in the source (ONNX Runtime) and in the artifact, and compared:
a binary search in the order of the graph, for what is wrong once stays wrong. An engine has to be built anew for each
tensor; that changes what is fused around it, so a fault of fusion can vanish, which is then said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from sdfl.artifacts.names import INPUT, OUTPUTS
from sdfl.artifacts.passport import Passport, read_passport
from sdfl.convert.engines.onnx_copy import load_onnx, make_copy, tensor_names
from sdfl.convert.engines.plan import CopyOptions, make_plan
from sdfl.errors import ArtifactError
from sdfl.runtime.backends.onnxruntime.library import load_onnxruntime
from sdfl.runtime.backends.openvino.library import load_openvino
from sdfl.types import Image

Array = npt.NDArray[np.floating]
Values = Callable[[str], Array]  # the tensor of that name
Note = Callable[[str], None]
SEARCHED = ("openvino", "tensorrt", "tensorrt-rtx")  # targets; LiteRT keeps no names of inner tensors

# Of `relative_difference`, above which a tensor counts as another. Healthy layers of the shipped models stay below a
# tenth of it; one that saturates, overflows or reads other weights is far above.
TOLERANCES = {"fp32": 1e-4, "fp16": 0.01, "int8": 0.5}


def first_divergence(
    parents: Mapping[str, Sequence[str]], ends: Sequence[str], differs: Callable[[str], bool]
) -> str | None:
    """Find a tensor that differs while all that it is computed from do not.

    Args:
        parents: tensor -> tensors that it is computed from, in the order of the graph.
        ends: tensors to search from.
        differs: tells whether a tensor differs.

    Returns:
        Its name, None where none of `ends` differs.
    """
    end = next((name for name in ends if differs(name)), None)
    while end is not None:
        names = ancestors(parents, end)
        low, high = 0, len(names) - 1  # names[high] differs
        while low < high:
            middle = (low + high) // 2
            if differs(names[middle]):
                high = middle
            else:
                low = middle + 1
        found = names[high]
        end = next((name for name in parents[found] if differs(name)), None)  # branches have no order among themselves
        if end is None:
            return found
    return None


def ancestors(parents: Mapping[str, Sequence[str]], end: str) -> list[str]:
    """Find everything that a tensor is computed from.

    Args:
        parents: tensor -> tensors that it is computed from, in the order of the graph.
        end: the tensor.

    Returns:
        `end` and its ancestors, in the order of the graph.
    """
    wanted, queue = {end}, [end]
    while queue:
        for name in parents[queue.pop()]:
            if name not in wanted:
                wanted.add(name)
                queue.append(name)
    return [name for name in parents if name in wanted]


def relative_difference(reference: Array, other: Array) -> float:
    """Compare two tensors.

    Args:
        reference: the right values.
        other: values to compare with them.

    Returns:
        The root mean square of the difference over the reference's standard deviation; infinite for other shapes.
    """
    if reference.shape != other.shape:
        return float("inf")
    exact = reference.astype(np.float64)
    spread = float(exact.std()) or float(np.abs(exact).max(initial=0.0)) or 1.0
    return float(np.sqrt(np.mean((exact - other) ** 2))) / spread


def search(artifact: Path, passport: Passport, against: Path, crops: Image, note: Note) -> str | None:
    """Find the first tensor of an artifact that differs from its source.

    Args:
        artifact: the engine or IR, of a target in SEARCHED.
        passport: of the artifact.
        against: the ONNX file that it was built from.
        crops: (1, S, S, 3) uint8 BGR, a crop on which they differ.
        note: told the difference of each tensor that is compared, a line each.

    Returns:
        The tensor's name, None where no single tensor differs.
    """
    source = make_copy(against, CopyOptions())
    makers = {"openvino": _openvino_values, "tensorrt": _tensorrt_values, "tensorrt-rtx": _tensorrt_values}
    names = tensor_names(source)
    built = makers[passport.target](artifact, against, crops, names)
    reference = _onnx_values(against, crops)

    @cache
    def differs(name: str) -> bool:
        difference = relative_difference(reference(name), built[name](name))
        note(f"{name}: differs by {difference:.2g} of its spread")
        return not difference <= TOLERANCES[passport.precision]  # NaN differs

    return first_divergence(parents_of(source, built), OUTPUTS, differs)


def parents_of(model: onnx.ModelProto, names: Collection[str]) -> dict[str, list[str]]:
    """Find from which of some tensors each of them is computed.

    Args:
        model: the graph.
        names: the tensors.

    Returns:
        Each of `names`, in the order of the graph -> the nearest of them that it is computed from.
    """
    nearest: dict[str, list[str]] = {}  # of every tensor: itself where it is one of `names`, else what it comes from
    parents: dict[str, list[str]] = {}
    for node in model.graph.node:
        before = list(dict.fromkeys(name for entry in node.input for name in nearest.get(entry, ())))
        for output in node.output:
            if output in names:
                parents[output] = before
            nearest[output] = [output] if output in names else before
    return parents


def layer_of(source: Path, tensor: str) -> str:
    """Describe what computes a tensor.

    Args:
        source: an ONNX file.
        tensor: its name.

    Returns:
        The node's kind and name.

    Raises:
        ArtifactError: no node computes it.
    """
    for node in make_copy(source, CopyOptions()).graph.node:
        if tensor in node.output:
            return f"{node.op_type} {node.name or tensor}"
    raise ArtifactError(f"{source}: computes no tensor {tensor}")


def _onnx_values(source: Path, crops: Image) -> Values:
    onnxruntime = load_onnxruntime()

    def value(name: str) -> Array:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        content = make_copy(source, CopyOptions(outputs=(name,))).SerializeToString()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return np.asarray(session.run([name], {INPUT: crops})[0])

    return value


def _openvino_values(
    artifact: Path,
    against: Path,  # noqa: ARG001
    crops: Image,
    names: Sequence[str],
) -> dict[str, Values]:
    """Of the IR itself: its tensors keep the names of the ONNX where a conversion did not merge them."""
    openvino = load_openvino()

    core = openvino.Core()

    def value(name: str) -> Array:
        model = core.read_model(artifact)
        if name not in {known for output in model.outputs for known in output.names}:
            model.add_outputs(name)
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return np.asarray(compiled({INPUT: crops})[name])

    there = {name for op in core.read_model(artifact).get_ops() for output in op.outputs() for name in output.names}
    return {name: value for name in names if name in there}


def _tensorrt_values(artifact: Path, against: Path, crops: Image, names: Sequence[str]) -> dict[str, Values]:
    from sdfl.convert.engines.tensorrt import build_engine
    from sdfl.runtime.backends.cuda.open import open_cuda, read_gpu
    from sdfl.runtime.backends.tensorrt.backend import LoadedEngine
    from sdfl.runtime.backends.tensorrt.library import Log, find_plugin, load_library

    passport = read_passport(artifact)
    library, gpu = load_library(passport.target), read_gpu()
    plan = make_plan(
        against,
        passport.target,
        out=artifact,
        precision=passport.precision,
        max_faces=passport.max_faces,
        plugin=find_plugin() if passport.plugin_sha256 else None,
    )

    def value(name: str) -> Array:
        made = build_engine(library, plan, gpu, lambda *_: None, outputs=(name,))
        engine = LoadedEngine(library, Log(library), made.content, f"{artifact.name} up to {name}", open_cuda())
        try:
            return engine.run(crops)[name]
        finally:
            engine.close()

    inside = {name for node in load_onnx(against).graph.node for name in node.output} if plan.plugin else set(names)
    return {name: value for name in names if name in inside}
