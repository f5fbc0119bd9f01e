"""The models of the package. This folder holds `<family>.onnx`, and `<family>_int8.onnx` beside it."""

from __future__ import annotations

from pathlib import Path

from sdfl.artifacts.names import ONNX, SUFFIX_OF_PRECISION, file_stem, split_stem
from sdfl.errors import ArtifactError, ConfigError

DEFAULT_MODEL = "small"
ZOO = Path(__file__).parent
STORED_AS = {"fp16": "fp32"}  # float files store fp16; the back end decides what they are computed in


def zoo_models() -> dict[str, Path]:
    """File name without its ending -> file, of every model in the package, sorted by name."""
    return {path.stem: path for path in sorted(ZOO.glob(f"*{ONNX}"))}


def families() -> dict[str, dict[str, Path]]:
    """Model name -> precision, of SUFFIX_OF_PRECISION -> file."""
    files = zoo_models()
    names = [family for family, precision in map(split_stem, files) if precision == "fp32"]
    return {
        name: {kind: files[file_stem(name, kind)] for kind in SUFFIX_OF_PRECISION if file_stem(name, kind) in files}
        for name in names
    }


def precisions(name: str) -> list[str]:
    """The values of `precision` for a model of the package, a key of `families()`."""
    stored = families()[name]
    return [*stored, *(alias for alias, target in STORED_AS.items() if target in stored)]


def resolve_model(name_or_path: str | Path | None = None, precision: str | None = None) -> Path:
    """The file of a model's name or path: the one to export, build, measure or inspect.

    Args:
        name_or_path: a model of the package ("small", "small_int8") or a file; None for the default model.
        precision: one of `precisions` for a model of the package; None for the file of that very name.

    Raises:
        ArtifactError: there is no such model; lists the choices.
        ConfigError: the model does not come in this precision, or a file was given together with one.
    """
    wanted = str(name_or_path or DEFAULT_MODEL)
    models = zoo_models()
    if precision is not None:
        return _with_precision(wanted, precision)
    if wanted in models:
        return models[wanted]
    path = Path(wanted).expanduser()
    if path.is_file():
        return path
    looks_like_path = path.suffix or len(path.parts) > 1
    problem = "no such file" if looks_like_path else "no such model"
    raise ArtifactError(f"{wanted}: {problem}; choose {', '.join([*models, 'the path of an .onnx file'])}")


def _with_precision(name: str, precision: str) -> Path:
    known = families()
    if name not in known:
        raise ConfigError(f"precision {precision}: goes with a model of the package ({', '.join(known)}), got {name}")
    stored = STORED_AS.get(precision, precision)
    if stored not in known[name]:
        raise ConfigError(f"precision must be one of {', '.join(precisions(name))} for {name}, got {precision!r}")
    return known[name][stored]
