"""TensorRT engines that `sdfl build` made. Their passport is checked before anything is deserialised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.artifacts.names import INPUT, OUTPUTS
from sdfl.artifacts.passport import check_passport, read_passport
from sdfl.artifacts.self_test import INTEGER, REDUCED, require_right
from sdfl.checks import require_count
from sdfl.errors import ArtifactError
from sdfl.runtime.backends.base import Closable, check_crops
from sdfl.runtime.backends.cuda.interface import Buffer, Cuda, CudaError, Replay
from sdfl.runtime.backends.cuda.open import open_cuda, read_gpu
from sdfl.runtime.backends.self_test import deviations
from sdfl.runtime.backends.tensorrt.library import Log, find_plugin, load_library, load_plugin
from sdfl.types import FloatArray, Image, Prediction


class TensorRtBackend(Closable):
    """A `Backend` on an NVIDIA GPU. Threads take turns, since there is one stream.

    More crops than the engine takes at once are run in several parts.

    Args:
        path: of the engine; its passport lies beside it.
        threads: checked as by all back ends, but without effect, since the network runs on the GPU.
        graphs: replay the network as a CUDA graph where that is possible; False enqueues it each time.

    Attributes:
        is_graph: whether one face is one launch of a CUDA graph.
        runs_in: the library and its precision.
        arithmetic: a key of `sdfl.artifacts.self_test.TOLERANCE_PX`.

    Raises:
        ConfigError: `threads` is wrong, or an environment variable names a plugin that does not exist.
        ArtifactError: the engine is missing, damaged or built for another machine; UnusableHereError where it computes
            something wrong.
        MissingDependency: TensorRT or a package for CUDA is not installed.
        SdflError: TensorRT cannot be loaded, or there is no usable GPU.
    """

    def __init__(self, path: Path, *, threads: int | None = None, graphs: bool = True) -> None:
        super().__init__()
        require_count("threads", threads)
        passport = read_passport(path)
        self.spec = passport.spec(str(path))
        library = load_library(passport.target)
        log = Log(library)
        plugin = find_plugin() if passport.plugin_sha256 else None
        check_passport(path, passport, library_version=library.__version__, gpu=read_gpu(), plugin=plugin)
        if plugin is not None:
            load_plugin(library, log, plugin)
        self._largest = passport.max_faces
        self._engine = LoadedEngine(library, log, path.read_bytes(), str(path), open_cuda(graphs=graphs))
        if set(OUTPUTS) - set(self._engine.outputs):
            raise ArtifactError(f"{path}: has other outputs than a landmark model; build it again: {passport.rebuild}")
        first = self._engine.prepare((1, self.spec.input_size, self.spec.input_size, 3))
        self.is_graph = first.replay.is_graph
        self.runs_in = f"{passport.target}, {passport.precision}"
        self.arithmetic = INTEGER if passport.precision == "int8" else REDUCED  # fp32 may be TF32
        require_right(deviations(self.spec, self.infer), self.arithmetic, path.name, self.runs_in)

    def infer(self, crops: Image) -> Prediction:
        """Run the network on `crops` (B, S, S, 3) uint8 BGR.

        Raises:
            ArtifactError: the GPU fails.
            ClosedError: the back end was closed.
        """
        with self._lock:
            self._require_open()
            check_crops(crops, self.spec)
            starts = range(0, len(crops), self._largest)
            parts = [self._engine.run(crops[start : start + self._largest]) for start in starts]
        points = self.spec.num_points
        shapes = {"points": (0, points, 2), "presence": (0,), "log_scale": (0, points)}
        return Prediction(
            *(np.concatenate([np.zeros(shapes[name], np.float32), *(part[name] for part in parts)]) for name in OUTPUTS)
        )

    def _free(self) -> None:
        self._engine.close()


@dataclass(frozen=True, eq=False)
class Recorded:
    """What running batches of one size needs.

    Attributes:
        context: TensorRT's execution context, which must live as long as its work is replayed.
        image: the input.
        outputs: name -> output.
        replay: runs the recorded work.
    """

    context: Any
    image: Buffer
    outputs: dict[str, Buffer]
    replay: Replay


class LoadedEngine:
    """A deserialised engine with one uint8 input and float outputs, for one thread at a time.

    Memory is allocated and the work recorded when the first batch of each size comes; later batches allocate nothing.

    Args:
        library: the module of TensorRT.
        log: that TensorRT writes to.
        content: the serialised engine.
        origin: what errors call the engine.
        cuda: gives the memory; closed together with the engine.

    Attributes:
        outputs: names of the outputs.

    Raises:
        ArtifactError: TensorRT refuses the engine, or its input is another one.
    """

    def __init__(self, library: Any, log: Log, content: bytes, origin: str, cuda: Cuda) -> None:
        self._log, self._origin, self._cuda = log, origin, cuda
        self._runtime = library.Runtime(log.logger)
        self._engine = self._runtime.deserialize_cuda_engine(content)
        if self._engine is None:
            raise ArtifactError(f"{origin}: TensorRT refuses it ({log.why('no reason given')})")
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        if INPUT not in names or self._engine.get_tensor_dtype(INPUT) != library.uint8:
            raise ArtifactError(f"{origin}: does not take uint8 pictures named {INPUT}; build it with `sdfl build`")
        self.outputs = tuple(name for name in names if name != INPUT)
        self._recorded: dict[int, Recorded] = {}  # by batch size

    def run(self, crops: Image) -> dict[str, FloatArray]:
        """Run the engine on `crops` (B, S, S, 3) uint8, as many as it allows.

        Returns:
            Name -> a new array, for every output.

        Raises:
            ArtifactError: the engine does not take such crops, or the GPU fails.
        """
        recorded = self.prepare(crops.shape)
        recorded.image.host[...] = crops
        recorded.replay()
        return {name: buffer.host.copy() for name, buffer in recorded.outputs.items()}

    def prepare(self, shape: tuple[int, ...]) -> Recorded:
        """Allocate and record what crops of `shape` (B, S, S, 3) need, if that was not done yet.

        Raises:
            ArtifactError: the engine does not take such crops, or the GPU fails.
        """
        if shape[0] not in self._recorded:
            self._recorded[shape[0]] = self._record(shape)
        return self._recorded[shape[0]]

    def close(self) -> None:
        """Free the engine and its memory."""
        self._recorded.clear()
        self._cuda.close()
        del self._engine, self._runtime

    def _record(self, shape: tuple[int, ...]) -> Recorded:
        # One for each size: recorded work holds the addresses of its context.
        context = self._engine.create_execution_context()
        if context is None:
            raise ArtifactError(f"{self._origin}: cannot be run ({self._log.why('no execution context')})")
        if not context.set_input_shape(INPUT, shape):
            raise ArtifactError(f"{self._origin}: does not take crops {shape} ({self._log.why('shape refused')})")
        try:
            image = self._cuda.buffer(shape, np.uint8)
            outputs = {
                name: self._cuda.buffer(tuple(context.get_tensor_shape(name)), np.float32) for name in self.outputs
            }
            for name, buffer in {INPUT: image, **outputs}.items():
                context.set_tensor_address(name, buffer.address)
            replay = self._cuda.record([image], list(outputs.values()), context.execute_async_v3)
        except CudaError as error:
            raise ArtifactError(f"{self._origin}: {self._log.why(str(error))}") from error
        return Recorded(context, image, outputs, replay)
