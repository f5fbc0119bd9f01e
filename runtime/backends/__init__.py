"""Libraries that run a landmark network. Each has a module or folder, imported only when it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sdfl.errors import ConfigError
from sdfl.runtime.implementations import load_implementation

if TYPE_CHECKING:
    from sdfl.types import Backend

BACKENDS = {
    "openvino": "sdfl.runtime.backends.openvino.backend:OpenVinoBackend",
    "onnxruntime": "sdfl.runtime.backends.onnxruntime.backend:OnnxRuntimeBackend",
    "tensorrt": "sdfl.runtime.backends.tensorrt.backend:TensorRtBackend",
}
# Back end -> suffixes of the files that it reads. A file with any other suffix is taken for an ONNX file.
READS = {"openvino": (".onnx", ".xml"), "onnxruntime": (".onnx",), "tensorrt": (".engine",)}


def backends_for(path: Path) -> tuple[str, ...]:
    """The names of the back ends that read a file, the default first.

    Args:
        path: of a model file, which need not exist.
    """
    suffix = path.suffix if any(path.suffix in suffixes for suffixes in READS.values()) else ".onnx"
    return tuple(name for name, suffixes in READS.items() if suffix in suffixes)


def open_backend(path: Path, *, name: str | None = None, threads: int | None = None) -> Backend:
    """Load a model.

    Args:
        path: of the model file.
        name: a key of `BACKENDS`, None for the first of `backends_for(path)`.
        threads: largest number of CPU threads, None for the library's own choice.

    Raises:
        ConfigError: there is no such back end, or it does not read such a file.
        ArtifactError: the file is missing, damaged or built for another machine.
        MissingDependency: the library is not installed.
    """
    able = backends_for(path)
    make = load_implementation("backend", name or able[0], BACKENDS)
    if name is not None and name not in able:
        hint = "; build an engine first: sdfl build --target tensorrt" if name == "tensorrt" else ""
        raise ConfigError(f"backend {name} does not read {path.name}, {' and '.join(able)} do{hint}")
    backend: Backend = make(path, threads=threads)
    return backend
