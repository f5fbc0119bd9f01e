"""Landmark networks in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sdfl.artifacts.names import OUTPUTS
from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.artifacts.self_test import EXACT, INTEGER, REDUCED, require_right
from sdfl.runtime.backends.base import Closable, check_crops
from sdfl.runtime.backends.onnxruntime.network import OnnxRuntimeNetwork
from sdfl.runtime.backends.self_test import deviations
from sdfl.types import Image, Prediction


class OnnxRuntimeBackend(Closable):
    """A `Backend` on the CPU, or on what else an ONNX Runtime was built for. It is tested whenever it is opened.

    Args:
        path: an ONNX file.
        threads: largest number of CPU threads, None for all cores.
        providers: what to compute on, of "cpu", "coreml", "cuda", "directml", "openvino", "qnn", "tensorrt", "xnnpack",
            as far as the installed ONNX Runtime has it; the preferred first. None for the CPU.

    Attributes:
        runs_in: the library, and what it computes on.
        arithmetic: a key of `sdfl.artifacts.self_test.TOLERANCE_PX`.

    Raises:
        ConfigError: `threads` is wrong, or ONNX Runtime has no such provider.
        ArtifactError: the file is missing or damaged; UnusableHereError where a provider does not run it, or ONNX
            Runtime computes something wrong from it on this processor.
        MissingDependency: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path, *, threads: int | None = None, providers: Iterable[str] | str | None = None) -> None:
        super().__init__()
        self.spec = read_spec(path)
        self._network = OnnxRuntimeNetwork(path, threads=threads, providers=providers)
        self.runs_in = f"ONNX Runtime, {self._network.runs_on}"
        float_arithmetic = EXACT if self._network.on_cpu else REDUCED
        self.arithmetic = INTEGER if self.spec.precision == "int8" else float_arithmetic
        require_right(deviations(self.spec, self.infer), self.arithmetic, path.name, self.runs_in)

    def infer(self, crops: Image) -> Prediction:
        """Run the network on `crops` (B, S, S, 3) uint8 BGR; on the CPU, several threads compute at the same time.

        Raises:
            ClosedError: the back end was closed.
        """
        self._require_open()
        check_crops(crops, self.spec)
        results = self._network.run(crops)
        return Prediction(*(results[name] for name in OUTPUTS))

    def _free(self) -> None:
        self._network.close()
