"""The targets of a suite: what a worker process can open."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from sdfl.artifacts.model_file import read_spec
from sdfl.benchmarks.environment import computes_bf16
from sdfl.benchmarks.peers.sdfl_model import AUTO, ONLY_COMPUTE
from sdfl.benchmarks.records import OWN_CROPS, Subject
from sdfl.benchmarks.suite import HERE, ModelEntry, PeerEntry, Suite
from sdfl.errors import SdflError
from sdfl.runtime.zoo import resolve_model

OWN_ADAPTER = HERE / "peers" / "sdfl_model.py"
OWN_BACKEND = "its own"  # of another project's model
OPTIONS = ("stage", "threads", "batch", "crops")  # settings of a record that are options of `sdfl bench`
PACKAGES = {"litert": "ai-edge-litert"}  # of back ends whose package has another name
GENERIC = ("onnx_landmarks", "tflite_network")  # adapters of any file: the file's name is part of the model's


@dataclass(frozen=True)
class Target:
    """One thing that a worker can open.

    Attributes:
        adapter: the file with its class `Peer`.
        options: what the adapter is opened with.
        python: the interpreter that runs it, None for the present one.
        arguments: how `sdfl bench` is told to measure it.
        problem: why it cannot be opened, if that is known before trying; "" otherwise.
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


def targets_of(suite: Suite) -> list[Target]:
    """Every model in every back end and compute precision, then every peer, in the order of the suite."""
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
    """What a back end's floats are worth computing in on this processor."""
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
    subject = Subject(name, OWN_BACKEND, layout="ibug68", file_bytes=len(content), sha256=sha256, peer=True)
    options = {"model": str(model) if entry.model else "", "setting": entry.setting}
    words = [str(python), str(model) if entry.model else "", entry.setting]
    peer = f"{entry.name}={','.join(words).rstrip(',')}"
    return Target(subject, adapter, options, python, f"--peer {peer}", problem)


def _library_version(backend: str) -> str:
    try:
        return metadata.version(PACKAGES.get(backend, backend))
    except metadata.PackageNotFoundError:
        return ""


def command_of(kind: str, target: Target, settings: dict[str, Any], suite: Suite) -> str:
    """The shell command that measures one record again.

    Args:
        kind: of the record.
        target: what was measured.
        settings: of the record.
        suite: names the pictures.
    """
    words = [f"sdfl bench --measure {kind} {target.arguments}"]
    words += [f"--{name} {settings[name]}" for name in OPTIONS if settings.get(name, OWN_CROPS) != OWN_CROPS]
    words += [f"--picture {shlex.quote(picture)}" for picture in suite.pictures]
    if suite.data:
        words.append(f"--data {shlex.quote(suite.data)}")
    return " ".join(words)
