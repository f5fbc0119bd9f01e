"""OpenVINO on the CPU: the default, the fastest on Intel and AMD, in bf16 and int8 where the processor has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sdfl.artifacts.model_file import read_spec
from sdfl.artifacts.names import INPUT, OUTPUTS
from sdfl.checks import require_count
from sdfl.errors import ConfigError
from sdfl.runtime.backends.base import Closable, check_crops, refused
from sdfl.runtime.backends.openvino.compiled_cache import compiled_or_cached, key_of
from sdfl.runtime.backends.openvino.extension import find_extension
from sdfl.runtime.backends.openvino.library import load_openvino
from sdfl.runtime.backends.openvino.operator import NATIVE, add_operator
from sdfl.runtime.backends.openvino.unsigned_int8 import use_unsigned
from sdfl.types import Image, Prediction

PRECISIONS = ("f32", "bf16", "f16")

# For batches up to this size a network of fixed shape is compiled when the first such batch comes (0.1 to 0.3 s). It
# runs a tenth faster than the network for any batch (measured at 128 px, one and two threads, fp32 and bf16).
LARGEST_FIXED_BATCH = 4
ANY_BATCH = 0


class OpenVinoBackend(Closable):
    """A `Backend` on the CPU. Compiled networks are kept in the user's cache.

    Args:
        path: an ONNX file or OpenVINO IR.
        threads: largest number of CPU threads, None for OpenVINO's own choice.
        precision: of PRECISIONS, what floats are computed in. None takes the processor's fastest, bf16 where it has
            that; and f32 for an int8 model, whose few float layers would lose more time by conversions than they gain.
        native: whether the graph convolution runs as compiled extension, None for the faster form.

    Attributes:
        operator: the form that the graph convolution runs in, see `sdfl.runtime.backends.openvino.operator`.

    Raises:
        ConfigError: an argument is wrong.
        ArtifactError: the file is missing or damaged, or the extension was asked for and not built.
        MissingDependency: OpenVINO is not installed.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        precision: str | None = None,
        native: bool | None = None,
    ) -> None:
        threads = require_count("threads", threads)
        self.spec = read_spec(path)
        self._path = path
        self._core = load_openvino().Core()
        if precision is None and self.spec.precision == "int8":
            precision = "f32"
        self._config = _config(threads, precision)
        self.operator = add_operator(self._core, native=native)
        self._model: Any = None
        self._requests: dict[int, Any] = {}  # by batch size
        try:
            self._key = self._cache_key()
            self._request(1)
        except Exception as error:  # OpenVINO raises bare RuntimeErrors
            raise refused(path, "OpenVINO", error) from error

    def infer(self, crops: Image) -> Prediction:
        """Run the network on `crops` (B, S, S, 3) uint8 BGR.

        Raises:
            ClosedError: the back end was closed.
        """
        self._require_open()
        check_crops(crops, self.spec)
        fixed = 1 <= len(crops) <= LARGEST_FIXED_BATCH
        request = self._request(len(crops) if fixed else ANY_BATCH)
        results = request.infer({INPUT: crops}, share_inputs=True)
        return Prediction(*(np.asarray(results[name], dtype=np.float32) for name in OUTPUTS))

    def _free(self) -> None:
        self._requests.clear()
        self._model = None

    def _request(self, batch: int) -> Any:
        if batch not in self._requests:
            key = f"{self._key}-{batch}"
            compiled = compiled_or_cached(self._core, key, self._config, lambda: self._compiled(batch))
            self._requests[batch] = compiled.create_infer_request()
        return self._requests[batch]

    def _compiled(self, batch: int) -> Any:
        if self._model is None:
            self._model = self._core.read_model(self._path)
            use_unsigned(self._model)
        model = self._model.clone()
        if batch != ANY_BATCH:
            size = self.spec.input_size
            model.reshape({INPUT: [batch, size, size, 3]})
        return self._core.compile_model(model, "CPU", self._config)

    def _cache_key(self) -> str:
        weights = self._path.with_suffix(".bin")  # of an IR
        library = find_extension() if self.operator == NATIVE else None
        files = [self._path, *([weights] if self._path.suffix == ".xml" else []), *([library] if library else [])]
        processor = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        abilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return key_of(files, load_openvino().__version__, self._config, self.operator, processor, abilities)


def _config(threads: int | None, precision: str | None) -> dict[str, Any]:
    if precision is not None and precision not in PRECISIONS:
        raise ConfigError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision,
    }
    return {key: value for key, value in options.items() if value is not None}
