"""Model names and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdfl.errors import ArtifactError
from sdfl.runtime import zoo


@pytest.fixture
def two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("sdfl68", "small"):
        (tmp_path / f"{name}.onnx").write_bytes(b"")
    monkeypatch.setattr(zoo, "ZOO", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param(None, "sdfl68.onnx", id="default"),
        pytest.param("small", "small.onnx", id="by name"),
    ],
)
def test_a_name_gives_its_file(two_models: Path, name: str | None, file: str) -> None:
    assert zoo.resolve_model(name) == two_models / file


def test_a_path_gives_that_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"")
    assert zoo.resolve_model(str(path)) == path


@pytest.mark.usefixtures("two_models")
@pytest.mark.parametrize(
    ("name", "problem"),
    [pytest.param("sdfl69", "no such model", id="name"), pytest.param("dir/x.onnx", "no such file", id="path")],
)
def test_an_unknown_model_lists_the_choices(name: str, problem: str) -> None:
    with pytest.raises(ArtifactError, match=f"{name}: {problem}; choose sdfl68, small, the path of an .onnx file"):
        zoo.resolve_model(name)
