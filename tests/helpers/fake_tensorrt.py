"""TensorRT 10 and 11 without a GPU. An "engine" is the ONNX that the parser got, and ONNX Runtime computes it.

So everything but TensorRT itself is real: the derived ONNX, the passport, the memory, the replay, the comparison.
Names and order of arguments are those of NVIDIA's Python bindings, release/10.3 and release/11.1;
tests/convert/engines/test_fakes.py holds them against the real TensorRT-RTX where a name is shared.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
from fake_cuda import FakeCuda

NOT_IN_11 = ("FP16", "INT8", "PREFER_PRECISION_CONSTRAINTS", "OBEY_PRECISION_CONSTRAINTS")
FLAGS = ("TF32", "REFIT", "VERSION_COMPATIBLE")


class ILogger:
    class Severity(IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def __init__(self) -> None:
        pass


class IProgressMonitor:
    def __init__(self) -> None:
        pass


class FakeTensorRt:
    """A module. creators: plugins of the registry. libraries: path -> creators that loading it adds.

    build_error: logged instead of building. last: the configuration of the last build. on_step: called in the middle.
    inner_type: how the inspector calls the input type of convolutions.
    """

    ILogger, IProgressMonitor = ILogger, IProgressMonitor
    uint8, float32 = "uint8", "float32"
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
        library, monitor = self.library, config.progress_monitor
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


class Runtime:
    def __init__(self, library: FakeTensorRt, logger: Any) -> None:
        self.library, self.logger = library, logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> CudaEngine | None:
        try:
            return CudaEngine(self.library, self.logger, onnx.load_from_string(bytes(serialized_engine)))
        except Exception:
            self.logger.log(ILogger.Severity.ERROR, "Serialization assertion failed. Version tag does not match.")
            return None


class CudaEngine:
    def __init__(self, library: FakeTensorRt, logger: Any, model: onnx.ModelProto) -> None:
        import onnxruntime

        self.library, self.logger, self.model = library, logger, model
        self.names = [entry.name for entry in (*model.graph.input, *model.graph.output)]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    @property
    def num_io_tensors(self) -> int:
        return len(self.names)

    def get_tensor_name(self, index: int) -> str:
        return str(self.names[index])

    def get_tensor_dtype(self, name: str) -> str:
        return "uint8" if name == "image" else "float32"

    def create_execution_context(self) -> ExecutionContext:
        return ExecutionContext(self)

    def create_engine_inspector(self) -> Any:
        key = "Format/Datatype" if self.library.major == 10 else "DataType"
        layers = [
            {"Name": node.name, "LayerType": "CaskConvolution", "Inputs": [{"Name": "x", key: self.library.inner_type}]}
            for node in self.model.graph.node
            if node.op_type == "Conv"
        ]
        return SimpleNamespace(get_engine_information=lambda format: json.dumps({"Layers": layers}))


class ExecutionContext:
    def __init__(self, engine: CudaEngine) -> None:
        self.engine, self.addresses = engine, dict[str, int]()
        self.shape: tuple[int, ...] = ()
        self.shapes: dict[str, tuple[int, ...]] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        wanted = [dim.dim_value for dim in self.engine.model.graph.input[0].type.tensor_type.shape.dim]
        if any(want and want != got for want, got in zip(wanted, shape, strict=True)):
            return False
        self.shape = tuple(shape)
        results = self.engine.session.run(None, {"image": np.zeros(shape, np.uint8)})
        outputs = self.engine.session.get_outputs()
        self.shapes = {entry.name: value.shape for entry, value in zip(outputs, results, strict=True)}
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shapes[name]

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self.addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        library = self.engine.library
        if library.run_error:
            self.engine.logger.log(ILogger.Severity.ERROR, library.run_error)
            return False
        return library.cuda.enqueue(stream_handle, self._compute, capturable=library.capturable)

    def _compute(self) -> None:
        size = int(np.prod(self.shape))
        image = np.frombuffer(ctypes.string_at(self.addresses["image"], size), np.uint8).reshape(self.shape)
        results = self.engine.session.run(None, {"image": image})
        for entry, value in zip(self.engine.session.get_outputs(), results, strict=True):
            content = np.ascontiguousarray(value, np.float32).tobytes()
            ctypes.memmove(self.addresses[entry.name], content, len(content))
