"""What ONNX Runtime computes on: its execution providers by short names, and which of them truly run a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sdfl.errors import ConfigError, UnusableHereError

CPU = "CPUExecutionProvider"
PROVIDERS = {
    "cpu": CPU,
    "coreml": "CoreMLExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "qnn": "QNNExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}
WHEELS = {
    "cuda": "onnxruntime-gpu",
    "directml": "onnxruntime-directml",
    "openvino": "onnxruntime-openvino",
    "qnn": "onnxruntime-qnn",
    "tensorrt": "onnxruntime-gpu",
}
ASSIGNMENT_KEY = "session.record_ep_graph_assignment_info"


def full_names(providers: Iterable[str] | str, available: Sequence[str]) -> list[str]:
    """ONNX Runtime's names of execution providers, the CPU always last: it runs what the others cannot.

    Args:
        providers: keys of PROVIDERS or ONNX Runtime's own names, in small or capital letters.
        available: ONNX Runtime's names of those that the installed wheel has.

    Raises:
        ConfigError: a name is unknown, or the installed wheel lacks the provider; lists those that it has.
    """
    known = PROVIDERS | {full.lower(): full for full in [*PROVIDERS.values(), *available]}
    names = []
    for word in [providers] if isinstance(providers, str) else providers:
        name = known.get(str(word).lower())
        here = ", ".join(map(short_name, available))
        if not name:
            raise ConfigError(f"providers must be of {', '.join(PROVIDERS)}, got {word!r}; installed here: {here}")
        if name not in available:
            wheel = WHEELS.get(short_name(name))
            hint = f"install {wheel} in place of onnxruntime" if wheel else "no wheel for this system brings it"
            raise ConfigError(f"this ONNX Runtime has no provider {short_name(name)}, only {here}; {hint}")
        names.append(name)
    return [*dict.fromkeys(name for name in names if name != CPU), CPU]


def short_name(name: str) -> str:
    """The key of PROVIDERS for one of ONNX Runtime's names; that name itself where there is none."""
    return next((short for short, full in PROVIDERS.items() if full == name), name)


def require_running(session: Any, wanted: Sequence[str], origin: str) -> str:
    """Check what a session truly runs on, for ONNX Runtime falls back to the CPU without an error.

    Args:
        session: of ONNX Runtime, opened with ASSIGNMENT_KEY where its version knows that.
        wanted: ONNX Runtime's names, from `full_names`.
        origin: the model file, for errors.

    Returns:
        What runs the network, in words: "cpu", or "coreml (120 of 137 operations), cpu".

    Raises:
        UnusableHereError: a wanted provider did not start, or runs none of the operations.
    """
    started = session.get_providers()
    for name in wanted:
        if name not in started:
            raise UnusableHereError(
                f"{origin}: the provider {short_name(name)} did not start; look whether its driver and libraries are "
                "installed, or leave it out"
            )
    counts = _operations(session)
    if counts is None:
        return ", ".join(map(short_name, wanted))
    for name in wanted:
        if name != CPU and not counts[name]:
            raise UnusableHereError(
                f"{origin}: the provider {short_name(name)} started, but can run none of the model's operations; leave "
                "it out"
            )
    total = counts.total()
    shares = [f"{short_name(name)} ({counts[name]} of {total} operations)" for name in wanted if name != CPU]
    return ", ".join([*shares, short_name(CPU)])


def _operations(session: Any) -> Counter[str] | None:
    """Provider -> number of operations that it runs; None where this version of ONNX Runtime does not tell."""
    try:
        parts = session.get_provider_graph_assignment_info()
    except (AttributeError, RuntimeError):
        return None
    counts: Counter[str] = Counter()
    for part in parts:
        counts[part.ep_name] += len(part.get_nodes())
    return counts
