"""Libraries that run a landmark network. Each has a module or folder, imported only when it is opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sdfl.errors import ConfigError
from sdfl.runtime.backends.fallback import Attempt, first_that_works
from sdfl.runtime.implementations import load_implementation

if TYPE_CHECKING:
    from sdfl.types import Backend

BACKENDS = {
    "openvino": "sdfl.runtime.backends.openvino.backend:OpenVinoBackend",
    "onnxruntime": "sdfl.runtime.backends.onnxruntime.backend:OnnxRuntimeBackend",
    "tensorrt": "sdfl.runtime.backends.tensorrt.backend:TensorRtBackend",
    "litert": "sdfl.runtime.backends.litert:LiteRtBackend",
}
# Back end -> suffixes of the files that it reads. A file with any other suffix is taken for an ONNX file.
READS = {"openvino": (".onnx", ".xml"), "onnxruntime": (".onnx",), "tensorrt": (".engine",), "litert": (".tflite",)}
BUILT_FOR = ("tensorrt", "litert")  # back ends that read nothing but what `sdfl build` makes for them
TAKES_PROVIDERS = "onnxruntime"


def backends_for(path: Path) -> tuple[str, ...]:
    """The names of the back ends that read a file, the default first.

    Args:
        path: of a model file, which need not exist.
    """
    suffix = path.suffix if any(path.suffix in suffixes for suffixes in READS.values()) else ".onnx"
    return tuple(name for name, suffixes in READS.items() if suffix in suffixes)


def open_backend(
    path: Path,
    *,
    name: str | None = None,
    threads: int | None = None,
    providers: Iterable[str] | str | None = None,
) -> Backend:
    """Load a model.

    Args:
        path: of the model file.
        name: a key of `BACKENDS`, None for the first of `backends_for(path)` that is installed and works here.
        threads: largest number of CPU threads, None for the library's own choice.
        providers: what ONNX Runtime computes on, see `OnnxRuntimeBackend`; None for the CPU.

    Raises:
        ConfigError: there is no such back end, or it does not read such a file, or has no such provider.
        ArtifactError: the file is missing, damaged or built for another machine; UnusableHereError where the library
            computes something wrong from it on this processor.
        MissingDependency: the library is not installed.
    """
    able = backends_for(path)
    if name is None:
        choices = [each for each in able if providers is None or each == TAKES_PROVIDERS] or list(able[:1])

        def attempt(each: str) -> Attempt[Backend]:
            return Attempt(each, lambda: open_backend(path, name=each, threads=threads, providers=providers))

        return first_that_works([attempt(each) for each in choices])[0]
    make = load_implementation("backend", name, BACKENDS)
    if name not in able:
        hint = f"; build such a file first: sdfl build --target {name}" if name in BUILT_FOR else ""
        raise ConfigError(f"backend {name} does not read {path.name}, {' and '.join(able)} do{hint}")
    options: dict[str, object] = {"threads": threads}
    if providers is not None:
        if name != TAKES_PROVIDERS:
            raise ConfigError(f"providers are of the back end {TAKES_PROVIDERS}, got them for {name}")
        options["providers"] = providers
    backend: Backend = make(path, **options)
    return backend
