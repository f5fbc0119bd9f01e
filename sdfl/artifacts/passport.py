"""The passport of a built artifact: where, when and from what it was made.

JSON beside an engine, in the rt_info of an IR, in an archive behind the network of a .tflite file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.names import PRECISIONS
from sdfl.checks import require_within
from sdfl.config import build
from sdfl.errors import ArtifactError, ConfigError, DataError, shown
from sdfl.files import atomic_path, read_text

MOST_FACES = 64  # in one batch
TARGETS = ("tensorrt", "tensorrt-rtx", "openvino", "litert")
_HASH = "sha256"  # the key of the hash of all other keys


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU.

    Attributes:
        name: as its driver calls it.
        compute_capability: "8.7" and the like.
        driver: the newest version of CUDA that its driver runs.
        free_mb: memory that no process uses.
        integrated: whether it shares the host's memory.
    """

    name: str
    compute_capability: str
    driver: str
    free_mb: int
    integrated: bool = False


@dataclass(frozen=True)
class Passport:
    """Where, when and from what an artifact was built.

    Attributes:
        target: one of TARGETS.
        precision: that it computes in.
        metadata: the pairs of the ModelSpec as the ONNX file has them.
        source: name of the ONNX file.
        source_sha256: hash of its graph.
        copy_sha256: hash of the ONNX derived for the target, "" where the target read the source itself.
        artifact_sha256: hash of the artifact.
        library_version: of the library that built it.
        max_faces: the largest batch that it takes.
        compute_capabilities: of the GPUs that it runs on.
        gpu: name of the GPU of the machine that built it, "" where it was built ahead of time.
        driver: of that machine, likewise.
        plugin_sha256: hash of the graph operator's library, "" where standard operators take its place.
        built_utc: date and time in ISO format.
        build_s: how long the build took.
        peak_memory_mb: the most memory that the building process had.
        verified: what `sdfl verify` measured, None before.

    Raises:
        ArtifactError: names the field that is wrong.
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
                raise ArtifactError(f"{key} must be one of {', '.join(allowed)}, got {shown(value)}")
        require_within("max_faces", self.max_faces, 1, MOST_FACES, ArtifactError)
        for key in ("build_s", "peak_memory_mb"):
            require_within(key, getattr(self, key), 0, 1e9, ArtifactError)

    @property
    def rebuild(self) -> str:
        """The command that builds it again, here."""
        words = [f"sdfl build {self.source} --target {self.target} --precision {self.precision}"]
        words += [f"--max-faces {self.max_faces}"] if self.max_faces > 1 else []
        words += ["--plugin LIBRARY"] if self.plugin_sha256 else []
        return " ".join(words)

    def to_json(self) -> str:
        """The content of a passport file, with a hash of itself."""
        table = asdict(self)
        return json.dumps(table | {_HASH: hash_of(table)}, indent=2)

    def write(self, path: Path) -> None:
        """Write a passport file; the caller sees to it that it replaces another one whole."""
        path.write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def from_json(cls, text: str, origin: str) -> Passport:
        """Read what `to_json` wrote; keys of later versions are ignored.

        Args:
            text: of a passport file.
            origin: the file, for errors.

        Raises:
            ArtifactError: names `origin` and the key that is missing or wrong.
        """
        try:
            table = json.loads(text)
            if not isinstance(table, dict):
                raise ConfigError(f"holds no table, but {type(table).__name__}")
            if hash_of({key: value for key, value in table.items() if key != _HASH}) != table.get(_HASH):
                raise ConfigError("does not match the hash of itself: damaged, or changed after the build")
            return build(cls, table, unknown_keys=True)
        except (ArtifactError, ConfigError, ValueError, RecursionError) as error:
            raise ArtifactError(
                f"{origin}: is no passport ({error}); build the engine again with `sdfl build`"
            ) from error

    def spec(self, origin: str) -> ModelSpec:
        """The model's ModelSpec, in the precision of the artifact.

        Args:
            origin: the file, for errors.

        Raises:
            ArtifactError: the metadata are wrong.
        """
        return replace(ModelSpec.from_metadata(self.metadata, origin), precision=self.precision)


def hash_of(table: dict[str, Any]) -> str:
    """The hash that a passport states, of all its other keys."""
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def passport_path(engine: Path) -> Path:
    """The JSON file beside an engine."""
    return engine.with_name(f"{engine.name}.json")


def write_passport(engine: Path, passport: Passport) -> None:
    """Write a passport, whole or not at all.

    Args:
        engine: the file that it stands beside.
        passport: of the engine.
    """
    with atomic_path(passport_path(engine)) as temporary:
        passport.write(temporary)


def read_passport(engine: Path) -> Passport:
    """Read the passport beside an engine.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    path = passport_path(engine)
    try:
        text = read_text(path)
    except DataError as error:
        if path.exists():
            raise ArtifactError(f"{error}, or build the engine again with `sdfl build`") from error
        raise ArtifactError(
            f"{engine}: its passport {path.name} is missing; keep the two together, or build the engine again with "
            "`sdfl build`"
        ) from error
    return Passport.from_json(text, str(path))


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits.

    Raises:
        ArtifactError: the file cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error


def check_passport(
    engine: Path, passport: Passport, *, library_version: str, gpu: Gpu | None, plugin: Path | None
) -> None:
    """Check, before anything is deserialised, that an engine was built for this machine.

    Args:
        engine: the file.
        passport: of the engine.
        library_version: of the library that is to load it.
        gpu: that is to run it, None where there is none.
        plugin: the graph operator's library, None where there is none.

    Raises:
        ArtifactError: says what differs, and the command that builds the engine again.
    """
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
