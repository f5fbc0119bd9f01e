"""What to measure: a TOML file, or the options of `sdfl bench`, as a list of targets.

data = "300w/helen/testset"
threads = [1, 2]

[[model]]
artifact = "small"
backends = ["openvino", "onnxruntime"]

[[peer]]
name = "mediapipe_facemesh"
python = ".venv-peers/mediapipe/bin/python"
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from sdfl.artifacts.model_file import read_spec
from sdfl.benchmarks.environment import computes_bf16
from sdfl.benchmarks.peers.sdfl_model import AUTO, ONLY_COMPUTE
from sdfl.benchmarks.records import KINDS, Subject
from sdfl.benchmarks.video.clips import SCENES
from sdfl.config import build, read_toml
from sdfl.errors import ConfigError, SdflError
from sdfl.runtime.zoo import resolve_model

HERE = Path(__file__).parent
OWN_ADAPTER = HERE / "peers" / "sdfl_model.py"
STAGES = ("network", "frame")
CROPS = ("true", "detected", "tracked")
GENERIC = ("onnx_landmarks", "tflite_network")  # adapters of any file: the file belongs to the name


@dataclass(frozen=True)
class ModelEntry:
    """artifact: zoo name or file. compute: empty for f32, and bf16 where the processor has it."""

    artifact: str
    backends: tuple[str, ...] = ("openvino",)
    compute: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeerEntry:
    """name: an adapter in `benchmarks/peers`, or the path of one. python: of its environment. model: its file.

    setting: a word that its adapter knows, for another mode of the same peer.
    """

    name: str
    python: str
    model: str = ""
    setting: str = ""


@dataclass(frozen=True)
class Suite:
    """measure: of KINDS. stages: "network" is the bare network on crops, "frame" one tracked face in a video frame.

    rounds x iterations times are taken of each case, after `warmup` runs; starts: fresh processes for the load time.
    clips: how many labelled pictures clips are made from; pictures: files to make them from instead; scenes: of
    `video_clips.SCENES`.
    tolerance: how much slower than a baseline, in yardsticks, still passes. Raises ConfigError quoting a wrong key.
    """

    name: str = "suite"
    data: str = ""
    model: tuple[ModelEntry, ...] = ()
    peer: tuple[PeerEntry, ...] = ()
    measure: tuple[str, ...] = KINDS
    crops: tuple[str, ...] = CROPS
    stages: tuple[str, ...] = STAGES
    threads: tuple[int, ...] = (1,)
    batches: tuple[int, ...] = (1,)
    rounds: int = 10
    iterations: int = 30
    warmup: int = 20
    starts: int = 3
    sweep_pictures: int = 100
    clips: int = 3
    pictures: tuple[str, ...] = ()
    scenes: tuple[str, ...] = tuple(SCENES)
    tolerance: float = 0.15

    def __post_init__(self) -> None:
        allowed_values = {"measure": KINDS, "stages": STAGES, "crops": CROPS, "scenes": tuple(SCENES)}
        for key, allowed in allowed_values.items():
            for value in getattr(self, key):
                if value not in allowed:
                    raise ConfigError(f"{key} must be of {', '.join(allowed)}, got {value!r}")
        for key in ("rounds", "iterations", "starts", "clips", "threads", "batches"):
            values = getattr(self, key)
            if any(value < 1 for value in (values if isinstance(values, tuple) else (values,))):
                raise ConfigError(f"{key} must be at least 1, got {values}")
        if any(not entry.backends for entry in self.model):
            raise ConfigError("model.backends must name at least one back end")
        if not self.model and not self.peer:
            raise ConfigError(f"suite {self.name}: names no [[model]] and no [[peer]]")


@dataclass(frozen=True)
class Target:
    """One thing that a worker can open. problem: why it cannot be, known before trying.

    arguments: how `sdfl bench` is told to measure it again.
    """

    subject: Subject
    adapter: Path
    options: dict[str, Any] = field(default_factory=dict)
    python: Path | None = None
    arguments: str = ""
    problem: str = ""

    @property
    def has_network(self) -> bool:
        """Whether the adapter can run its network alone."""
        return self.adapter.is_file() and "def network(" in self.adapter.read_text(encoding="utf-8")


def load_suite(name_or_path: str) -> Suite:
    """A suite that comes with the package, or a TOML file. Raises ConfigError."""
    shipped = {path.stem: path for path in sorted((HERE / "suites").glob("*.toml"))}
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise ConfigError(f"--suite {name_or_path}: no such file; choose {', '.join(shipped)} or a TOML file")
    table = read_toml(path)
    table.setdefault("name", path.stem)
    return build(Suite, table)


def suite_keys() -> tuple[str, ...]:
    """What a suite may set."""
    return tuple(each.name for each in fields(Suite))


def targets_of(suite: Suite) -> list[Target]:
    """Every artifact x back end x compute precision, then every peer, in the order of the file."""
    own = [target for entry in suite.model for target in _own_targets(entry)]
    return own + [_peer_target(entry) for entry in suite.peer]


def _own_targets(entry: ModelEntry) -> Iterator[Target]:
    unreadable = _own_target(entry.artifact, entry.backends[0], AUTO)
    if unreadable.problem:
        yield unreadable
        return
    for backend in entry.backends:
        for compute in entry.compute or default_compute(backend):
            yield _own_target(entry.artifact, backend, compute)


def default_compute(backend: str) -> tuple[str, ...]:
    """What is worth measuring on this processor."""
    if backend == "openvino":
        return ("f32", "bf16") if computes_bf16() else ("f32",)
    return (ONLY_COMPUTE.get(backend, AUTO),)


def _own_target(artifact: str, backend: str, compute: str) -> Target:
    name = Path(artifact).stem
    arguments = f"{artifact} --backend {backend} --compute {compute}"
    version = _library_version(backend)
    try:
        path = resolve_model(artifact)
        spec = read_spec(path)
    except SdflError as error:
        subject = Subject(name, backend, compute=compute, version=version)
        return Target(subject, OWN_ADAPTER, arguments=arguments, problem=str(error))
    content = path.read_bytes()
    subject = Subject(
        name=name,
        backend=backend,
        precision=spec.precision,
        compute=compute,
        family=spec.name,
        layout=spec.layout,
        input_size=spec.input_size,
        file_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence=spec.licence,
        version=version,
    )
    return Target(subject, OWN_ADAPTER, {"model": str(path), "backend": backend, "compute": compute}, None, arguments)


def _peer_target(entry: PeerEntry) -> Target:
    shipped = HERE / "peers" / f"{entry.name}.py"
    adapter = shipped if shipped.is_file() else Path(entry.name)
    python, model = Path(entry.python).expanduser(), Path(entry.model).expanduser()
    problem = ""
    if not adapter.is_file():
        problem = f"peer {entry.name}: no such adapter in benchmarks/peers and no such file"
    elif not python.is_file():
        problem = f"peer {entry.name}: {python} does not exist; make its environment with: make peers"
    elif entry.model and not model.is_file():
        problem = f"peer {entry.name}: {model} does not exist"
    content = model.read_bytes() if entry.model and model.is_file() else b""
    sha256 = hashlib.sha256(content).hexdigest() if content else ""
    name = f"{adapter.stem} {model.stem}" if entry.model and adapter.stem in GENERIC else adapter.stem
    name += f" {entry.setting}" if entry.setting else ""
    subject = Subject(name, "its own", layout="ibug68", file_bytes=len(content), sha256=sha256, peer=True)
    options = {"model": str(model) if entry.model else "", "setting": entry.setting}
    words = [str(python), str(model) if entry.model else "", entry.setting]
    peer = f"{entry.name}={','.join(words).rstrip(',')}"
    return Target(subject, adapter, options, python, f"--peer {peer}", problem)


def _library_version(backend: str) -> str:
    try:
        return metadata.version(backend)
    except metadata.PackageNotFoundError:
        return ""
