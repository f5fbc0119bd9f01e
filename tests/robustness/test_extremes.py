"""Single extreme values, each with the message that a user reads."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from robust import parsers

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.onnx_metadata import read_metadata
from sdfl.benchmarks.suite import load_suite
from sdfl.config import read_table
from sdfl.datasets import read_pts
from sdfl.errors import ArtifactError, CheckpointError, ConfigError, DataError
from sdfl.files import Recording, atomic_path
from sdfl.train.recipe import Recipe

FACE = {"name": "a", "layout": "ibug68", "num_points": 68, "input_size": 64}


@pytest.mark.parametrize("byte", [0xFF, 0x80, 0x00])
def test_a_megabyte_of_one_byte_is_no_onnx_file_at_once(tmp_path: Path, byte: int) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(bytes([byte]) * 2**20)
    start_s = time.process_time()
    with pytest.raises(ArtifactError, match=r"a\.onnx: is not a complete ONNX file"):
        read_metadata(path)
    assert time.process_time() - start_s < 20  # minutes with integers that have no end


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("input_size", 32 * 10**300, id="a size that no memory holds"),
        pytest.param("crop_scale", math.nan, id="NaN"),
        pytest.param("crop_scale", 1e308, id="a crop larger than any picture"),
        pytest.param("opset", -1, id="no opset"),
        pytest.param("nme_percent", -0.5, id="an error below zero"),
    ],
)
def test_a_spec_refuses_what_no_model_has(field: str, value: float) -> None:
    with pytest.raises(ArtifactError, match=f"^{field} must .*got "):
        ModelSpec(**{**FACE, field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "message"), [("1e30", "lies beyond 1000000 px"), ("nan", "is not a finite number")])
def test_a_point_must_be_near_a_picture(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.pts"
    path.write_text(f"n_points: 2\n{{\n1 2\n{text} 4\n}}\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"a\.pts: holds a coordinate that {message} \(point 2\)"):
        read_pts(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("input_size = 0x" + "f" * 6000, "input_size must be at most 1e\\+15", id="6000 digits"),
        pytest.param("width = nan", "model.width must be a finite number, got nan", id="NaN"),
        pytest.param("width = -1e9", r"model.width must lie in 0.05..8, got -1000000000.0", id="below zero"),
    ],
)
def test_a_recipe_names_the_file_and_the_key(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f"[about]\nname = 'a'\n[data]\ntrain = ['a']\n[model]\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"a\.toml: .*{message}") as caught:
        read_table(Recipe, path)
    assert len(str(caught.value)) < 400


def test_a_suite_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("rounds = 0\n[[model]]\nartifact = 'small'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a\.toml: rounds must lie in 1..1e\+06, got 0"):
        load_suite(str(tmp_path / "a.toml"))


@pytest.mark.parametrize("write", [lambda path: atomic_path(path).__enter__(), Recording], ids=["atomic", "recording"])
def test_links_that_lead_to_each_other_are_an_error_of_the_system(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"symbolic links") as caught:
        write(tmp_path / "a")
    assert caught.value.filename == str(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.slow
def test_a_checkpoint_with_nan_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from sdfl.model.checkpoint import read_checkpoint

    path = tmp_path / "a.ckpt"
    path.write_bytes(parsers.TRIALS["checkpoint"].make(tmp_path))
    content = torch.load(path, weights_only=True)
    content["weights"]["head.mean_shape"][0, 0] = math.nan
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"a\.ckpt: weights\['head.mean_shape'\] holds NaN"):
        read_checkpoint(path)


def test_an_errors_values_stay_short() -> None:
    from sdfl.errors import shown

    assert [len(shown(value)) <= 80 for value in ("x" * 10**6, 16**6000, [[1] * 10**4], "a\nb")] == [True] * 4
