"""Opening a model in the file, precision and library that suit this processor, the first that works."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sdfl.runtime.backends import backends_for, open_backend
from sdfl.runtime.backends.fallback import Attempt, first_that_works
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.processor import on_arm
from sdfl.runtime.zoo import DEFAULT_MODEL, families, resolve_model
from sdfl.types import Backend

# Precision and library of a model of the package, the best first; by what was measured (docs/results/arm.md and
# docs/results/models.md). On x86-64 int8 in OpenVINO is the fastest and costs no accuracy; in ONNX Runtime int8 is
# slower than float there. On Arm int8 needs the least work in both, as far as an emulator can tell.
PREFERENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "x86-64": (("int8", "openvino"), ("fp32", "openvino"), ("fp32", "onnxruntime"), ("int8", "onnxruntime")),
    "Arm": (("int8", "openvino"), ("int8", "onnxruntime"), ("fp32", "openvino"), ("fp32", "onnxruntime")),
}


def processor_family() -> str:
    """A key of PREFERENCES for this computer."""
    return "Arm" if on_arm() else "x86-64"


def ways_to_run(
    name_or_path: str | Path | None = None,
    precision: str | None = None,
    backend: str | None = None,
    *,
    family: str | None = None,
) -> list[tuple[Path, str]]:
    """The files and back ends that can run a model, the best for this processor first.

    Args:
        name_or_path: as for `resolve_model`.
        precision: as for `resolve_model`; None leaves the choice open.
        backend: name of the back end, None leaves the choice open.
        family: of processors, a key of PREFERENCES; None for this computer's.

    Raises:
        ArtifactError, ConfigError: as `resolve_model`.
    """
    name = str(name_or_path or DEFAULT_MODEL)
    if precision is not None or name not in families():
        path = resolve_model(name_or_path, precision)
        return [(path, each) for each in ([backend] if backend else backends_for(path))]
    stored = families()[name]
    preferred = PREFERENCES[family or processor_family()]
    ways = [(stored[kind], each) for kind, each in preferred if kind in stored and backend in (None, each)]
    return ways or [(resolve_model(name), str(backend))]


def model_to_run(
    name_or_path: str | Path | None = None, precision: str | None = None, backend: str | None = None
) -> Path:
    """The file that is tried first, for those who did not say in which precision.

    Args:
        name_or_path: as for `resolve_model`.
        precision: as for `resolve_model`; None chooses.
        backend: name of the back end that will run it, None for the default one.

    Raises:
        ArtifactError, ConfigError: as `resolve_model`.
    """
    return ways_to_run(name_or_path, precision, backend)[0][0]


def open_model(
    name_or_path: str | Path | None = None,
    *,
    precision: str | None = None,
    backend: str | None = None,
    threads: int | None = None,
    providers: Iterable[str] | str | None = None,
    say: Say = to_stderr,
) -> tuple[Backend, Path]:
    """Open a model in the first way that works on this computer.

    Args:
        name_or_path: as for `resolve_model`.
        precision: as for `resolve_model`; None chooses.
        backend: name of the back end, None chooses.
        threads: largest number of CPU threads, None for the library's own choice.
        providers: what ONNX Runtime computes on, None for the CPU.
        say: told why a better way does not work here.

    Returns:
        The back end, and the file that it runs.

    Raises:
        ConfigError: an argument is wrong.
        ArtifactError: the file is missing or damaged; UnusableHereError where no way gives right results here.
        MissingDependency: the library is not installed.
    """
    if providers is not None and backend is None:
        backend = "onnxruntime"
    ways = ways_to_run(name_or_path, precision, backend)

    def attempt(path: Path, library: str) -> Attempt[tuple[Backend, Path]]:
        def opened() -> tuple[Backend, Path]:
            return open_backend(path, name=library, threads=threads, providers=providers), path

        return Attempt(f"{path.stem} in {library}", opened)

    return first_that_works([attempt(*way) for way in ways], say)[0]
