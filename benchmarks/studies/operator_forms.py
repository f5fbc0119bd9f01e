"""Times of the graph convolution in its forms: function, standard operators, compiled extension, dense product.

All forms take turns in one process, on one thread, at batch 1. CPU time counts, which other programs disturb least.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from sdfl.artifacts.onnx_metadata import read_metadata, read_spec
from sdfl.artifacts.seal import OF_ONNX
from sdfl.convert.engines import run_build
from sdfl.convert.engines.plan import make_plan
from sdfl.convert.export.dense_form import to_dense
from sdfl.convert.export.operator_function import DOMAIN, NAME, operator_function
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.runtime.backends.onnxruntime.library import load_onnxruntime
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.runtime.backends.openvino.extension import find_extension
from sdfl.runtime.backends.openvino.library import load_openvino
from sdfl.runtime.backends.openvino.operator import NATIVE, STANDARD, add_operator
from sdfl.runtime.zoo import resolve_model
from sdfl.types import Backend

Array = npt.NDArray[np.float32]
WARMUP = 20
NODES, EDGES, CHANNELS = 68, 4, 128


@dataclass(frozen=True)
class FormTimes:
    """Times of the forms of one thing.

    Attributes:
        title: what was timed, with the unit.
        times_ms: form -> p10, p50 and p90.
    """

    title: str
    times_ms: dict[str, list[float]]


def interleave(forms: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Run every form once a round, after WARMUP runs of each.

    Returns:
        Name of the form -> (rounds,) CPU milliseconds.
    """
    for run in forms.values():
        for _ in range(WARMUP):
            run()
    times_ms = {name: np.empty(rounds) for name in forms}
    for index in range(rounds):
        for name, run in forms.items():
            start_s = time.process_time()
            run()
            times_ms[name][index] = (time.process_time() - start_s) * 1000
    return times_ms


def dense_copy(model: Path, folder: Path) -> Path:
    """`model` with the dense form in place of the operator's nodes, its metadata kept true."""
    copy = to_dense(onnx.load(model))
    path = folder / "dense.onnx"
    onnx.save(copy, path)
    stored = {entry.key: entry.value for entry in copy.metadata_props}
    helper.set_model_props(copy, stored | {"sdfl.graph_sha256": f'"{read_metadata(path)[1]}"'})
    onnx.save(copy, path)
    OF_ONNX.add(path)
    return path


def networks(model: Path, folder: Path) -> dict[str, Backend]:
    """The whole network in every form that this machine can run."""
    dense = dense_copy(model, folder)
    found: dict[str, Backend] = {"ONNX Runtime, function f32": OnnxRuntimeBackend(model, threads=1)}
    found["ONNX Runtime, dense f32"] = OnnxRuntimeBackend(dense, threads=1)
    for precision in ("f32", "bf16"):
        open_model = partial(OpenVinoBackend, threads=1, precision=precision)
        found[f"OpenVINO, dense {precision}"] = open_model(dense, native=False)
        for form, native in _openvino_forms():
            found[f"OpenVINO, {form} {precision}"] = open_model(model, native=native)
    return found | _litert_networks({"gather": model, "dense": dense}, folder)


def _litert_networks(forms: Mapping[str, Path], folder: Path) -> dict[str, Backend]:
    """The network in LiteRT; nothing where LiteRT or its converter is not installed."""
    found: dict[str, Backend] = {}
    if find_spec("litert_torch") is None or find_spec("ai_edge_litert") is None:
        return found
    from sdfl.runtime.backends.litert import LiteRtBackend

    for form, source in forms.items():
        built = run_build(make_plan(source, "litert", out=folder / f"{form}.tflite"), lambda *_: None)
        found[f"LiteRT, {form}"] = LiteRtBackend(built.path, threads=1)
    return found


def _openvino_forms() -> list[tuple[str, bool]]:
    return [(STANDARD, False), *([(NATIVE, True)] if find_extension() else [])]


def one_layer(folder: Path, *, dense: bool = False) -> tuple[Path, dict[str, Array]]:
    """One operator as an ONNX file, and its inputs; in the dense form the matrix is an input, built once a picture."""
    rng = np.random.default_rng(0)
    shapes = {"z": (1, 2 * NODES, CHANNELS), "attention": (1, NODES, EDGES)}
    constants: dict[str, npt.NDArray[Any]] = {"bias": rng.standard_normal(CHANNELS, np.float32)}
    if dense:
        shapes["attention"] = (1, NODES, 2 * NODES)
        nodes = [
            helper.make_node("MatMul", ["attention", "z"], ["summed"]),
            helper.make_node("Add", ["summed", "bias"], ["biased"]),
            helper.make_node("Relu", ["biased"], ["y"]),
        ]
    else:
        constants["neighbours"] = rng.integers(0, 2 * NODES, size=(NODES, EDGES), dtype=np.int32)
        inputs = ["z", "attention", "neighbours", "bias"]
        nodes = [helper.make_node(NAME, inputs, ["y"], domain=DOMAIN, slope=0.0)]
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, NODES, CHANNELS))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1)]
    path = folder / f"one_{dense}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, functions=[operator_function(18)], ir_version=10), path)
    return path, {name: rng.random(shape, dtype=np.float32) for name, shape in shapes.items()}


def one_operator(native: bool, folder: Path, *, dense: bool = False) -> Callable[[], object]:
    """A compiled OpenVINO model of one operator, f32, and its input bound."""
    openvino = load_openvino()

    path, feed = one_layer(folder, dense=dense)
    core = openvino.Core()
    add_operator(core, native=native)
    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(core.read_model(path), "CPU", options).create_infer_request()
    return partial(request.infer, feed, share_inputs=True)


def one_operator_onnxruntime(folder: Path, *, dense: bool) -> Callable[[], object]:
    """A session of ONNX Runtime for one operator, and its input bound."""
    onnxruntime = load_onnxruntime()
    path, feed = one_layer(folder, dense=dense)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return partial(session.run, ["y"], feed)


def operators(folder: Path) -> dict[str, Callable[[], object]]:
    """One operator in every form that this machine can run."""
    return {
        "ONNX Runtime, function": one_operator_onnxruntime(folder, dense=False),
        "ONNX Runtime, dense": one_operator_onnxruntime(folder, dense=True),
        **{f"OpenVINO, {form}": one_operator(native, folder) for form, native in _openvino_forms()},
        "OpenVINO, dense": one_operator(False, folder, dense=True),
    }


def study(model: str | None = None, rounds: int = 200) -> list[FormTimes]:
    """Time the whole network and a single operator in every form that this machine can run.

    Args:
        model: name of a model or an .onnx file; None for the default model.
        rounds: runs of each form of the network; of the single operator, ten times as many.
    """
    path = resolve_model(model)
    size = read_spec(path).input_size
    crop = np.random.default_rng(0).integers(0, 256, size=(1, size, size, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = {form: partial(backend.infer, crop) for form, backend in networks(path, folder).items()}
        single = operators(folder)
        return [
            FormTimes(f"network {path.stem}, CPU ms", _percentiles(interleave(whole, rounds))),
            FormTimes("one operator, f32, CPU ms", _percentiles(interleave(single, 10 * rounds))),
        ]


def _percentiles(times_ms: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    return {name: [round(float(v), 4) for v in np.percentile(ms, [10, 50, 90])] for name, ms in times_ms.items()}


def as_text(results: Sequence[FormTimes]) -> str:
    """One table for each result."""
    lines = []
    for result in results:
        lines.append(f"{result.title:44} {'p10':>8} {'p50':>8} {'p90':>8}")
        lines += [f"{form:44} " + " ".join(f"{ms:8.4f}" for ms in row) for form, row in result.times_ms.items()]
    return "\n".join(lines)
