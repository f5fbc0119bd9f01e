"""The passport of a built artifact: where, when and from what it was made. JSON beside an engine, rt_info in an IR."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.names import PRECISIONS
from sdfl.errors import ArtifactError
from sdfl.files import atomic_path

TARGETS = ("tensorrt", "tensorrt-rtx", "openvino")


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU. compute_capability: "8.7". driver: the newest CUDA it runs. integrated: has the host's memory."""

    name: str
    compute_capability: str
    driver: str
    free_mb: int
    integrated: bool = False


@dataclass(frozen=True)
class Passport:
    """metadata: the ModelSpec as the model's own file has it. source: name of the ONNX file.

    source_sha256: of its graph. copy_sha256: of the ONNX derived for the target, "" where it read the source.
    compute_capabilities: of the GPUs that it runs on. gpu and driver: of the machine that built it, "" where it was
    built ahead of time. plugin_sha256: of the operator's library, "" for the function. verified: what `sdfl verify`
    measured, None before.
    """

    target: str
    precision: str
    metadata: dict[str, str]
    source: str
    source_sha256: str
    copy_sha256: str
    artifact_sha256: str
    library_version: str
    max_faces: int = 1
    compute_capabilities: tuple[str, ...] = ()
    gpu: str = ""
    driver: str = ""
    plugin_sha256: str = ""
    built_utc: str = ""
    build_s: float = 0.0
    peak_memory_mb: float = 0.0
    verified: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for key, value, allowed in (("target", self.target, TARGETS), ("precision", self.precision, PRECISIONS)):
            if value not in allowed:
                raise ArtifactError(f"{key} must be one of {', '.join(allowed)}, got {value!r}")
        if self.max_faces < 1:
            raise ArtifactError(f"max_faces must be at least 1, got {self.max_faces}")

    @property
    def rebuild(self) -> str:
        """The command that builds it again, here."""
        words = [f"sdfl build {self.source} --target {self.target} --precision {self.precision}"]
        words += [f"--max-faces {self.max_faces}"] if self.max_faces > 1 else []
        words += ["--plugin LIBRARY"] if self.plugin_sha256 else []
        return " ".join(words)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str, origin: str) -> Passport:
        """Raises ArtifactError naming `origin` for anything that `to_json` did not write."""
        try:
            table = json.loads(text)
            known = {field.name for field in fields(cls)}
            values = {key: value for key, value in table.items() if key in known}
            values["compute_capabilities"] = tuple(values.get("compute_capabilities", ()))
            return cls(**values)
        except (ArtifactError, ValueError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"{origin}: is no passport ({error}); build the engine again with `sdfl build`"
            ) from error

    def spec(self, origin: str) -> ModelSpec:
        """What the model says about itself, in this precision."""
        return replace(ModelSpec.from_metadata(self.metadata, origin), precision=self.precision)


def passport_path(engine: Path) -> Path:
    """The JSON file beside an engine."""
    return engine.with_name(f"{engine.name}.json")


def write_passport(engine: Path, passport: Passport) -> None:
    """Write it beside `engine`, whole or not at all."""
    with atomic_path(passport_path(engine)) as temporary:
        temporary.write_text(passport.to_json() + "\n", encoding="utf-8")


def read_passport(engine: Path) -> Passport:
    """Raises ArtifactError where it is missing or damaged."""
    path = passport_path(engine)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{engine}: its passport {path.name} is missing; keep the two together, or build the engine again with "
            "`sdfl build`"
        ) from error
    return Passport.from_json(text, str(path))


def sha256_of(path: Path) -> str:
    """Of a file's content. Raises ArtifactError where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error


def check_passport(
    engine: Path, passport: Passport, *, library_version: str, gpu: Gpu | None, plugin: Path | None
) -> None:
    """Raise ArtifactError, before anything is deserialised, where `engine` was not made for this machine."""
    if sha256_of(engine) != passport.artifact_sha256:
        raise ArtifactError(
            f"{engine}: is not the file that its passport describes (cut off, or replaced); copy both again, "
            f"or: {passport.rebuild}"
        )
    if passport.library_version != library_version:
        raise ArtifactError(
            f"{engine}: was built with {passport.target} {passport.library_version}, here is {library_version} "
            f"(another container or JetPack?); build it here: {passport.rebuild}"
        )
    if gpu is None:
        raise ArtifactError(f"{engine}: needs an NVIDIA GPU and its driver; `sdfl doctor` says what is missing")
    if gpu.compute_capability not in passport.compute_capabilities:
        raise ArtifactError(
            f"{engine}: was built for compute capability {', '.join(passport.compute_capabilities)}, "
            f"{gpu.name} has {gpu.compute_capability}; build it here: {passport.rebuild}"
        )
    if passport.gpu and passport.gpu != gpu.name:
        raise ArtifactError(
            f"{engine}: was built on {passport.gpu}, this is {gpu.name}; build it here: {passport.rebuild}"
        )
    if passport.plugin_sha256:
        _check_plugin(engine, passport, plugin)


def _check_plugin(engine: Path, passport: Passport, plugin: Path | None) -> None:
    if plugin is None:
        raise ArtifactError(
            f"{engine}: needs the operator's plugin; name its library in {PLUGIN_VARIABLE}, or build the engine "
            f"without: {passport.rebuild.removesuffix(' --plugin LIBRARY')}"
        )
    if sha256_of(plugin) != passport.plugin_sha256:
        raise ArtifactError(
            f"{engine}: was built with another plugin library than {plugin}; build it again: "
            f"{passport.rebuild.replace('LIBRARY', str(plugin))}"
        )


PLUGIN_VARIABLE = "SDFL_TENSORRT_PLUGIN"
