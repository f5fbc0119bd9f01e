"""Build an engine with TensorRT 10, TensorRT 11 or TensorRT-RTX. Needs no torch."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdfl.artifacts.names import INPUT
from sdfl.artifacts.passport import Gpu, passport_path, sha256_of
from sdfl.convert.engines.flavours import Flavour, choose_flavour
from sdfl.convert.engines.layers import Built, Layer, layers_from_inspector, layers_from_log
from sdfl.convert.engines.onnx_copy import make_copy
from sdfl.convert.engines.plan import BuildPlan
from sdfl.convert.engines.progress import Step, interruptible, make_monitor
from sdfl.errors import ArtifactError, SdflError, WriteError
from sdfl.files import atomic_pair, atomic_path, cache_dir
from sdfl.runtime.backends.cuda.open import read_gpu
from sdfl.runtime.backends.tensorrt.library import RTX_CAPABILITIES, Log, load_library, load_plugin


@dataclass(frozen=True)
class SerializedEngine:
    """A serialised engine and what it was parsed from.

    Attributes:
        content: of the engine's file.
        copy_sha256: hash of the ONNX that TensorRT got.
        layers: of the engine, empty where TensorRT did not tell them.
    """

    content: bytes
    copy_sha256: str
    layers: tuple[Layer, ...]


def build(plan: BuildPlan, step: Step) -> Built:
    """Write an engine and its passport.

    Args:
        plan: what to build.
        step: told what is done now, how many steps are done, and how many there are.

    Raises:
        SdflError: TensorRT or the GPU is missing.
        ArtifactError: TensorRT refuses the model.
    """
    start_s = time.perf_counter()
    library = load_library(plan.target)
    gpu = find_gpu(plan)
    engine = build_engine(library, plan, gpu, step)
    capabilities = plan.compute_capabilities or ((gpu.compute_capability,) if gpu else ())
    here = gpu if not plan.compute_capabilities else None  # ahead of time: any GPU of these compute capabilities
    passport = plan.passport(
        engine.content,
        start_s,
        library.__version__,
        copy_sha256=engine.copy_sha256,
        max_faces=plan.max_faces,
        compute_capabilities=capabilities,
        gpu=here.name if here else "",
        driver=here.driver if here else "",
        plugin_sha256=sha256_of(plan.plugin) if plan.plugin else "",
    )
    with atomic_pair(plan.out, passport_path(plan.out)) as (engine_file, passport_file):
        engine_file.write_bytes(engine.content)
        passport.write(passport_file)
    return Built(plan.out, passport, engine.layers)


def find_gpu(plan: BuildPlan) -> Gpu | None:
    """Find the GPU to build for.

    Returns:
        None where the plan names all GPUs.

    Raises:
        SdflError: a GPU is needed and missing.
    """
    if plan.compute_capabilities:
        return None
    try:
        return read_gpu()
    except SdflError as error:
        if plan.target == "tensorrt-rtx":
            choices = ", ".join(RTX_CAPABILITIES)
            raise SdflError(
                f"no GPU here to build for ({error}); name one: --compute-capability, of {choices}"
            ) from error
        raise SdflError(f"TensorRT builds on the device that runs the engine: {error}") from error


def build_engine(
    library: Any, plan: BuildPlan, gpu: Gpu | None, step: Step, *, outputs: tuple[str, ...] = ()
) -> SerializedEngine:
    """Build an engine in memory.

    Args:
        library: the TensorRT module.
        plan: what to build.
        gpu: to build for, None where the plan names the GPUs.
        step: told what is done now, how many steps are done, and how many there are.
        outputs: names of inner tensors to give out as well.

    Raises:
        ArtifactError: with TensorRT's reason.
    """
    flavour = choose_flavour(plan.target, library.__version__)
    log = Log(library)
    if plan.plugin is not None:
        load_plugin(library, log, plan.plugin)
    copy = make_copy(plan.source, plan.copy_options(typed=flavour.typed, outputs=outputs)).SerializeToString()
    builder = library.Builder(log.logger)
    network = _parse(library, builder, flavour, copy, log, plan)
    config = builder.create_builder_config()
    flavour.configure(library, config, network, plan, gpu)
    _add_profile(builder, config, plan)
    stopped = threading.Event()
    config.progress_monitor = make_monitor(library, step, stopped)
    with _timing_cache(config, plan, gpu, library.__version__):
        content = interruptible(lambda: builder.build_serialized_network(network, config), stopped)
    if content is None:
        raise ArtifactError(f"{plan.source}: TensorRT cannot build it ({log.why('no reason given')})")
    content = bytes(content)
    return SerializedEngine(content, hashlib.sha256(copy).hexdigest(), tuple(_layers(library, log, content, gpu)))


def _parse(library: Any, builder: Any, flavour: Flavour, copy: bytes, log: Log, plan: BuildPlan) -> Any:
    network = builder.create_network(flavour.network_flags(library))
    parser = library.OnnxParser(network, log.logger)
    if not parser.parse(copy):
        reasons = [str(parser.get_error(index).desc()) for index in range(parser.num_errors)]
        reason = reasons[0].splitlines()[0] if reasons else "no reason given"
        raise ArtifactError(f"{plan.source}: TensorRT's parser refuses it ({log.why(reason)})")
    return network


def _add_profile(builder: Any, config: Any, plan: BuildPlan) -> None:
    """The most faces are what the engine is tuned for: then the time budget is tightest."""
    if plan.max_faces == 1:
        return
    profile = builder.create_optimization_profile()
    profile.set_shape(INPUT, plan.shape(1), plan.shape(plan.max_faces), plan.shape(plan.max_faces))
    config.add_optimization_profile(profile)


class _timing_cache:  # noqa: N801  a context manager
    """Timings of tactics, kept for each GPU and version: a second build of a similar network takes a fraction.

    A cache that cannot be read or written costs time, never the engine.
    """

    def __init__(self, config: Any, plan: BuildPlan, gpu: Gpu | None, version: str) -> None:
        self._config = config
        self._path: Path | None = None
        if plan.target == "tensorrt" and gpu is not None:
            self._path = timing_cache_path(gpu, version)

    def __enter__(self) -> None:
        if self._path is None:
            return
        stored = b""
        with suppress(OSError):
            stored = self._path.read_bytes() if self._path.is_file() else b""
        self._config.set_timing_cache(self._config.create_timing_cache(stored), ignore_mismatch=False)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._path is None or kind is not None:
            return
        cache = self._config.get_timing_cache()
        if cache is None:  # TensorRT took none of what was stored
            return
        with suppress(OSError, WriteError), atomic_path(self._path) as temporary:
            temporary.write_bytes(bytes(cache.serialize()))


def timing_cache_path(gpu: Gpu, version: str) -> Path:
    """Where the timings of algorithms on a GPU are kept.

    Args:
        gpu: the GPU.
        version: of TensorRT.
    """
    name = re.sub(r"[^A-Za-z0-9.]+", "-", f"{gpu.name}-{gpu.compute_capability}-{version}")
    return cache_dir() / "timing" / f"{name}.cache"


def _layers(library: Any, log: Log, content: bytes, gpu: Gpu | None) -> list[Layer]:
    if gpu is None:
        return layers_from_log(message for _, message in log.lines)
    runtime = library.Runtime(log.logger)
    engine = runtime.deserialize_cuda_engine(content)
    if engine is None:
        raise ArtifactError(f"TensorRT cannot load what it built ({log.why('no reason given')})")
    inspector = engine.create_engine_inspector()
    return layers_from_inspector(inspector.get_engine_information(library.LayerInformationFormat.JSON))
