"""TensorRT engines of one node: `one_node` as a file, parsed, built and ready to be enqueued."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from one_node import INPUTS, OUTPUT
from operator_vectors import Vector

from sdfl.convert.engines.onnx_copy import make_copy
from sdfl.convert.engines.plan import CopyOptions
from sdfl.runtime.backends.tensorrt.library import Log


def plugin_form(model: onnx.ModelProto) -> bytes:
    """What `sdfl build --plugin` would give TensorRT: the node names the plugin, and there is no function."""
    return _copy(model, plugin=True)


def standard_form(model: onnx.ModelProto) -> bytes:
    """What `sdfl build` would give TensorRT without a plugin: standard operators in place of the node."""
    return _copy(model, plugin=False)


def _copy(model: onnx.ModelProto, *, plugin: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one_node.onnx"
        path.write_bytes(model.SerializeToString())
        return bytes(make_copy(path, CopyOptions(plugin=plugin)).SerializeToString())


def build_one_node(library: Any, log: Log, model: bytes, vector: Vector, *, capability: str = "") -> bytes:
    """The engine for a batch as large as the vector's.

    Strongly typed, as it is always from TensorRT 11 on: the node then computes in the types of the file, and TensorRT
    cannot choose fp32 for a vector of fp16. capability: of TensorRT-RTX, to build for a GPU that is not here.
    """
    builder = library.Builder(log.logger)
    network = builder.create_network(1 << int(library.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = library.OnnxParser(network, log.logger)
    reasons = parser.parse(model) or [str(parser.get_error(index).desc()) for index in range(parser.num_errors)]
    assert reasons is True, f"TensorRT's parser refuses the node: {reasons}"
    config = builder.create_builder_config()
    config.clear_flag(library.BuilderFlag.TF32)  # fp32 means fp32
    if capability:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(library.ComputeCapability, f"SM{capability.replace('.', '')}"), 0)
    profile = builder.create_optimization_profile()
    for name in INPUTS:
        batch, *rest = getattr(vector, name).shape
        largest = (max(1, batch), *rest)
        profile.set_shape(name, (batch, *rest), largest, largest)
    config.add_optimization_profile(profile)
    content = builder.build_serialized_network(network, config)
    assert content is not None, f"TensorRT cannot build the node: {log.why('no reason given')}"
    return bytes(content)


@dataclass(frozen=True, eq=False)
class OneNodeEngine:
    """A loaded engine. engine, runtime: live as long as the context."""

    context: Any
    engine: Any
    runtime: Any

    def enqueue(self, addresses: Sequence[int], stream: int) -> int:
        """Put it into a stream. Returns 0 where TensorRT took it."""
        for name, address in zip((*INPUTS, OUTPUT), addresses, strict=True):
            assert self.context.set_tensor_address(name, address)
        return 0 if self.context.execute_async_v3(stream) else 1


def prepare_one_node(library: Any, log: Log, content: bytes, vector: Vector) -> OneNodeEngine:
    """Load an engine for the vector's shapes, and check that it takes and gives the vector's type."""
    runtime = library.Runtime(log.logger)
    engine = runtime.deserialize_cuda_engine(content)
    assert engine is not None, f"TensorRT cannot load what it built: {log.why('no reason given')}"
    wanted = getattr(library, vector.z.dtype.name)
    assert [engine.get_tensor_dtype(name) for name in (*INPUTS, OUTPUT)] == [wanted] * 3
    context = engine.create_execution_context()
    for name in INPUTS:
        assert context.set_input_shape(name, getattr(vector, name).shape), log.why(f"shape of {name} refused")
    assert tuple(context.get_tensor_shape(OUTPUT)) == vector.truth.shape
    return OneNodeEngine(context, engine, runtime)
