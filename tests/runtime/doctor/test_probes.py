"""What `sdfl doctor` finds out about this computer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdfl.runtime.backends.openvino.extension import EXTENSION_VARIABLE
from sdfl.runtime.doctor.jetson import parse_l4t
from sdfl.runtime.doctor.probes import installed_versions, read_computer


@pytest.mark.parametrize(
    ("text", "release"),
    [
        pytest.param("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic", "36.4.3", id="JetPack 6"),
        pytest.param("# R38 (release), REVISION: 2.0, GCID: 41844464, BOARD: generic", "38.2.0", id="JetPack 7"),
        pytest.param("# R36 (release), REVISION: , GCID: 1", "", id="no revision"),
        pytest.param("", "", id="no Jetson"),
    ],
)
def test_the_release_of_l4t(text: str, release: str) -> None:
    assert parse_l4t(text) == release


@given(st.text())
def test_any_other_text_is_no_release(text: str) -> None:
    assert parse_l4t(text) == ""


@given(st.integers(0, 999), st.integers(0, 99), st.integers(0, 99), st.text())
def test_a_release_is_read_whatever_stands_behind_it(major: int, minor: int, patch: int, rest: str) -> None:
    text = f"# R{major} (release), REVISION: {minor}.{patch}, {rest}"
    assert parse_l4t(text) == f"{major}.{minor}.{patch}"


def test_it_reads_this_computer() -> None:
    computer = read_computer()
    assert computer.memory_mb > 500
    assert computer.openvino_devices
    assert "CPUExecutionProvider" in computer.onnxruntime_providers
    assert computer.opencv
    assert computer.onnx == installed_versions().get("onnx", "")
    assert not computer.broken


def test_a_library_that_is_installed_and_broken_is_noted() -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("module compiled against API version 0x10\nbut this is 0xf")

    computer = read_computer({"openvino": broken, "onnxruntime": lambda: {"onnxruntime_providers": ("x",)}})
    assert computer.broken == {"openvino": "module compiled against API version 0x10"}
    assert computer.onnxruntime_providers == ("x",)


def test_an_extension_that_is_not_there_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTENSION_VARIABLE, "/no/such/library.so")
    computer = read_computer({})
    assert computer.openvino_extension == ""
    assert "/no/such/library.so, which is no file" in computer.extension_problem
