"""ONNX Runtime on the CPU. It runs `sdfl::SparseGraphConv` by the function of standard operators in the model file."""

from __future__ import annotations

from pathlib import Path

from sdfl.artifacts.names import INPUT, OUTPUTS
from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.checks import require_count
from sdfl.runtime.backends.base import Closable, check_crops, refused
from sdfl.runtime.backends.onnxruntime.library import load_onnxruntime
from sdfl.types import Image, Prediction


class OnnxRuntimeBackend(Closable):
    """A `Backend` on the CPU.

    Args:
        path: an ONNX file.
        threads: largest number of CPU threads, None for all cores.

    Raises:
        ConfigError: `threads` is wrong.
        ArtifactError: the file is missing or damaged.
        MissingDependency: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        threads = require_count("threads", threads)
        self.spec = read_spec(path)
        onnxruntime = load_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors come as exceptions; its warnings are of no use to a user
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exception classes are private and differ between versions
            raise refused(path, "ONNX Runtime", error) from error

    def infer(self, crops: Image) -> Prediction:
        """Run the network on `crops` (B, S, S, 3) uint8 BGR.

        Raises:
            ClosedError: the back end was closed.
        """
        self._require_open()
        check_crops(crops, self.spec)
        return Prediction(*self._session.run(list(OUTPUTS), {INPUT: crops}))

    def _free(self) -> None:
        del self._session
