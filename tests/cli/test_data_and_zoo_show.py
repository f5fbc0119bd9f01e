import json
import sys
from pathlib import Path
from typing import get_args

import pytest
import typer
from typer.testing import CliRunner

from sdfl.cli import data, reproduce, zoo
from sdfl.errors import ArtifactError, ConfigError, DataError, MissingDependency

app = typer.Typer()
app.command("check")(data.data_check)
app.command("reproduce")(reproduce.reproduce)
app.command("show")(zoo.zoo_show)


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_data_check_prints_a_row_a_part_and_draws_a_sheet(face_root: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert call("check", str(face_root), "--sheet", str(sheet)) == "pictures with .pts  24\n"
    assert sheet.stat().st_size > 1000
    (row,) = json.loads(call("check", str(face_root), "--json"))
    assert (row["found"], row["complete"]) == (24, True)


def test_data_check_of_nothing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        call("check", str(tmp_path))


def test_the_sheet_is_a_png(face_root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sheet\.pdf: the contact sheet's name must end in \.png"):
        call("check", str(face_root), "--sheet", str(tmp_path / "sheet.pdf"))


@pytest.mark.parametrize(
    ("model", "backbone_parameters"),
    [
        pytest.param("mobilenet_v2", 1_811_712, id="a backbone"),
        pytest.param("paper_wflw", 1_811_712, id="a recipe"),
    ],
)
def test_zoo_show_counts_with_and_without_head(model: str, backbone_parameters: int) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    facts = json.loads(call("show", model, "--json"))
    assert facts["backbone_parameters"] == backbone_parameters
    assert facts["total_parameters"] == facts["backbone_parameters"] + facts["head_parameters"]
    assert facts["total_multiply_adds"] == facts["backbone_multiply_adds"] + facts["head_multiply_adds"]
    assert "head_multiply_adds" in call("show", model)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        pytest.param(
            ("show", "vgg99"),
            ConfigError,
            "vgg99: no such model, backbone or recipe; choose a model .free, free_int8, large, large_int8",
            id="no such model",
        ),
        pytest.param(("show", "gone.onnx"), ArtifactError, "gone.onnx: no such file", id="no such file"),
    ],
)
def test_wrong_names_are_one_line(arguments: tuple[str, ...], error: type[Exception], message: str) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    with pytest.raises(error, match=message):
        call(*arguments)


def test_a_wrong_table_is_usage_and_lists_the_choices() -> None:
    result = CliRunner().invoke(app, ["reproduce", "table8", "--data", "."])
    assert result.exit_code == 2
    assert all(target in result.output for target in ("table1", "table7", "fig9"))


def test_the_tables_of_the_command_line_are_those_that_there_are() -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    from sdfl.train.reproduce import TARGETS

    assert set(get_args(reproduce.Target)) == set(TARGETS)


def test_figures_without_matplotlib_name_the_pip_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightning", reason="needs the extra train")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match=r"matplotlib is not installed; .*pip install '.*\[train\]'"):
        call("reproduce", "fig6", "--data", str(tmp_path), "--out", str(tmp_path))
    assert list(tmp_path.iterdir()) == []
