"""A .tflite file of a few kilobytes, written without LiteRT's converter: points from the mean colour of the picture."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sdfl.artifacts.drawn_face import drawn_crop
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.litert_file import with_passport
from sdfl.artifacts.passport import Passport
from sdfl.artifacts.self_test import Expected
from sdfl.types import Image, Prediction

POINTS, SIZE = 68, 64
Floats = npt.NDArray[np.float32]


def make_weights() -> dict[str, tuple[Floats, Floats]]:
    """Output -> weights (values, 3) and bias (values,)."""
    rng = np.random.default_rng(0)
    sizes = {"points": 2 * POINTS, "presence": 1, "log_scale": POINTS}
    return {
        name: ((rng.normal(size=(size, 3)) / 100).astype(np.float32), rng.normal(size=size).astype(np.float32))
        for name, size in sizes.items()
    }


def numpy_reference(crops: Image) -> Prediction:
    """What the file computes, by numpy."""
    colour = crops.astype(np.float64).mean(axis=(1, 2))
    found = {name: colour @ weights.T + bias for name, (weights, bias) in make_weights().items()}
    presence = 1 / (1 + np.exp(-found["presence"][:, 0]))
    parts = (found["points"].reshape(-1, POINTS, 2), presence, found["log_scale"])
    return Prediction(*(part.astype(np.float32) for part in parts))


def network() -> bytes:
    """The network alone, as LiteRT's converter would write it."""
    flatbuffers = pytest.importorskip("flatbuffers")
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="LiteRT is not installed")
    writer = _Writer(schema)
    image = writer.tensor("image", (1, SIZE, SIZE, 3), schema.TensorType.UINT8)
    floats = writer.tensor("floats", (1, SIZE, SIZE, 3))
    colour = writer.tensor("colour", (1, 3))
    writer.operation("CAST", [image], floats)
    axes = writer.constant("axes", np.array([1, 2], np.int32))
    writer.operation("MEAN", [floats, axes], colour, "ReducerOptions")
    shapes = {"points": (1, POINTS, 2), "presence": (1,), "log_scale": (1, POINTS)}
    outputs = {name: writer.tensor(name, shape) for name, shape in shapes.items()}
    for name, (weights, bias) in make_weights().items():
        flat = writer.tensor(f"flat {name}", (1, len(bias)))
        stored = [writer.constant(f"{name} weights", weights), writer.constant(f"{name} bias", bias)]
        writer.operation("FULLY_CONNECTED", [colour, *stored], flat, "FullyConnectedOptions")
        if name == "presence":
            chance = writer.tensor("chance", (1, 1))
            writer.operation("LOGISTIC", [flat], chance)
            flat = chance
        shape = writer.constant(f"{name} shape", np.array(shapes[name], np.int32))
        writer.operation("RESHAPE", [flat, shape], outputs[name])
    builder = flatbuffers.Builder(1024)
    builder.Finish(writer.model({"image": image}, outputs).Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Writer:
    """Collects tensors and operations of one graph."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.buffers = [schema.BufferT()]
        self.kinds: list[str] = []

    def tensor(self, name: str, shape: tuple[int, ...], kind: int = 0, buffer: int = 0) -> int:
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def constant(self, name: str, values: npt.NDArray[Any]) -> int:
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.buffers.append(buffer)
        kind = self.schema.TensorType.INT32 if values.dtype == np.int32 else self.schema.TensorType.FLOAT32
        return self.tensor(name, values.shape, kind, len(self.buffers) - 1)

    def operation(self, kind: str, inputs: list[int], output: int, options: str = "") -> None:
        operation = self.schema.OperatorT()
        self.kinds += [] if kind in self.kinds else [kind]
        operation.opcodeIndex, operation.inputs, operation.outputs = self.kinds.index(kind), inputs, [output]
        if options:
            operation.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            operation.builtinOptions = getattr(self.schema, f"{options}T")()
        self.graph.operators.append(operation)

    def model(self, inputs: dict[str, int], outputs: dict[str, int]) -> Any:
        self.graph.inputs, self.graph.outputs = list(inputs.values()), list(outputs.values())
        model = self.schema.ModelT()
        model.version, model.buffers, model.subgraphs = 3, self.buffers, [self.graph]
        model.operatorCodes = []
        for kind in self.kinds:
            code = self.schema.OperatorCodeT()
            code.builtinCode = getattr(self.schema.BuiltinOperator, kind)
            code.deprecatedBuiltinCode, code.version = code.builtinCode, 1
            model.operatorCodes.append(code)
        signature = self.schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        signature.inputs, signature.outputs = self._names(inputs), self._names(outputs)
        model.signatureDefs = [signature]
        return model

    def _names(self, tensors: dict[str, int]) -> list[Any]:
        entries = []
        for name, index in tensors.items():
            entry = self.schema.TensorMapT()
            entry.name, entry.tensorIndex = name.encode(), index
            entries.append(entry)
        return entries


def make_spec(shift_px: float = 0.0) -> ModelSpec:
    """shift_px: how far the points of the stated self-test are from the right ones."""
    found = numpy_reference(drawn_crop(SIZE, 0)[None])
    points = tuple((float(x) + shift_px, float(y)) for x, y in found.points[0].round(2))
    return ModelSpec("toy", "ibug68", POINTS, SIZE, self_test=(Expected(points, float(found.presence[0])),))


def passport_of(content: bytes, spec: ModelSpec) -> Passport:
    digest = hashlib.sha256(content).hexdigest()
    return Passport("litert", "fp32", spec.to_metadata(), "toy.onnx", "0" * 64, "", digest, "0.10.0")


def save_toy_tflite(path: Path, shift_px: float = 0.0) -> Path:
    """The file with its passport. Returns `path`."""
    content = network()
    path.write_bytes(with_passport(content, passport_of(content, make_spec(shift_px))))
    return path
