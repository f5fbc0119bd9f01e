"""What runs on the Arm processor: `python on_arm.py points MODEL BACKEND CROPS OUT` and the like.

It imports nothing but the installed package and what that needs. A failure of the package is one line on standard error
and exit code REFUSED; a library that crashes takes this process with it, which is why there is one for each row.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

REFUSED = 3
ENTRY = "sparse_graph_conv_cpu"  # of libsdfl_reference.so


def points(model: str, backend: str, crops: str, out: str) -> None:
    """Points (B, N, 2) in px of the crop, and seconds for each crop but the first."""
    from sdfl.runtime.backends import open_backend
    from sdfl.runtime.zoo import resolve_model

    opened = open_backend(resolve_model(model), name=backend)
    found, seconds = [], []
    for crop in np.load(crops):
        start = time.perf_counter()
        found.append(opened.infer(crop[None]).points[0])
        seconds.append(time.perf_counter() - start)
    np.savez(out, points=np.stack(found), seconds=seconds[1:])


def boxes(frames: str, out: str) -> None:
    """The detector's best box (xyxy px) and its score in each frame, and seconds for each frame but the first."""
    from sdfl.runtime.detector import open_detector

    detector = open_detector()
    found, seconds = [], []
    for frame in np.load(frames):
        start = time.perf_counter()
        best = detector.detect(frame)[0]
        found.append([*best.xyxy, best.score])
        seconds.append(time.perf_counter() - start)
    np.savez(out, boxes=np.array(found, np.float32), seconds=seconds[1:])


def operator(form: str, vectors: str, library: str, out: str) -> None:
    """y of every vector in one form of the graph convolution, a key of FORMS.

    `vectors` is a folder: 0.npz holds the inputs of the first vector, 0.onnx its model of one node, and so on.
    `library` is libsdfl_reference.so or libsdfl_openvino.so, for the forms that need one.
    """
    run = FORMS[form](library)
    count = len(list(Path(vectors).glob("*.npz")))
    results = {}
    for index in range(count):
        with np.load(Path(vectors) / f"{index}.npz") as vector:
            results[str(index)] = run(dict(vector), Path(vectors) / f"{index}.onnx")
    np.savez(out, **results)


Run = Callable[[dict[str, Any], Path], Any]


class _Sizes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in ("batch", "sources", "nodes", "neighbours", "channels")]


def _cpu_reference(library: str) -> Run:
    loaded = ctypes.CDLL(library)

    def run(vector: dict[str, Any], _: Path) -> Any:
        z, attention, neighbours, bias = (vector[name] for name in ("z", "attention", "neighbours", "bias"))
        y = np.full((*attention.shape[:2], z.shape[2]), np.nan, z.dtype)
        entry = loaded[ENTRY + ("_f16" if z.dtype == np.float16 else "_f32")]
        entry.argtypes = [*[ctypes.c_void_p] * 5, _Sizes, ctypes.c_float]
        sizes = _Sizes(*z.shape[:2], *neighbours.shape, z.shape[2])
        entry(*(array.ctypes.data for array in (z, attention, neighbours, bias, y)), sizes, float(vector["slope"]))
        return y

    return run


def _onnxruntime(_: str) -> Run:
    from sdfl.runtime.backends.onnxruntime.library import load_onnxruntime

    session = load_onnxruntime().InferenceSession

    def run(vector: dict[str, Any], model: Path) -> Any:
        opened = session(str(model), providers=["CPUExecutionProvider"])
        return opened.run(["y"], {"z": vector["z"], "attention": vector["attention"]})[0]

    return run


def _openvino_extension(library: str) -> Run:
    return _openvino(library)


def _openvino_standard(_: str) -> Run:
    from sdfl.runtime.backends.openvino.operator import standard_operators

    return _openvino(standard_operators())


def _openvino(extension: Any) -> Run:
    import openvino

    core = openvino.Core()
    core.add_extension(extension)

    def run(vector: dict[str, Any], model: Path) -> Any:
        compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return np.array(compiled({"z": vector["z"], "attention": vector["attention"]})["y"])

    return run


# Named as the rows of tests/helpers/operator_implementations.py are.
FORMS: dict[str, Callable[[str], Run]] = {
    "CPU reference": _cpu_reference,
    "OpenVINO, extension": _openvino_extension,
    "OpenVINO, standard operators": _openvino_standard,
    "ONNX Runtime, function": _onnxruntime,
}

PROGRAMS: dict[str, Callable[..., None]] = {"points": points, "boxes": boxes, "operator": operator}

if __name__ == "__main__":
    from sdfl.errors import SdflError

    try:
        PROGRAMS[sys.argv[1]](*sys.argv[2:])
    except SdflError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
