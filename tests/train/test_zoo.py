"""Training plans of shipped models, in small: resumed, chained, with labels by a teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
from knowing_teacher import KnowingTeacher

from sdfl.datasets import find_samples
from sdfl.errors import ConfigError
from sdfl.model.checkpoint import read_checkpoint
from sdfl.train import zoo
from sdfl.train.devices import Devices
from sdfl.train.recipe import find_recipe, load_recipe
from sdfl.train.zoo_labels import LABEL_LISTS, LabelList
from sdfl.types import Backend

FREE = ("free", "wflw98")  # the models under the MIT licence
CPU = Devices(accelerator="cpu", devices="1")
RECIPE = """
[about]
name = "tiny"
[model]
input_size = 64
output_stride = 16
blocks = 1
hidden = 16
width = {width}
backbone_blocks = 7
map_to_node = "separable"
map_hidden = 16
[data]
train = ["train", "labels/ytf.txt"]
workers = 0
[optimizer]
warmup_epochs = 0
[train]
epochs = 1
batch_size = 6
precision = "32-true"
"""
INT8 = """
[about]
name = "tiny_int8"
[data]
train = ["train"]
workers = 0
[optimizer]
warmup_epochs = 0
learning_rate = 1e-5
[train]
epochs = 1
batch_size = 6
precision = "32-true"
average_decay = 0.0
[quantize]
images = 12
"""


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A teacher and two models in small, the second begun from the first; returns the folder to train in."""
    for name, text in (("wide", RECIPE.format(width=1.0)), ("thin", RECIPE.format(width=0.5)), ("int8", INT8)):
        (tmp_path / f"{name}.toml").write_text(text)
    wide, thin = str(tmp_path / "wide.toml"), str(tmp_path / "thin.toml")
    plans = {
        "first": (zoo.Stage("low", wide, ("data.train=['train']",)),),
        "wide": (
            zoo.Stage("main", wide),
            zoo.Stage("refit", wide, ("data.train=['train']",), "wide/main"),
            zoo.Stage("int8", str(tmp_path / "int8.toml"), (), "wide/refit"),
        ),
        "thin": (zoo.Stage("main", thin, (), "wide/main"), zoo.Stage("refit", thin, (), "thin/main")),
    }
    lists = {"labels/ytf.txt": LabelList("train", ("first/low",), detected=False)}
    monkeypatch.setattr(zoo, "LABEL_LISTS", lists)
    monkeypatch.setattr(zoo, "PLANS", plans)
    return tmp_path / "runs"


def test_a_plan_gives_a_float_and_an_int8_network_and_is_not_run_twice(
    plans: Path, monkeypatch: pytest.MonkeyPatch, face_root: Path
) -> None:
    opened: list[Path] = []

    def open_teacher(checkpoint: Path) -> KnowingTeacher:
        opened.append(checkpoint)
        return KnowingTeacher(monkeypatch, find_samples(face_root / "train"))

    said: list[str] = []
    run = zoo.Workshop(face_root, plans, open_teacher, CPU, said.append).train

    whole, int8 = run("wide")
    assert not read_checkpoint(whole).is_quantized
    assert read_checkpoint(int8).is_quantized
    made = {path: path.stat().st_mtime_ns for path in plans.rglob("last.ckpt")}
    assert run("wide") == (whole, int8)
    narrow, _ = run("thin")
    assert read_checkpoint(narrow).model["width"] == 0.5
    assert made == {path: path.stat().st_mtime_ns for path in made}
    assert opened == [plans / "first" / "low" / "last.ckpt"]
    labels = "labels of train by first/low"
    assert said == ["first/low", labels, "wide/main", "wide/refit", "wide/int8", "thin/main", "thin/refit"]


def test_every_shipped_plan_fits_its_recipes(tmp_path: Path) -> None:
    for name, stages in zoo.PLANS.items():
        for stage in stages:
            recipe = zoo.stage_recipe(stage, lambda label_list: tmp_path / label_list)
            assert (recipe.quantize is not None) == (stage is stages[-1]), f"{name}/{stage.name}"
            if stage.recipe == name and not stage.name.endswith("low"):  # those are smaller
                assert recipe.model == load_recipe(find_recipe(Path(name))).model
        assert stages[-2].recipe == name
        if name not in FREE:
            data = zoo.stage_recipe(stages[-2], lambda label_list: tmp_path / label_list).data
            assert {"afw", "helen/trainset"} <= {*data.train}, "what is shipped has seen every labelled picture"
            assert data.holdout.every == 0


@pytest.mark.parametrize("name", FREE)
def test_free_models_see_nothing_but_rendered_faces_and_free_photographs(name: str) -> None:
    """Neither they nor what they start from, nor the teachers of their lists."""
    asked: list[str] = []

    def labels(label_list: str) -> Path:
        asked.append(label_list)
        return Path(label_list)

    for stage in zoo.PLANS[name]:
        recipe = zoo.stage_recipe(stage, labels)
        assert {Path(each).parts[-2] for each in recipe.data.train} <= {"synth", "labels", "labels2"}
        assert stage.start.partition("/")[0] in ("", *FREE)
        if recipe.quantize is None:
            assert (recipe.about.name, recipe.about.licence.partition(",")[0]) == (name, "MIT")
    assert asked
    for label_list in asked:
        assert LABEL_LISTS[label_list].folder == "free_photos"
        assert {teacher.partition("/")[0] for teacher in LABEL_LISTS[label_list].teachers} <= {*FREE}


def test_every_list_of_a_plan_has_a_teacher_of_a_plan() -> None:
    for teacher in {teacher for entry in LABEL_LISTS.values() for teacher in entry.teachers}:
        model, _, stage = teacher.partition("/")
        assert stage in [each.name for each in zoo.PLANS[model]]


def test_a_model_without_a_plan_is_refused(tmp_path: Path) -> None:
    def no_teacher(checkpoint: Path) -> Backend:
        raise AssertionError(f"{checkpoint} was opened")

    with pytest.raises(ConfigError, match="huge: has no training plan; choose small, nano, medium"):
        zoo.Workshop(tmp_path, tmp_path, no_teacher).train("huge")
