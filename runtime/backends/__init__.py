"""Libraries that run a landmark network. One module each, imported only when it is opened."""

from __future__ import annotations

from pathlib import Path

from sdfl.errors import ConfigError
from sdfl.runtime.implementations import load_implementation
from sdfl.types import Backend

BACKENDS = {
    "openvino": "sdfl.runtime.backends.openvino.backend:OpenVinoBackend",
    "onnxruntime": "sdfl.runtime.backends.onnxruntime:OnnxRuntimeBackend",
    "tensorrt": "sdfl.runtime.backends.tensorrt.backend:TensorRtBackend",
}
# The file a back end reads says by its suffix what it is; any other name is taken for an ONNX file.
READS = {"openvino": (".onnx", ".xml"), "onnxruntime": (".onnx",), "tensorrt": (".engine",)}


def backends_for(path: Path) -> tuple[str, ...]:
    """Names of the back ends that read the file, the default first."""
    suffix = path.suffix if any(path.suffix in suffixes for suffixes in READS.values()) else ".onnx"
    return tuple(name for name, suffixes in READS.items() if suffix in suffixes)


def open_backend(path: Path, *, name: str | None = None, threads: int | None = None) -> Backend:
    """Load the model file `path` with the library called `name`.

    name: a key of BACKENDS, None for the one that the file is for. threads: at most so many CPU threads, None leaves it
    to the library. Raises ConfigError for an unknown name or one that does not read such a file, ArtifactError for a
    bad file, MissingDependency for a missing library.
    """
    able = backends_for(path)
    make = load_implementation("backend", name or able[0], BACKENDS)
    if name is not None and name not in able:
        hint = "; build an engine first: sdfl build --target tensorrt" if name == "tensorrt" else ""
        raise ConfigError(f"backend {name} does not read {path.name}, {' and '.join(able)} do{hint}")
    backend: Backend = make(path, threads=threads)
    return backend
