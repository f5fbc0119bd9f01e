"""A model file in OpenVINO on the CPU: in the first form that loads and computes the right values here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sdfl.artifacts.names import COMPUTE_PRECISIONS, INPUT
from sdfl.artifacts.self_test import EXACT, INTEGER, REDUCED, Deviation, require_right
from sdfl.checks import require_count
from sdfl.errors import ConfigError, UnusableHereError
from sdfl.runtime.backends.base import Closable, refused
from sdfl.runtime.backends.openvino.compiled_cache import compiled_or_cached, key_of
from sdfl.runtime.backends.openvino.extension import find_extension
from sdfl.runtime.backends.openvino.library import load_openvino
from sdfl.runtime.backends.openvino.operator import NATIVE, STANDARD, add_operator
from sdfl.runtime.backends.openvino.unsigned_int8 import use_unsigned
from sdfl.runtime.processor import processor_features
from sdfl.types import FloatArray, Image

Run: TypeAlias = Callable[[Image], dict[str, FloatArray]]
Shape: TypeAlias = tuple[int, int, int]  # batch, height and width
ANY_BATCH = 0


@dataclass(frozen=True)
class Form:
    """How OpenVINO runs a file.

    Attributes:
        operator: the form of the graph convolution, NATIVE or STANDARD.
        unsigned: whether activations behind a ReLU use unsigned bytes, see `use_unsigned`.
    """

    operator: str
    unsigned: bool

    def __str__(self) -> str:
        return f"{self.operator}, unsigned int8" if self.unsigned else self.operator


class OpenVinoNetwork(Closable):
    """A network of one uint8 picture or a batch of them. Compiled networks are kept in the user's cache.

    Every network is tested when it is compiled, before it is used or kept.

    Args:
        path: an ONNX file or OpenVINO IR.
        threads: largest number of CPU threads, None for OpenVINO's own choice.
        precision: what floats are computed in, of COMPUTE_PRECISIONS; None takes the processor's fastest, and f32 for
            int8 files, whose few float layers would lose more time by conversions than they gain.
        stored: what the file's weights are, of `sdfl.artifacts.names.PRECISIONS`.
        forms: to be tried, the best first; see `forms_of`.
        self_test: runs a network of the given shape on drawings and tells how far off it is.
        keep: whether compiled networks are read from the user's cache and kept there.

    Attributes:
        form: the one that was chosen.

    Raises:
        ConfigError: an argument is wrong.
        ArtifactError: OpenVINO cannot read the file; UnusableHereError where no form gives right results.
        MissingDependency: OpenVINO is not installed.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None,
        precision: str | None,
        stored: str,
        forms: Iterable[Form],
        self_test: Callable[[Run, Shape], Iterable[Deviation]],
        keep: bool = True,
    ) -> None:
        super().__init__()
        self._path, self._stored, self._self_test, self._keep = path, stored, self_test, keep
        if precision is None and stored == "int8":
            precision = "f32"
        self._config = _config(require_count("threads", threads), precision)
        self._core: Any = None
        self._model: Any = None
        self._key = ""
        self._requests: dict[Shape, Any] = {}
        self._forms = tuple(forms)
        self.form = self._forms[0]

    def open(self, shape: Shape) -> None:
        """Compile the network for pictures of `shape` in the first form that works, or take it from the cache.

        Raises:
            ArtifactError: as for the class.
        """
        problem: UnusableHereError | None = None
        for form in self._forms:
            try:
                self._use(form)
                self._requests[shape] = self._request(shape)
            except UnusableHereError as error:
                problem = problem or error  # the first form is the one that a user expects
            else:
                self._forms = (form,)
                return
        assert problem is not None
        raise problem

    def run(self, pictures: Image, *, any_batch: bool = False) -> dict[str, FloatArray]:
        """Run the network. Threads take turns, since one inference at a time uses all CPU threads.

        Args:
            pictures: (B, H, W, 3) uint8 BGR.
            any_batch: run the network for batches of any size, in place of one that is compiled for B pictures.

        Returns:
            Name -> new array, for every output.

        Raises:
            ClosedError: the network was closed.
            ArtifactError: as for the class, when a shape comes for the first time.
        """
        batch, height, width, _ = pictures.shape
        shape = (ANY_BATCH if any_batch else batch, height, width)
        with self._lock:
            self._require_open()
            if shape not in self._requests:
                self.open(shape)
            return _run(self._requests[shape], pictures)

    def arithmetic(self, shape: Shape) -> str:
        """What the network for `shape` computes in, a key of TOLERANCE_PX."""
        return self._arithmetic(self._requests[shape].get_compiled_model())

    def _free(self) -> None:
        self._requests.clear()
        self._core = self._model = None

    def _use(self, form: Form) -> None:
        """Begin anew in another form."""
        if self._key and form == self.form:
            return
        self._model, self.form = None, form
        self._core = load_openvino().Core()
        add_operator(self._core, native=form.operator == NATIVE)
        weights = self._path.with_suffix(".bin")  # of an IR
        library = find_extension() if form.operator == NATIVE else None
        files = [self._path, *([weights] if self._path.suffix == ".xml" else []), *([library] if library else [])]
        processor = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        abilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        version = load_openvino().__version__
        try:
            self._key = key_of(files, version, self._config, form, processor, abilities, processor_features())
        except OSError as error:
            raise refused(self._path, "OpenVINO", error) from error

    def _request(self, shape: Shape) -> Any:
        if not self._keep:
            compiled = self._compiled(shape)
            self._check(compiled, shape)
            return compiled.create_infer_request()
        key = "-".join([self._key, *map(str, shape)])
        compiled = compiled_or_cached(
            self._core, key, self._config, lambda: self._compiled(shape), lambda network: self._check(network, shape)
        )
        return compiled.create_infer_request()

    def _compiled(self, shape: Shape) -> Any:
        if self._model is None:
            try:
                self._model = self._core.read_model(self._path)
            except Exception as error:  # OpenVINO raises bare RuntimeErrors
                raise refused(self._path, "OpenVINO", error) from error
            if self.form.unsigned:
                use_unsigned(self._model)
        model = self._model.clone()
        batch, height, width = shape
        model.reshape({INPUT: [-1 if batch == ANY_BATCH else batch, height, width, 3]})
        try:
            return self._core.compile_model(model, "CPU", self._config)
        except Exception as error:
            raise refused(self._path, "OpenVINO", error, here=True) from error

    def _check(self, compiled: Any, shape: Shape) -> None:
        request = compiled.create_infer_request()
        try:
            deviations = list(self._self_test(lambda pictures: _run(request, pictures), shape))
        except RuntimeError as error:
            raise refused(self._path, "OpenVINO", error, here=True) from error
        require_right(deviations, self._arithmetic(compiled), self._path.name, f"OpenVINO ({self.form})")

    def _arithmetic(self, compiled: Any) -> str:
        if self._stored == "int8":
            return INTEGER
        exact = self._stored == "fp32" and compiled.get_property("INFERENCE_PRECISION_HINT") == load_openvino().Type.f32
        return EXACT if exact else REDUCED


def forms_of(*, int8: bool, native: bool | None = None, unsigned: bool | None = None) -> list[Form]:
    """The forms to try, the fastest first.

    Args:
        int8: whether the file's weights are int8.
        native: True for the compiled extension of the graph convolution alone, False for standard operators alone, None
            for both where the extension was built.
        unsigned: whether activations of int8 files use unsigned bytes, None for both.
    """
    operators = [NATIVE, STANDARD] if find_extension() is not None else [STANDARD]
    if native is not None:
        operators = [NATIVE if native else STANDARD]
    signs = [False] if not int8 else [True, False] if unsigned is None else [unsigned]
    return [Form(operator, sign) for sign in signs for operator in operators]


def _run(request: Any, pictures: Image) -> dict[str, FloatArray]:
    results = request.infer({INPUT: pictures}, share_inputs=True)
    return {port.any_name: np.asarray(values, dtype=np.float32) for port, values in results.items()}


def _config(threads: int | None, precision: str | None) -> dict[str, Any]:
    if precision is not None and precision not in COMPUTE_PRECISIONS:
        raise ConfigError(f"precision must be one of {', '.join(COMPUTE_PRECISIONS)}, got {precision!r}")
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision,
        # Every process would pin its threads to the same first cores: two beside each other were each 2.3 times slower,
        # with another core idle. Alone a process is as fast without (docs/explanation/decisions-runtime.md).
        "ENABLE_CPU_PINNING": False,
    }
    return {key: value for key, value in options.items() if value is not None}
