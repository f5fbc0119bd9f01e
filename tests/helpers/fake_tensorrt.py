"""TensorRT 10 and 11 without a GPU. An "engine" is the ONNX that the parser got, and ONNX Runtime computes it.

So everything but TensorRT itself is real: the derived ONNX, the passport, the memory, the replay, the comparison.
Names and order of arguments are those of NVIDIA's Python bindings, release/10.3 and release/11.1;
tests/convert/engines/test_fakes.py holds them against the real TensorRT-RTX where a name is shared.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import onnx
from fake_cuda import FakeCuda
from fake_tensorrt_engine import ILogger, Runtime

NOT_IN_11 = ("FP16", "INT8", "PREFER_PRECISION_CONSTRAINTS", "OBEY_PRECISION_CONSTRAINTS")
FLAGS = ("TF32", "REFIT", "VERSION_COMPATIBLE")


class IProgressMonitor:
    def __init__(self) -> None:
        pass


class FakeTensorRt:
    """A module. creators: plugins of the registry. libraries: path -> creators that loading it adds.

    build_error: logged instead of building. last: the configuration of the last build. on_step: called in the middle.
    inner_type: how the inspector calls the input type of convolutions.
    """

    ILogger, IProgressMonitor = ILogger, IProgressMonitor
    uint8, float16, float32 = "uint8", "float16", "float32"
    MemoryPoolType = IntEnum("MemoryPoolType", ["WORKSPACE"])
    ProfilingVerbosity = IntEnum("ProfilingVerbosity", ["LAYER_NAMES_ONLY", "DETAILED", "NONE"])
    LayerInformationFormat = IntEnum("LayerInformationFormat", ["ONELINE", "JSON"])
    NetworkDefinitionCreationFlag = IntEnum("NetworkDefinitionCreationFlag", ["STRONGLY_TYPED"])

    def __init__(self, version: str = "10.3.0", cuda: FakeCuda | None = None) -> None:
        self.__version__, self.__file__ = version, "tensorrt/__init__.py"
        self.cuda = cuda or FakeCuda()
        self.major = int(version.split(".")[0])
        flags = [*FLAGS, *(NOT_IN_11 if self.major == 10 else ())]
        self.BuilderFlag: Any = IntEnum("BuilderFlag", flags)  # type: ignore[misc]  # mypy wants a constant list
        self.creators: set[tuple[str, str, str]] = set()
        self.libraries: dict[str, set[tuple[str, str, str]]] = {}
        self.build_error = self.run_error = ""
        self.capturable = True
        self.inner_type = "Int8"
        self.on_step: Callable[[], None] = lambda: None
        self.last: Any = None
        self.steps: list[bool] = []

    def get_plugin_registry(self) -> Any:
        def load_library(path: str) -> Any:
            if path not in self.libraries:
                return None
            self.creators |= self.libraries[path]
            return object()

        def get_creator(kind: str, version: str, namespace: str = "") -> Any:
            return object() if (kind, version, namespace) in self.creators else None

        return SimpleNamespace(load_library=load_library, get_creator=get_creator)

    def Builder(self, logger: Any) -> Builder:  # noqa: N802
        return Builder(self, logger)

    def OnnxParser(self, network: Any, logger: Any) -> OnnxParser:  # noqa: N802
        return OnnxParser(self, network, logger)

    def Runtime(self, logger: Any) -> Runtime:  # noqa: N802
        return Runtime(self, logger)


class Network:
    def __init__(self, flags: int) -> None:
        self.flags, self.model = flags, onnx.ModelProto()
        self.layers: list[Any] = []

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    def get_layer(self, index: int) -> Any:
        return self.layers[index]


class Config:
    def __init__(self, library: FakeTensorRt) -> None:
        self.library = library
        self.flags = {"TF32"}
        self.pools: dict[str, int] = {}
        self.profiles: list[dict[str, Any]] = []
        self.progress_monitor: Any = None
        self.profiling_verbosity: Any = None
        self.cache: Any = None

    def set_flag(self, flag: Any) -> None:
        self.flags.add(flag.name)

    def clear_flag(self, flag: Any) -> None:
        self.flags.discard(flag.name)

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        self.pools[pool.name] = pool_size

    def add_optimization_profile(self, profile: Any) -> int:
        self.profiles.append(profile.shapes)
        return len(self.profiles) - 1

    def create_timing_cache(self, serialized_timing_cache: bytes) -> Any:
        return SimpleNamespace(loaded=serialized_timing_cache, serialize=lambda: b"timings")

    def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
        self.cache = cache
        return True

    def get_timing_cache(self) -> Any:
        return self.cache


class Builder:
    def __init__(self, library: FakeTensorRt, logger: Any) -> None:
        self.library, self.logger = library, logger

    def create_network(self, flags: int = 0) -> Network:
        return Network(flags)

    def create_builder_config(self) -> Config:
        return Config(self.library)

    def create_optimization_profile(self) -> Any:
        shapes: dict[str, Any] = {}
        return SimpleNamespace(
            shapes=shapes,
            set_shape=lambda input, min, opt, max: shapes.update({input: (min, opt, max)}),
        )

    def build_serialized_network(self, network: Network, config: Config) -> memoryview | None:
        library, monitor = (
            self.library,
            config.progress_monitor
            or SimpleNamespace(
                phase_start=lambda *_: None, phase_finish=lambda *_: None, step_complete=lambda *_: True
            ),
        )
        library.last = SimpleNamespace(config=config, network=network)
        if library.build_error:
            self.logger.log(ILogger.Severity.ERROR, library.build_error)
            return None
        monitor.phase_start("Building engine", None, 3)
        for step in range(3):
            monitor.phase_start("Timing", "Building engine", 1)
            monitor.phase_finish("Timing")
            library.on_step()
            library.steps.append(monitor.step_complete("Building engine", step))
            if not library.steps[-1]:
                return None
        monitor.phase_finish("Building engine")
        return memoryview(network.model.SerializeToString())


class OnnxParser:
    def __init__(self, library: FakeTensorRt, network: Network, logger: Any) -> None:
        self.library, self.network, self.logger = library, network, logger
        self.errors: list[str] = []

    @property
    def num_errors(self) -> int:
        return len(self.errors)

    def get_error(self, index: int) -> Any:
        return SimpleNamespace(desc=lambda: self.errors[index])

    def parse(self, model: bytes) -> bool:
        graph = self.network.model
        graph.ParseFromString(model)
        functions = {(function.domain, function.name) for function in graph.functions}
        for node in graph.graph.node:
            if node.op_type != "Cast" and "image" in node.input:
                self._fail("first input has type UInt8 but must have type Float, Half")
            known = node.domain in ("", "ai.onnx") or (node.domain, node.op_type) in functions
            if not known and not self._creator(node):
                self._fail("Plugin not found, are the plugin name, version, and namespace correct?")
            outputs = [SimpleNamespace(name=name) for name in node.output]
            layer = SimpleNamespace(name=node.name, num_outputs=len(outputs), precision=None)
            layer.get_output = outputs.__getitem__
            self.network.layers.append(layer)
        return not self.errors

    def _creator(self, node: onnx.NodeProto) -> bool:
        values = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        text = {key: value.decode() for key, value in values.items() if isinstance(value, bytes)}
        wanted = (node.op_type, text.get("plugin_version", "1"), text.get("plugin_namespace", ""))
        return self.library.get_plugin_registry().get_creator(*wanted) is not None

    def _fail(self, message: str) -> None:
        self.errors.append(message)
        self.logger.log(ILogger.Severity.ERROR, message)
