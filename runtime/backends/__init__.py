"""Libraries that run a landmark network. One module each, imported only when it is opened."""

from __future__ import annotations

from pathlib import Path

from sdfl.core import Backend
from sdfl.runtime.loading import load_choice

BACKENDS = {
    "openvino": "sdfl.runtime.backends.ov:OpenVinoBackend",
    "onnxruntime": "sdfl.runtime.backends.ort:OnnxRuntimeBackend",
}
DEFAULT_BACKEND = "openvino"


def open_backend(path: Path, *, name: str | None = None, threads: int | None = None) -> Backend:
    """Load the model file `path` with the library called `name`.

    name: a key of BACKENDS, None for the default. threads: at most so many CPU threads, None leaves it to the library.
    Raises ConfigError for an unknown name, ArtifactError for a bad file, MissingDependency for a missing library.
    """
    backend: Backend = load_choice("backend", name or DEFAULT_BACKEND, BACKENDS)(path, threads=threads)
    return backend
