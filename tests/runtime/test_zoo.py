"""Model names and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdfl.errors import ArtifactError, SdflError
from sdfl.runtime import zoo


@pytest.fixture
def two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("medium", "small"):
        (tmp_path / f"{name}.onnx").write_bytes(b"")
    monkeypatch.setattr(zoo, "ZOO", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param(None, "small.onnx", id="default"),
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
    with pytest.raises(ArtifactError, match=f"{name}: {problem}; choose medium, small, the path of an .onnx file"):
        zoo.resolve_model(name)


@pytest.fixture
def small_int8(two_models: Path) -> Path:
    (two_models / "small_int8.onnx").write_bytes(b"")
    return two_models


@pytest.mark.parametrize(
    ("precision", "file"),
    [
        pytest.param("fp32", "small.onnx", id="float"),
        pytest.param("fp16", "small.onnx", id="fp16: the same file, which stores fp16"),
        pytest.param("int8", "small_int8.onnx", id="int8"),
    ],
)
def test_a_precision_chooses_the_file_of_a_name(small_int8: Path, precision: str, file: str) -> None:
    assert zoo.resolve_model("small", precision) == small_int8 / file


@pytest.mark.parametrize(
    ("name", "precision", "message"),
    [
        pytest.param("small", "int4", "must be one of fp32, int8, fp16 for small, got 'int4'", id="unknown"),
        pytest.param("medium", "int8", "must be one of fp32, fp16 for medium, got 'int8'", id="not shipped"),
        pytest.param("dir/x.onnx", "int8", r"goes with a model of the package \(medium, small\)", id="of a path"),
    ],
)
def test_a_precision_that_is_not_there_is_refused(small_int8: Path, name: str, precision: str, message: str) -> None:
    with pytest.raises(SdflError, match=message):
        zoo.resolve_model(name, precision)
