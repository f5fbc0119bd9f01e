"""OpenVINO on the CPU: the default on Intel and AMD, in bf16 and int8 where the processor has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sdfl.artifacts.model_file import read_spec
from sdfl.artifacts.names import OUTPUTS
from sdfl.artifacts.self_test import Deviation
from sdfl.runtime.backends.base import Closable, check_crops
from sdfl.runtime.backends.openvino.network import ANY_BATCH, OpenVinoNetwork, Run, Shape, forms_of
from sdfl.runtime.backends.self_test import deviations
from sdfl.types import FloatArray, Image, Prediction

# For batches up to this size a network of fixed shape is compiled when the first such batch comes (0.1 to 0.3 s). It
# runs a tenth faster than the network for any batch (measured at 128 px, one and two threads, fp32 and bf16).
LARGEST_FIXED_BATCH = 4


class OpenVinoBackend(Closable):
    """A `Backend` on the CPU. Compiled networks are tested and then kept in the user's cache.

    Args:
        path: an ONNX file or OpenVINO IR.
        threads: largest number of CPU threads, None for OpenVINO's own choice.
        precision: of COMPUTE_PRECISIONS, what floats are computed in. None takes the processor's fastest, bf16 or f16
            where it has that; and f32 for an int8 model.
        native: whether the graph convolution runs as compiled extension, None for the faster form that works here.
        unsigned: whether activations of an int8 model use unsigned bytes (`use_unsigned`), None for what works.
        keep: whether compiled networks are read from the user's cache and kept there.

    Attributes:
        operator: the form that the graph convolution runs in, see `sdfl.runtime.backends.openvino.operator`.
        runs_in: the library and form, in words.
        arithmetic: a key of `sdfl.artifacts.self_test.TOLERANCE_PX`.

    Raises:
        ConfigError: an argument is wrong.
        ArtifactError: the file is missing or damaged, or the extension was asked for and not built; UnusableHereError
            where OpenVINO computes something wrong from it on this processor.
        MissingDependency: OpenVINO is not installed.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        precision: str | None = None,
        native: bool | None = None,
        unsigned: bool | None = None,
        keep: bool = True,
    ) -> None:
        super().__init__()
        self.spec = read_spec(path)
        int8 = self.spec.precision == "int8"
        self._network = OpenVinoNetwork(
            path,
            threads=threads,
            precision=precision,
            stored=self.spec.precision,
            forms=forms_of(int8=int8, native=native, unsigned=unsigned),
            self_test=self._self_test,
            keep=keep,
        )
        one = (1, self.spec.input_size, self.spec.input_size)
        self._network.open(one)
        self.operator, self.arithmetic = self._network.form.operator, self._network.arithmetic(one)
        self.runs_in = f"OpenVINO, {self._network.form}"

    def infer(self, crops: Image) -> Prediction:
        """Run the network on `crops` (B, S, S, 3) uint8 BGR.

        Raises:
            ClosedError: the back end was closed.
            UnusableHereError: a batch of this size comes for the first time, and its network computes something wrong.
        """
        self._require_open()
        check_crops(crops, self.spec)
        any_batch = not 1 <= len(crops) <= LARGEST_FIXED_BATCH
        return _prediction(self._network.run(crops, any_batch=any_batch))

    def _self_test(self, run: Run, shape: Shape) -> Iterator[Deviation]:
        batch = LARGEST_FIXED_BATCH + 1 if shape[0] == ANY_BATCH else shape[0]
        return deviations(self.spec, lambda crops: _prediction(run(crops)), batch=batch)

    def _free(self) -> None:
        self._network.close()


def _prediction(results: dict[str, FloatArray]) -> Prediction:
    return Prediction(*(results[name] for name in OUTPUTS))
