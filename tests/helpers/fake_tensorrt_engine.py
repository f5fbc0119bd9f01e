"""Running in the TensorRT of `fake_tensorrt`: ONNX Runtime computes on the memory of a FakeCuda."""

from __future__ import annotations

import ctypes
import json
from enum import IntEnum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from sdfl.convert.export.operator_function import DOMAIN, operator_function

if TYPE_CHECKING:
    from fake_tensorrt import FakeTensorRt


class ILogger:
    class Severity(IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def __init__(self) -> None:
        pass


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
            with_functions(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    @property
    def num_io_tensors(self) -> int:
        return len(self.names)

    def get_tensor_name(self, index: int) -> str:
        return str(self.names[index])

    def get_tensor_dtype(self, name: str) -> str:
        (entry,) = (entry for entry in (*self.model.graph.input, *self.model.graph.output) if entry.name == name)
        return str(helper.tensor_dtype_to_np_dtype(entry.type.tensor_type.elem_type).name)

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
        self.shapes: dict[str, tuple[int, ...]] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        (entry,) = (entry for entry in self.engine.model.graph.input if entry.name == name)
        wanted = [dim.dim_value for dim in entry.type.tensor_type.shape.dim]
        if any(want and want != got for want, got in zip(wanted, shape, strict=True)):
            return False
        self.shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self.shapes:
            return self.shapes[name]
        inputs = {entry.name: np.zeros(self.shapes[entry.name], self._type(entry.name)) for entry in self._inputs()}
        shape: tuple[int, ...] = self.engine.session.run([name], inputs)[0].shape
        return shape

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
        results = self.engine.session.run(None, {entry.name: self._read(entry.name) for entry in self._inputs()})
        for entry, value in zip(self.engine.session.get_outputs(), results, strict=True):
            content = np.ascontiguousarray(value, self._type(entry.name)).tobytes()
            ctypes.memmove(self.addresses[entry.name], content, len(content))

    def _inputs(self) -> Any:
        return self.engine.model.graph.input

    def _type(self, name: str) -> np.dtype[Any]:
        return np.dtype(self.engine.get_tensor_dtype(name))

    def _read(self, name: str) -> Any:
        kind, shape = self._type(name), self.shapes[name]
        size = int(np.prod(shape)) * kind.itemsize
        return np.frombuffer(ctypes.string_at(self.addresses[name], size), kind).reshape(shape)


def with_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a function for what it leaves to the plugin, which sums in fp32 and rounds once."""
    functions = {(function.domain, function.name) for function in model.functions}
    nodes = [node for node in model.graph.node if node.domain == DOMAIN and (DOMAIN, node.op_type) not in functions]
    if not nodes:
        return model
    completed = onnx.ModelProto()
    completed.CopyFrom(model)
    completed.functions.append(_plugin_function(max(entry.version for entry in model.opset_import)))
    for node in completed.graph.node:
        kept = [attribute for attribute in node.attribute if not attribute.name.startswith("plugin_")]
        del node.attribute[:]
        node.attribute.extend(kept)
    return completed


def _plugin_function(opset: int) -> onnx.FunctionProto:
    function = operator_function(opset)
    floats = ("z", "attention", "bias")
    for node in function.node:
        node.input[:] = [f"{name}.float" if name in floats else name for name in node.input]
        node.output[:] = [f"{name}.float" if name == "y" else name for name in node.output]
    nodes = [helper.make_node("Cast", [name], [f"{name}.float"], to=onnx.TensorProto.FLOAT) for name in floats]
    nodes += [*function.node, helper.make_node("CastLike", ["y.float", "z"], ["y"])]
    del function.node[:]
    function.node.extend(nodes)
    return function
