"""Whether every implementation of the graph convolution that is installed gives the same landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdfl.artifacts.model_file import read_spec
from sdfl.errors import SdflError, first_line
from sdfl.runtime.backends.openvino.extension import find_extension, why_unusable
from sdfl.runtime.doctor.probes import installed_versions
from sdfl.runtime.zoo import resolve_model
from sdfl.types import Backend, Image

SELF_TEST_LIMIT_PX = 0.01  # of the model's crop, all in f32
NOT_BUILT = "not built, see docs/reference/operator.md"


@dataclass(frozen=True)
class Implementation:
    """One implementation of `sdfl::SparseGraphConv`.

    Attributes:
        runtime: the library that runs it.
        form: how the operator is implemented there.
        version: of the library, "" where it is missing.
        found_at: the file or module that holds the implementation, "" where there is none.
        self_test: begins with "passed", "failed" or "not run", and says more.
    """

    runtime: str
    form: str
    version: str
    found_at: str
    self_test: str


@dataclass(frozen=True)
class _Form:
    """An implementation that can be opened. find: says where it is, "" where it was not built."""

    runtime: str
    form: str
    package: str
    find: Callable[[], str]
    open: Callable[[], Backend]


def check_operator(model: str | None = None) -> list[Implementation]:
    """Run every implementation on one crop, and compare its landmarks with those of the first that runs.

    Args:
        model: a model of the package or a file, None for the default model.

    Raises:
        ArtifactError: there is no such model, or its file is damaged.
    """
    path = resolve_model(model)
    crop, installed = _crop(path), installed_versions()
    reference: tuple[str, Backend] | None = None
    rows = []
    for form in _forms(path):
        version, found_at = installed.get(form.package, ""), ""
        if not version:
            result = f"not run: {form.package} is not installed"
        else:
            try:
                found_at, result = form.find(), f"not run: {why_unusable() or NOT_BUILT}"
                if found_at:
                    backend = form.open()
                    reference = reference or (form.runtime, backend)
                    result = _compare(*reference, backend, crop)
            except Exception as error:  # a broken library may raise anything, and the others are still to be tried
                result = f"failed: {first_line(error)}"
        rows.append(Implementation(form.runtime, form.form, version, found_at, result))
    return [*rows, _litert(installed.get("ai-edge-litert", "")), _tensorrt()]


def _forms(path: Path) -> list[_Form]:
    def onnx_runtime() -> Backend:
        from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend

        return OnnxRuntimeBackend(path)

    def openvino(*, native: bool) -> Backend:
        from sdfl.runtime.backends.openvino.backend import OpenVinoBackend

        return OpenVinoBackend(path, precision="f32", native=native)

    def file() -> str:
        return str(path)

    def extension() -> str:
        return str(find_extension() or "")

    return [
        _Form("ONNX Runtime", "model-local function", "onnxruntime", file, onnx_runtime),
        _Form("OpenVINO", "standard operators", "openvino", file, lambda: openvino(native=False)),
        _Form("OpenVINO", "compiled extension", "openvino", extension, lambda: openvino(native=True)),
    ]


def _litert(version: str) -> Implementation:
    """It runs files that were built for it, whose self-test covers the operator."""
    why = " here: sdfl doctor --model MODEL.tflite" if version else ": ai-edge-litert is not installed"
    return Implementation("LiteRT", "standard operators", version, "", f"not run{why}")


def _tensorrt() -> Implementation:
    from sdfl.runtime.backends.tensorrt.library import load_library

    try:
        module = load_library("tensorrt")
    except SdflError as error:
        return Implementation("TensorRT", "standard or plugin", "", "", f"not run: {error}")
    hint = "not run here: sdfl verify ENGINE --against model.onnx"
    return Implementation("TensorRT", "standard or plugin", module.__version__, str(module.__file__), hint)


def _crop(path: Path) -> Image:
    size = read_spec(path).input_size
    return np.random.default_rng(0).integers(0, 256, size=(1, size, size, 3), dtype=np.uint8)


def _compare(runtime: str, reference: Backend, backend: Backend, crop: Image) -> str:
    difference_px = float(np.abs(reference.infer(crop).points - backend.infer(crop).points).max())
    verdict = "passed" if difference_px <= SELF_TEST_LIMIT_PX else "failed"
    return f"{verdict}: {difference_px:.1e} px from {runtime}"
