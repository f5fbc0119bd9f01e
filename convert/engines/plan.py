"""What `sdfl build` was asked for, checked and completed before a library is loaded."""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.names import ENGINE, LITERT, OPENVINO_IR
from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.artifacts.passport import MOST_FACES, TARGETS, Passport
from sdfl.errors import ArtifactError, ConfigError
from sdfl.runtime.backends.tensorrt.library import RTX_CAPABILITIES

SUFFIXES = {"tensorrt": ENGINE, "tensorrt-rtx": ENGINE, "openvino": OPENVINO_IR, "litert": LITERT}
# Stored precision -> what can be built from it, the default first.
PRECISIONS = {"fp32": ("fp16", "fp32"), "int8": ("int8",)}
LITERT_PRECISIONS = {"fp32": ("fp32",), "int8": ("int8",)}  # it has no kernels for fp16 on x86-64


@dataclass(frozen=True)
class CopyOptions:
    """Of the ONNX that TensorRT gets.

    Attributes:
        fp16: float layers are fp16, but for the last step of each output.
        batch: fixed size of the batch, None leaves it open.
        plugin: nodes of the operator name the compiled plugin instead of being written in standard operators.
        outputs: names of tensors to give out as well.
    """

    fp16: bool = False
    batch: int | None = None
    plugin: bool = False
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildPlan:
    """A build, checked and completed.

    Attributes:
        source: the ONNX file.
        out: the artifact to write.
        target: one of `sdfl.artifacts.passport.TARGETS`.
        precision: that the artifact computes in.
        spec: of the source.
        max_faces: 1 builds for a fixed batch of one, more for any batch up to it.
        plugin: the operator's library, None for standard operators.
        compute_capabilities: of TensorRT-RTX, to build ahead of time; empty for this machine's GPU.
        workspace_mb: of GPU memory to build with, None for a part of what is free.

    Raises:
        ConfigError: the fields contradict each other.
    """

    source: Path
    out: Path
    target: str
    precision: str
    spec: ModelSpec
    max_faces: int = 1
    plugin: Path | None = None
    compute_capabilities: tuple[str, ...] = ()
    workspace_mb: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_faces <= MOST_FACES:
            raise ConfigError(f"max_faces must be 1 to {MOST_FACES}, got {self.max_faces}")
        if self.workspace_mb is not None and self.workspace_mb < 16:
            raise ConfigError(f"workspace must be at least 16 MB, got {self.workspace_mb}")
        if self.out.suffix != SUFFIXES[self.target]:
            raise ConfigError(f"--out {self.out}: must end in {SUFFIXES[self.target]} for {self.target}")
        if self.target == "openvino" and self.max_faces != 1:
            raise ConfigError("--max-faces: an OpenVINO IR takes any number of faces; leave it out")
        if self.target == "litert" and self.max_faces != 1:
            raise ConfigError("--max-faces: a .tflite file takes one face after the other; leave it out")
        if self.target != "tensorrt" and self.plugin is not None:
            raise ConfigError(f"--plugin: {self.target} has no plugins; leave it out")
        if self.target != "tensorrt-rtx" and self.compute_capabilities:
            raise ConfigError("--compute-capability: only tensorrt-rtx builds for another GPU; leave it out")
        for capability in self.compute_capabilities:
            if capability not in RTX_CAPABILITIES:
                choices = ", ".join(RTX_CAPABILITIES)
                raise ConfigError(f"--compute-capability must be of {choices}, got {capability!r}")

    def copy_options(self, *, typed: bool, outputs: tuple[str, ...] = ()) -> CopyOptions:
        """What the copy of the source has to be.

        Args:
            typed: for a strongly typed network, whose float layers compute in the types of the file.
            outputs: names of tensors to give out as well.
        """
        return CopyOptions(
            fp16=typed and self.precision != "fp32",
            batch=1 if self.max_faces == 1 else None,
            plugin=self.plugin is not None,
            outputs=outputs,
        )

    def shape(self, batch: int) -> tuple[int, int, int, int]:
        """Shape of the network's input for a batch."""
        return (batch, self.spec.input_size, self.spec.input_size, 3)

    def passport(self, artifact: bytes, start_s: float, library_version: str, **more: Any) -> Passport:
        """The passport of what was built from `start_s` until now.

        Args:
            artifact: its content.
            start_s: of time.perf_counter.
            library_version: of the library that built it.
            more: further fields.
        """
        return Passport(
            target=self.target,
            precision=self.precision,
            metadata=self.spec.to_metadata(),
            source=self.source.name,
            source_sha256=self.spec.graph_sha256,
            artifact_sha256=hashlib.sha256(artifact).hexdigest(),
            library_version=library_version,
            built_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            build_s=round(time.perf_counter() - start_s, 2),
            peak_memory_mb=peak_memory_mb(),
            **more,
        )


def peak_memory_mb() -> float:
    """The most memory that this process has had resident, in MB; 0 where the system does not tell (Windows)."""
    try:
        import resource
    except ModuleNotFoundError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, but bytes on macOS
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def make_plan(
    source: Path,
    target: str,
    *,
    out: Path | None = None,
    precision: str | None = None,
    max_faces: int = 1,
    plugin: Path | None = None,
    compute_capabilities: tuple[str, ...] = (),
    workspace_mb: int | None = None,
) -> BuildPlan:
    """Check what a build was asked for, and fill in what was left out.

    Args:
        source: the ONNX file.
        target: one of `sdfl.artifacts.passport.TARGETS`.
        out: the artifact, None for a name after the source in the current folder.
        precision: None for the first one that the source can become.
        max_faces: 1 for a fixed batch of one, more for any batch up to it.
        plugin: the operator's library, None for standard operators.
        compute_capabilities: of TensorRT-RTX, to build ahead of time.
        workspace_mb: of GPU memory to build with, None for a part of what is free.

    Raises:
        ConfigError: the arguments contradict each other or the source.
        ArtifactError: the source is no model, or is built already.
    """
    if target not in TARGETS:
        raise ConfigError(f"--target must be one of {', '.join(TARGETS)}, got {target!r}")
    if source.suffix in SUFFIXES.values():
        raise ArtifactError(f"{source}: is built already; build from the .onnx file that it was made of")
    spec = read_spec(source)
    able = (LITERT_PRECISIONS if target == "litert" else PRECISIONS)[spec.precision]
    chosen = precision or able[0]
    if chosen not in able:
        hint = "take the float model" if spec.precision == "int8" else "leave it out"
        if chosen == "int8":
            hint = "make an int8 model first: sdfl quantize"
        raise ConfigError(
            f"--precision {chosen}: {source.name} is {spec.precision}, which becomes {' or '.join(able)}; {hint}"
        )
    if plugin is not None and not plugin.is_file():
        raise ConfigError(f"--plugin {plugin}: no such file; build it as docs/reference/operator.md says")
    stem = source.stem if source.stem.endswith(chosen) else f"{source.stem}_{chosen}"
    return BuildPlan(
        source=source,
        out=out or Path(f"{stem}{SUFFIXES[target]}"),
        target=target,
        precision=chosen,
        spec=spec,
        max_faces=max_faces,
        plugin=plugin,
        compute_capabilities=compute_capabilities,
        workspace_mb=workspace_mb,
    )


def trtexec_line(plan: BuildPlan, copy: Path) -> str:
    """The command with which NVIDIA's own tool does the same for TensorRT 10.

    Args:
        plan: what to build.
        copy: the ONNX that `--copy` writes.
    """
    words = ["trtexec", f"--onnx={copy}", f"--saveEngine={plan.out}"]
    words += {"fp32": ["--noTF32"], "fp16": ["--fp16"], "int8": ["--fp16", "--int8"]}[plan.precision]
    if plan.max_faces > 1:
        for name, batch in (("min", 1), ("opt", plan.max_faces), ("max", plan.max_faces)):
            words.append(f"--{name}Shapes=image:{'x'.join(map(str, plan.shape(batch)))}")
    if plan.workspace_mb:
        words.append(f"--memPoolSize=workspace:{plan.workspace_mb}")
    if plan.plugin:
        words.append(f"--dynamicPlugins={plan.plugin}")
    return " ".join(words)
