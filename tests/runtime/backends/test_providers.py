"""What ONNX Runtime says that it runs on, against what it truly runs on: it falls back to the CPU without an error."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sdfl.errors import UnusableHereError
from sdfl.runtime.backends.onnxruntime.providers import CPU, full_names, require_running, short_name

COREML, CUDA = "CoreMLExecutionProvider", "CUDAExecutionProvider"


@dataclass
class Part:
    ep_name: str
    size: int

    def get_nodes(self) -> list[None]:
        return [None] * self.size


@dataclass
class Session:
    """Stands for one of ONNX Runtime. parts: provider and number of operations, None in versions that do not tell."""

    started: list[str]
    parts: list[tuple[str, int]] | None = None

    def get_providers(self) -> list[str]:
        return self.started

    def get_provider_graph_assignment_info(self) -> list[Part]:
        if self.parts is None:
            raise AttributeError("get_provider_graph_assignment_info")
        return [Part(*part) for part in self.parts]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param("coreml", [COREML, CPU], id="short; the CPU runs what it cannot"),
        pytest.param(["CUDA", "CoreML"], [CUDA, COREML, CPU], id="in the given order, any case"),
        pytest.param([COREML, CPU, COREML], [COREML, CPU], id="ONNX Runtime's own names, once each"),
        pytest.param("cpu", [CPU], id="the CPU alone"),
    ],
)
def test_names(given: str | list[str], names: list[str]) -> None:
    assert full_names(given, [CUDA, COREML, CPU]) == names
    assert [short_name(name) for name in names][-1] == "cpu"


@pytest.mark.parametrize(
    ("session", "runs_on"),
    [
        pytest.param(Session([COREML, CPU], [(COREML, 120), (CPU, 10), (CPU, 7)]),
                     "coreml (120 of 137 operations), cpu", id="most of it"),
        pytest.param(Session([COREML, CPU]), "coreml, cpu", id="an ONNX Runtime that does not tell"),
    ],
)  # fmt: skip
def test_what_runs_is_said(session: Session, runs_on: str) -> None:
    assert require_running(session, [COREML, CPU], "x.onnx") == runs_on


@pytest.mark.parametrize(
    ("session", "problem"),
    [
        pytest.param(Session([CPU]), "x.onnx: the provider coreml did not start", id="silently left out"),
        pytest.param(Session([COREML, CPU], [(CPU, 137)]), "coreml started, but can run none", id="runs nothing"),
    ],
)
def test_a_silent_fallback_is_an_error(session: Session, problem: str) -> None:
    with pytest.raises(UnusableHereError, match=problem):
        require_running(session, [COREML, CPU], "x.onnx")
