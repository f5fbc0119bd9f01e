"""A model file in ONNX Runtime. The graph operator runs by the function of standard operators in the file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.artifacts.names import INPUT
from sdfl.checks import require_count
from sdfl.runtime.backends.base import Closable, refused
from sdfl.runtime.backends.onnxruntime.library import load_onnxruntime
from sdfl.runtime.backends.onnxruntime.providers import ASSIGNMENT_KEY, CPU, full_names, require_running
from sdfl.types import FloatArray, Image


class OnnxRuntimeNetwork(Closable):
    """A network of one uint8 picture or a batch of them.

    Args:
        path: an ONNX file.
        threads: largest number of CPU threads, None for all cores.
        providers: what to compute on, of `providers.PROVIDERS`, the preferred first; None for the CPU.

    Attributes:
        runs_on: what computes, in words.
        on_cpu: whether nothing but the CPU computes.

    Raises:
        ConfigError: `threads` is wrong, or ONNX Runtime has no such provider.
        ArtifactError: ONNX Runtime refuses the file; UnusableHereError where a provider does not run it.
        MissingDependency: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path, *, threads: int | None, providers: Iterable[str] | str | None = None) -> None:
        super().__init__()
        threads = require_count("threads", threads)
        onnxruntime = load_onnxruntime()
        wanted = full_names(providers, onnxruntime.get_available_providers()) if providers is not None else [CPU]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors come as exceptions; its warnings are of no use to a user
        if wanted != [CPU]:
            options.add_session_config_entry(ASSIGNMENT_KEY, "1")
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=wanted)
        except Exception as error:  # its exception classes are private and differ between versions
            raise refused(path, "ONNX Runtime", error, here=wanted != [CPU]) from error
        self.on_cpu = wanted == [CPU]
        self.runs_on = "cpu" if self.on_cpu else require_running(self._session, wanted, str(path))
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, pictures: Image) -> dict[str, FloatArray]:
        """Run the network.

        Args:
            pictures: (B, H, W, 3) uint8 BGR.

        Returns:
            Name -> new array, for every output.

        Raises:
            ClosedError: the network was closed.
        """
        session = self._session  # it lives as long as a thread computes with it, also when another one closes
        # Sessions are safe for threads on the CPU, but not everywhere: DirectML's are not.
        with nullcontext() if self.on_cpu else self._lock:
            self._require_open()
            results = session.run(self._outputs, {INPUT: pictures})
        return {name: np.asarray(values, np.float32) for name, values in zip(self._outputs, results, strict=True)}

    def _free(self) -> None:
        self._session = None
