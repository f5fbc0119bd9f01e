"""`sdfl doctor`: what is installed, and whether every form of the graph convolution gives the same landmarks."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from sdfl.errors import SdflError
from sdfl.runtime.backends.openvino.extension import find_extension
from sdfl.runtime.zoo import resolve_model
from sdfl.types import Backend, Image

PACKAGES = ("numpy", "opencv-python", "opencv-python-headless", "onnxruntime", "openvino", "torch", "onnx", "tensorrt")
SELF_TEST_LIMIT_PX = 0.01  # of the model's crop, all in f32


@dataclass(frozen=True)
class Implementation:
    """One form of `sdfl::SparseGraphConv`. version: of the runtime, "" where it is missing.

    found_at: the library or module. self_test: "passed", "failed" or why it was not run.
    """

    runtime: str
    form: str
    version: str
    found_at: str
    self_test: str


def versions() -> dict[str, str]:
    """Package -> version of what is installed, and Python and the machine."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def implementations(model: str | None = None) -> list[Implementation]:
    """Every form of the operator that this installation could run, compared on the model with ONNX Runtime."""
    path = resolve_model(model)
    crop, installed = _crop(path), versions()
    reference: Backend | None = None
    rows = []
    for runtime, form, package, found_at, open_form in _forms(path):
        version = installed.get(package, "")
        if not version:
            rows.append(Implementation(runtime, form, "", "", f"not run: {package} is not installed"))
            continue
        if not found_at:
            rows.append(Implementation(runtime, form, version, "", "not run: not built, see docs/operator.md"))
            continue
        try:
            backend = open_form()
            reference = reference or backend
            result = _compare(reference, backend, crop)
        except Exception as error:  # a broken library ends in anything, and the others are still to be looked at
            result = f"failed: {error}"
        rows.append(Implementation(runtime, form, version, found_at, result))
    rows.append(_tensorrt())
    return rows


def _forms(path: Path) -> list[tuple[str, str, str, str, Callable[[], Backend]]]:
    def onnx_runtime() -> Backend:
        from sdfl.runtime.backends.onnxruntime import OnnxRuntimeBackend

        return OnnxRuntimeBackend(path)

    def openvino(*, native: bool) -> Backend:
        from sdfl.runtime.backends.openvino.backend import OpenVinoBackend

        return OpenVinoBackend(path, precision="f32", native=native)

    return [
        ("ONNX Runtime", "model-local function", "onnxruntime", str(path), onnx_runtime),
        ("OpenVINO", "standard operators", "openvino", str(path), lambda: openvino(native=False)),
        ("OpenVINO", "compiled extension", "openvino", str(find_extension() or ""), lambda: openvino(native=True)),
    ]


def _tensorrt() -> Implementation:
    from sdfl.runtime.backends.tensorrt.library import load_library

    try:
        module = load_library("tensorrt")
    except SdflError as error:
        return Implementation("TensorRT", "standard or plugin", "", "", f"not run: {error}")
    hint = "not run here: sdfl verify ENGINE --against model.onnx"
    return Implementation("TensorRT", "standard or plugin", module.__version__, str(module.__file__), hint)


def engine_report(path: Path) -> str:
    """Whether the engine `path` is for this machine, one sentence. Nothing is deserialised."""
    from sdfl.artifacts.passport import check_passport, read_passport
    from sdfl.runtime.backends.cuda.open import read_gpu
    from sdfl.runtime.backends.tensorrt.library import find_plugin, load_library

    try:
        passport = read_passport(path)
        plugin = find_plugin() if passport.plugin_sha256 else None
        version = load_library(passport.target).__version__
        check_passport(path, passport, library_version=version, gpu=read_gpu(), plugin=plugin)
    except SdflError as error:
        return str(error)
    verified = passport.verified or {}
    last = f"verified, {verified['mean_px']:.3f} px on average" if verified.get("passed") else "not verified yet"
    return f"{path}: was built for this machine; {last}"


def _crop(path: Path) -> Image:
    from sdfl.artifacts.model_file import read_spec

    size = read_spec(path).input_size
    return np.random.default_rng(0).integers(0, 256, size=(1, size, size, 3), dtype=np.uint8)


def _compare(reference: Backend, backend: Backend, crop: Image) -> str:
    difference_px = float(np.abs(reference.infer(crop).points - backend.infer(crop).points).max())
    verdict = "passed" if difference_px <= SELF_TEST_LIMIT_PX else "failed"
    return f"{verdict}: {difference_px:.1e} px from ONNX Runtime"
