"""The self-test of every model in every library and form that is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sdfl.artifacts.drawn_face import DRAWINGS
from sdfl.artifacts.model_file import read_spec
from sdfl.artifacts.self_test import EXACT, INTEGER, TOLERANCE_PX, Deviation
from sdfl.errors import ConfigError, MissingDependency, first_line
from sdfl.runtime.backends import READS
from sdfl.runtime.backends.litert import LiteRtBackend
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.runtime.backends.openvino.network import forms_of
from sdfl.runtime.backends.openvino.operator import NATIVE
from sdfl.runtime.backends.self_test import deviations

DETECTOR = "face detector"
DETECTOR_LIBRARIES = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
_EVERY = tuple(range(DRAWINGS))


@dataclass(frozen=True)
class SelfTest:
    """One model in one form.

    Attributes:
        model: the file's name without its ending.
        runs_in: library and form, in words.
        deviation_px: the largest over the drawn faces, px of a 256 px crop; None where it was not run.
        allowed_px: the tolerance; None where it was not run.
        result: begins with "passed", "failed" or "not run", and says why.
    """

    model: str
    runs_in: str
    deviation_px: float | None
    allowed_px: float | None
    result: str


def run_self_tests(paths: list[Path], *, detector: bool = True) -> Iterator[SelfTest]:
    """Test models, each in every library and form, compiled anew; the detector's network may come from the cache.

    Args:
        paths: of .onnx files, OpenVINO IRs or .tflite files.
        detector: whether the built-in face detector is tested too.

    Yields:
        A row as soon as it is known.

    Raises:
        ArtifactError: a file is missing or damaged.
    """
    for path in paths:
        for runs_in, open_backend in _ways(path, int8=read_spec(path).precision == "int8"):
            yield _row(path.stem, runs_in, partial(_landmarks, open_backend))
    if detector:
        for library, title in DETECTOR_LIBRARIES.items():
            yield _row(DETECTOR, title, partial(_detector, library))


def _ways(path: Path, *, int8: bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What runs a file, in words, and what opens it."""
    if path.suffix in READS["litert"]:
        yield "LiteRT, cpu", partial(LiteRtBackend, path)
        return
    try:
        forms = forms_of(int8=int8)
    except ConfigError:  # an extension is named that is not there, which another part of the report says
        forms = forms_of(int8=int8, native=False)
    for form in forms:
        options: dict[str, Any] = {"native": form.operator == NATIVE, "unsigned": form.unsigned, "keep": False}
        yield f"OpenVINO, {form}", partial(OpenVinoBackend, path, **options)
    if path.suffix in READS["onnxruntime"]:
        yield "ONNX Runtime, cpu", partial(OnnxRuntimeBackend, path)


def _landmarks(open_backend: Callable[[], Any]) -> tuple[str, list[Deviation]]:
    backend = open_backend()
    found = list(deviations(backend.spec, backend.infer, drawings=_EVERY))
    backend.close()
    return backend.arithmetic, found


def _detector(library: str) -> tuple[str, list[Deviation]]:
    from sdfl.runtime.detector.network import USUAL_SHAPE, NetworkDetector, detector_deviations  # imports OpenCV

    detector = NetworkDetector(library=library)
    network = detector.open_network(USUAL_SHAPE)
    found = list(detector_deviations(detector.spec, network.run, USUAL_SHAPE, _EVERY))
    return INTEGER if detector.spec.precision == "int8" else EXACT, found


def _row(model: str, runs_in: str, measure: Callable[[], tuple[str, list[Deviation]]]) -> SelfTest:
    try:
        arithmetic, found = measure()
    except MissingDependency as error:
        return SelfTest(model, runs_in, None, None, f"not run: {error}")
    except Exception as error:  # a broken library may raise anything, and the others are still to be tried
        return SelfTest(model, runs_in, None, None, f"failed: {first_line(error)}")
    if not found:
        return SelfTest(model, runs_in, None, None, "not run: the file states no points; export the model again")
    worst, allowed = max(each.points_px for each in found), TOLERANCE_PX[arithmetic]
    verdict = "passed" if all(each.within(arithmetic) for each in found) else "failed"
    return SelfTest(model, runs_in, worst, allowed, f"{verdict}: {worst:.2g} px off, {allowed:g} allowed")
