"""OpenVINO on the CPU: the default, fastest on Intel and AMD, bf16 and int8 where the processor has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sdfl.core import Image, Prediction
from sdfl.errors import ConfigError, MissingDependency
from sdfl.onnx_file import read_spec
from sdfl.runtime.backends.base import INPUT, OUTPUTS, check_crops, check_threads, refused

PRECISIONS = ("f32", "bf16", "f16")

# Batches up to this size have a network compiled for their fixed shape when they first come (0.1 to 0.3 s): measured a
# tenth faster than the one for any batch, at 128 px with one and two threads, fp32 and bf16.
LARGEST_FIXED_BATCH = 4
ANY_BATCH = 0


class OpenVinoBackend:
    """A `Backend`.

    threads: at most so many, None leaves it to OpenVINO. precision: of PRECISIONS, what floats are computed in; None
    takes the processor's fastest (bf16 on AMX machines). cache_dir: where compiled models are kept for the next start.
    """

    def __init__(
        self, path: Path, *, threads: int | None = None, precision: str | None = None, cache_dir: Path | None = None
    ) -> None:
        check_threads(threads)
        self.spec = read_spec(path)
        try:
            import openvino
        except ImportError as error:
            raise MissingDependency("openvino") from error
        self._core = openvino.Core()
        self._config = _config(threads, precision, cache_dir)
        try:
            self._core.add_extension(_sparse_graph_conv())
            self._model = self._core.read_model(path)
            self._requests: dict[int, Any] = {}  # by batch size
            self._request(1)
        except Exception as error:  # OpenVINO raises bare RuntimeErrors
            raise refused(path, "OpenVINO", error) from error

    def infer(self, crops: Image) -> Prediction:
        """crops: (B, S, S, 3) uint8 BGR."""
        check_crops(crops, self.spec)
        fixed = 1 <= len(crops) <= LARGEST_FIXED_BATCH
        request = self._request(len(crops) if fixed else ANY_BATCH)
        results = request.infer({INPUT: crops}, share_inputs=True)
        return Prediction(*(np.asarray(results[name], dtype=np.float32) for name in OUTPUTS))

    def close(self) -> None:
        """Free the compiled networks."""
        self._requests.clear()

    def _request(self, batch: int) -> Any:
        if batch not in self._requests:
            model = self._model.clone()
            if batch != ANY_BATCH:
                size = self.spec.input_size
                model.reshape({INPUT: [batch, size, size, 3]})
            self._requests[batch] = self._core.compile_model(model, "CPU", self._config).create_infer_request()
        return self._requests[batch]


def _config(threads: int | None, precision: str | None, cache_dir: Path | None) -> dict[str, Any]:
    if precision is not None and precision not in PRECISIONS:
        raise ConfigError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision,
        "CACHE_DIR": str(cache_dir) if cache_dir else None,
    }
    return {key: value for key, value in options.items() if value is not None}


def _sparse_graph_conv() -> Any:
    """The operator as standard operators: y = f(sum over k of attention * z[neighbours] + bias)."""
    from openvino import opset13 as ops
    from openvino.frontend.onnx import ConversionExtension

    def convert(node: Any) -> Any:
        z, attention, neighbours, bias = (node.get_input(index) for index in range(4))
        slope = node.get_attribute("slope")
        gathered = ops.gather(z, neighbours, ops.constant(1, dtype=np.int32))  # (B, N, K, C)
        weighted = ops.multiply(gathered, ops.unsqueeze(attention, ops.constant(-1, dtype=np.int32)))
        y = ops.add(ops.reduce_sum(weighted, ops.constant([2], dtype=np.int32)), bias)
        if slope != 1.0:
            y = ops.prelu(y, ops.constant(np.array([slope], np.float32)))
        return y.outputs()

    return ConversionExtension("SparseGraphConv", "sdfl", convert)
