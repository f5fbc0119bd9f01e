"""OpenVINO on the CPU: the default, fastest on Intel and AMD, bf16 and int8 where the processor has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sdfl.artifact import read_spec
from sdfl.core import Image, Prediction
from sdfl.errors import ConfigError, MissingDependency
from sdfl.runtime.backends.base import INPUT, OUTPUTS, check_crops, check_threads, refused
from sdfl.runtime.backends.ov_int8 import use_unsigned
from sdfl.runtime.backends.ov_operator import add_operator

PRECISIONS = ("f32", "bf16", "f16")

# Batches up to this size have a network compiled for their fixed shape when they first come (0.1 to 0.3 s): measured a
# tenth faster than the one for any batch, at 128 px with one and two threads, fp32 and bf16.
LARGEST_FIXED_BATCH = 4
ANY_BATCH = 0


class OpenVinoBackend:
    """A `Backend`.

    threads: at most so many, None leaves it to OpenVINO. precision: of PRECISIONS, what floats are computed in; None
    takes the processor's fastest (bf16 where it has it). cache_dir: where compiled models are kept for the next start.
    native: the graph convolution as compiled extension or not, None for the faster form; `operator` says which it is.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        precision: str | None = None,
        cache_dir: Path | None = None,
        native: bool | None = None,
    ) -> None:
        check_threads(threads)
        self.spec = read_spec(path)
        try:
            import openvino
        except ImportError as error:
            raise MissingDependency("openvino") from error
        self._core = openvino.Core()
        self._config = _config(threads, precision, cache_dir)
        self.operator = add_operator(self._core, native=native)
        try:
            self._model = self._core.read_model(path)
            use_unsigned(self._model)
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
