"""What a network finds in the drawn faces, to be stored in its file."""

from __future__ import annotations

import onnx

from sdfl.artifacts.detector_spec import DetectorSpec
from sdfl.artifacts.drawn_face import DRAWINGS, drawn_crop
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.names import INPUT
from sdfl.artifacts.self_test import Expected
from sdfl.runtime.backends.onnxruntime.library import load_onnxruntime
from sdfl.runtime.backends.openvino.network import Run
from sdfl.runtime.detector.network import USUAL_SHAPE, best_of_drawing
from sdfl.types import FloatArray, Image


def measure_self_test(model: onnx.ModelProto, spec: ModelSpec | DetectorSpec) -> tuple[Expected, ...]:
    """Run a network on every drawing, in ONNX Runtime without optimisations: as the operators' definitions say.

    Args:
        model: of a landmark network or a face detector.
        spec: what it says about itself.
    """
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(pictures: Image) -> dict[str, FloatArray]:
        return dict(zip(names, session.run(names, {INPUT: pictures}), strict=True))

    return tuple(_expected(spec, run, number) for number in range(DRAWINGS))


def _expected(spec: ModelSpec | DetectorSpec, run: Run, number: int) -> Expected:
    if isinstance(spec, DetectorSpec):
        points, score = best_of_drawing(run, USUAL_SHAPE, number)
    else:
        results = run(drawn_crop(spec.input_size, number)[None])
        points, score = results["points"][0], float(results["presence"][0])
    pairs = tuple((round(float(x), 2), round(float(y), 2)) for x, y in points)
    return Expected(pairs, round(score, 4))
