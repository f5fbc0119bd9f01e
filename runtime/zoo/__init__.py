"""The models that come with the package: `<name>.onnx` files in this folder."""

from __future__ import annotations

from pathlib import Path

from sdfl.errors import ArtifactError

DEFAULT_MODEL = "sdfl68"
ZOO = Path(__file__).parent


def zoo_models() -> dict[str, Path]:
    """Name -> file of every model that is installed, sorted by name."""
    return {path.stem: path for path in sorted(ZOO.glob("*.onnx"))}


def resolve_model(name_or_path: str | None = None) -> Path:
    """The file of a zoo name, a path, or (None) the default model. Raises ArtifactError that lists the choices."""
    wanted = name_or_path or DEFAULT_MODEL
    models = zoo_models()
    if wanted in models:
        return models[wanted]
    path = Path(wanted).expanduser()
    if path.is_file():
        return path
    looks_like_path = path.suffix or len(path.parts) > 1
    problem = "no such file" if looks_like_path else "no such model"
    raise ArtifactError(f"{wanted}: {problem}; choose {', '.join([*models, 'the path of an .onnx file'])}")
