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
    """What a version of TensorRT needs.

    Attributes:
        typed: whether it computes in the types of the file, and so gets the copy whose float layers are fp16.
    """

    typed: bool

    def network_flags(self, library: Any) -> int:
        """The flags of `create_network`; `library` is the TensorRT module."""
        ...

    def configure(self, library: Any, config: Any, network: Any, plan: BuildPlan, gpu: Gpu | None) -> None:
        """Set what this TensorRT needs.

        Args:
            library: the TensorRT module.
            config: of the builder; it is changed.
            network: that is built; it may be changed.
            plan: what to build.
            gpu: to build for, None where the plan names the GPUs.
        """
        ...


class TensorRt10:
    """Weakly typed. The last step of each output stays fp32, because fp16 near 128 has steps of 1/16 px."""

    typed = False

    def network_flags(self, library: Any) -> int:  # noqa: ARG002
        """None."""
        return 0

    def configure(self, library: Any, config: Any, network: Any, plan: BuildPlan, gpu: Gpu | None) -> None:
        """Allow fp16 and int8 layer by layer, as the plan's precision asks for."""
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
        """None: strong typing is what it always does."""
        return 0

    def configure(self, library: Any, config: Any, network: Any, plan: BuildPlan, gpu: Gpu | None) -> None:  # noqa: ARG002
        """Set the workspace and turn TF32 off."""
        _common(library, config, plan, gpu)


class TensorRtRtx:
    """Strongly typed; builds for named GPUs without having one. Kernels are compiled when the engine is loaded."""

    typed = True

    def network_flags(self, library: Any) -> int:
        """Strong typing."""
        return 1 << int(library.NetworkDefinitionCreationFlag.STRONGLY_TYPED)

    def configure(self, library: Any, config: Any, network: Any, plan: BuildPlan, gpu: Gpu | None) -> None:  # noqa: ARG002
        """Name the GPUs to build for."""
        config.profiling_verbosity = library.ProfilingVerbosity.DETAILED
        capabilities = plan.compute_capabilities or ((gpu.compute_capability,) if gpu else ())
        config.num_compute_capabilities = len(capabilities)
        for index, capability in enumerate(capabilities):
            name = f"SM{capability.replace('.', '')}"
            config.set_compute_capability(getattr(library.ComputeCapability, name), index)


def choose_flavour(target: str, version: str) -> Flavour:
    """Choose by library and version.

    Args:
        target: one of `sdfl.artifacts.passport.TARGETS` that is a TensorRT.
        version: what the library calls itself, "10.3.0".
    """
    if target == "tensorrt-rtx":
        return TensorRtRtx()
    return TensorRt10() if int(version.split(".")[0]) == 10 else TensorRt11()


def workspace_mb(plan: BuildPlan, gpu: Gpu | None) -> int:
    """The memory that TensorRT's algorithms may use, in MB.

    Args:
        plan: may ask for an amount.
        gpu: whose free memory is shared, None where it is not known.

    Returns:
        What the plan asks for, else a quarter of the free memory, at most 1 GB.
    """
    if plan.workspace_mb:
        return plan.workspace_mb
    return min(LARGEST_WORKSPACE_MB, gpu.free_mb // WORKSPACE_SHARE) if gpu else LARGEST_WORKSPACE_MB


def _common(library: Any, config: Any, plan: BuildPlan, gpu: Gpu | None) -> None:
    config.profiling_verbosity = library.ProfilingVerbosity.DETAILED
    config.clear_flag(library.BuilderFlag.TF32)  # fp32 means fp32
    config.set_memory_pool_limit(library.MemoryPoolType.WORKSPACE, workspace_mb(plan, gpu) << 20)
