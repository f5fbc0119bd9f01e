"""What running an engine needs of CUDA: memory on the GPU, and work that is recorded once and then repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from sdfl.errors import SdflError

Array = npt.NDArray[Any]
Enqueue = Callable[[int], bool]  # given a CUDA stream, puts work into it; False where that failed

# What a driver's error names contain -> what to do.
ADVICE = {
    "InsufficientDriver": "the NVIDIA driver is missing, or older than this cuda-bindings; on JetPack 6: "
    "pip install 'cuda-bindings==12.*', elsewhere install or update the driver",
    "NoDevice": "there is no NVIDIA GPU, or the container was started without --gpus all (Jetson: --runtime nvidia)",
    "MemoryAllocation": "the GPU's memory is full; close other programs, or add swap on a Jetson "
    "(docs/guide/deploy-jetson.md)",
    "NoKernelImage": "the operator's plugin holds no kernel for this GPU; build it again with "
    "-D CMAKE_CUDA_ARCHITECTURES= its compute capability without the dot, for example 87 for Orin",
}


class CudaError(SdflError):
    """The driver or the GPU refused something; the message says what, and what to do where that is known."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """Memory of one tensor, on both sides.

    Attributes:
        host: an array in pinned memory.
        address: of the memory on the GPU that the array is copied to or from.
    """

    host: Array
    address: int


@dataclass(frozen=True, eq=False)
class Replay:
    """Recorded work; calling it runs the work again and waits for it.

    Attributes:
        run: what a call does.
        is_graph: whether it is one launch of a CUDA graph, or else everything is enqueued again.
    """

    run: Callable[[], None]
    is_graph: bool = False

    def __call__(self) -> None:
        """Run the work again and wait for it."""
        self.run()


class Cuda(Protocol):
    """One stream of GPU 0, and the memory that belongs to it."""

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """Allocate memory for a tensor; it is kept until `close`.

        Raises:
            CudaError: the memory is full.
        """
        ...

    def record(self, inputs: Sequence[Buffer], outputs: Sequence[Buffer], enqueue: Enqueue) -> Replay:
        """Run some work once, so that it can be repeated without allocating anything.

        Args:
            inputs: copied to the GPU before the work.
            outputs: copied from the GPU after it.
            enqueue: puts the work into a stream.

        Returns:
            What runs all of this again and waits for it; other Python threads go on meanwhile.

        Raises:
            CudaError: the GPU refuses the work.
        """
        ...

    def close(self) -> None:
        """Free the memory."""
        ...


def explain(message: str) -> str:
    """`message`, and what to do where it contains the name of a known error."""
    advice = next((advice for name, advice in ADVICE.items() if name.lower() in message.lower()), "")
    return f"{message}: {advice}" if advice else message


def cuda_version(number: int) -> str:
    """The version that CUDA writes as one number: 12060 -> "12.6"."""
    return f"{number // 1000}.{number % 1000 // 10}"
