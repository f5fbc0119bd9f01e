"""The differences between TensorRT 10, TensorRT 11 and TensorRT-RTX, one small class each.

TensorRT 10 (JetPack 6) chooses types layer by layer, as flags allow. TensorRT 11 and TensorRT-RTX are strongly typed:
they have no such flags and compute in the types of the file.
"""

from __future__ import annotations

from typing import Any, Protocol

from sdfl.artifacts.names import OUTPUTS
from sdfl.artifacts.passport import Gpu
from sdfl.convert.engines.plan import BuildPlan

WORKSPACE_SHARE, LARGEST_WORKSPACE_MB = 4, 1024


class Flavour(Protocol):
    """typed: takes the copy whose float layers are halves. network_flags: for create_network. configure: sets what
    this TensorRT needs in a builder's config."""

    typed: bool

    def network_flags(self, library: Any) -> int: ...

    def configure(self, library: Any, config: Any, network: Any, plan: BuildPlan, gpu: Gpu | None) -> None: ...


class TensorRt10:
    """Weakly typed. The last step of each output stays fp32: halves near 128 have steps of 1/16 px."""

    typed = False

    def network_flags(self, library: Any) -> int:  # noqa: ARG002
        return 0

    def configure(self, library: Any, config: Any, network: Any, plan: BuildPlan, gpu: Gpu | None) -> None:
        _common(library, config, plan, gpu)
        if plan.precision == "fp32":
            return
        config.set_flag(library.BuilderFlag.FP16)
        if plan.precision == "int8":
            config.set_flag(library.BuilderFlag.INT8)
        config.set_flag(library.BuilderFlag.PREFER_PRECISION_CONSTRAINTS)
        for index in range(network.num_layers):
            layer = network.get_layer(index)
            if any(layer.get_output(number).name in OUTPUTS for number in range(layer.num_outputs)):
                layer.precision = library.float32


class TensorRt11:
    """Strongly typed, always."""

    typed = True

    def network_flags(self, library: Any) -> int:  # noqa: ARG002
        return 0

    def configure(self, library: Any, config: Any, network: Any, plan: BuildPlan, gpu: Gpu | None) -> None:  # noqa: ARG002
        _common(library, config, plan, gpu)


class TensorRtRtx:
    """Strongly typed; builds for named GPUs without having one. Kernels are compiled when the engine is loaded."""

    typed = True

    def network_flags(self, library: Any) -> int:
        return 1 << int(library.NetworkDefinitionCreationFlag.STRONGLY_TYPED)

    def configure(self, library: Any, config: Any, network: Any, plan: BuildPlan, gpu: Gpu | None) -> None:  # noqa: ARG002
        config.profiling_verbosity = library.ProfilingVerbosity.DETAILED
        capabilities = plan.compute_capabilities or ((gpu.compute_capability,) if gpu else ())
        config.num_compute_capabilities = len(capabilities)
        for index, capability in enumerate(capabilities):
            name = f"SM{capability.replace('.', '')}"
            config.set_compute_capability(getattr(library.ComputeCapability, name), index)


def choose_flavour(target: str, version: str) -> Flavour:
    """version: what the library calls itself, "10.3.0"."""
    if target == "tensorrt-rtx":
        return TensorRtRtx()
    return TensorRt10() if int(version.split(".")[0]) == 10 else TensorRt11()


def workspace_mb(plan: BuildPlan, gpu: Gpu | None) -> int:
    """What tactics may use: as asked for, else a quarter of the free memory, at most 1 GB."""
    if plan.workspace_mb:
        return plan.workspace_mb
    return min(LARGEST_WORKSPACE_MB, gpu.free_mb // WORKSPACE_SHARE) if gpu else LARGEST_WORKSPACE_MB


def _common(library: Any, config: Any, plan: BuildPlan, gpu: Gpu | None) -> None:
    config.profiling_verbosity = library.ProfilingVerbosity.DETAILED
    config.clear_flag(library.BuilderFlag.TF32)  # fp32 means fp32
    config.set_memory_pool_limit(library.MemoryPoolType.WORKSPACE, workspace_mb(plan, gpu) << 20)
