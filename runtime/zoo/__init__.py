"""The models that come with the package: `<name>.onnx`, and `<name>_int8.onnx` beside it, in this folder."""

from __future__ import annotations

from pathlib import Path

from sdfl.errors import ArtifactError, ConfigError

DEFAULT_MODEL = "small"
ZOO = Path(__file__).parent
SUFFIX_OF = {"fp32": "", "int8": "_int8"}  # precision -> what follows the model's name
STORED_AS = {"fp16": "fp32"}  # the float files hold halves; what they are computed in is the back end's `precision`


def zoo_models() -> dict[str, Path]:
    """Name -> file of everything that is installed, sorted by name; int8 files as "<name>_int8"."""
    return {path.stem: path for path in sorted(ZOO.glob("*.onnx"))}


def families() -> dict[str, dict[str, Path]]:
    """Model name -> precision of SUFFIX_OF -> file."""
    files = zoo_models()
    names = [name for name in files if not name.endswith(SUFFIX_OF["int8"])]
    return {
        name: {kind: files[name + suffix] for kind, suffix in SUFFIX_OF.items() if name + suffix in files}
        for name in names
    }


def precisions(name: str) -> list[str]:
    """What `precision` a model of the package may be asked for in."""
    stored = families()[name]
    return [*stored, *(alias for alias, target in STORED_AS.items() if target in stored)]


def resolve_model(name_or_path: str | None = None, precision: str | None = None) -> Path:
    """The file of a zoo name, a path, or (None) the default model.

    precision: one of `precisions` of a zoo name, None for the file of that very name. Raises ArtifactError that lists
    the choices, ConfigError for a precision of a path or one that the model does not have.
    """
    wanted = name_or_path or DEFAULT_MODEL
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


def default_file(backend: str | None) -> Path:
    """What is run where no model is named. backend: a name, None for the default. Int8 loses nothing and OpenVINO is
    quickest with it; ONNX Runtime is quicker with the float file (docs/zoo.md)."""
    return resolve_model(DEFAULT_MODEL, "int8" if backend in (None, "openvino") else "fp32")


def _with_precision(name: str, precision: str) -> Path:
    known = families()
    if name not in known:
        raise ConfigError(f"precision {precision}: goes with a model of the package ({', '.join(known)}), got {name}")
    stored = STORED_AS.get(precision, precision)
    if stored not in known[name]:
        raise ConfigError(f"precision must be one of {', '.join(precisions(name))} for {name}, got {precision!r}")
    return known[name][stored]
