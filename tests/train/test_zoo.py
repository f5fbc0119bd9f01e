"""Training plans of shipped models, in small: resumed, chained, with labels by a teacher."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.datasets import find_samples, load_list
from sdfl.errors import ConfigError, DataError
from sdfl.geometry import invert_affine, transform_points
from sdfl.layouts import get_layout
from sdfl.model.checkpoint import read_checkpoint
from sdfl.train import zoo
from sdfl.train.data import pseudo_labels
from sdfl.train.devices import Devices
from sdfl.train.recipe import find_recipe, load_recipe
from sdfl.types import Backend, Crop, FloatArray, Image, Prediction

CPU = Devices(accelerator="cpu", devices="1")
SPEC = ModelSpec(name="teacher", layout="ibug68", num_points=68, input_size=64)
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


class Teacher:
    """Knows the faces it is shown: it answers with their labels, off by `bias` px, in mirrored views, too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bias: float = 0.0) -> None:
        self.spec, self._bias = SPEC, bias
        self._affines: list[np.ndarray] = []
        self._points = np.zeros((68, 2), np.float32)
        cut, label = pseudo_labels.cut_crop, pseudo_labels.pseudo_label

        def noted_cut(image: Image, affine: FloatArray, size: int) -> Crop:
            self._affines.append(affine)
            return cut(image, affine, size)

        def noted_label(image: Image, points: FloatArray, teacher: Backend) -> pseudo_labels.PseudoLabel:
            self._points = points
            return label(image, points, teacher)

        monkeypatch.setattr(pseudo_labels, "cut_crop", noted_cut)
        monkeypatch.setattr(pseudo_labels, "pseudo_label", noted_label)

    def infer(self, crops: np.ndarray) -> Prediction:
        seen = []
        for affine in self._affines:
            points = self._points + np.array([self._bias, 0], np.float32)
            inside = transform_points(invert_affine(affine), points.astype(np.float32))
            mirrored = np.linalg.det(affine[:, :2]) < 0
            seen.append(inside[get_layout("ibug68").flip_index()] if mirrored else inside)
        self._affines.clear()
        return Prediction(np.stack(seen), np.ones(len(crops), np.float32), np.zeros((len(crops), 68), np.float32))

    def close(self) -> None:
        """Nothing to free."""


def test_labels_are_the_mean_of_all_views_in_picture_pixels(
    monkeypatch: pytest.MonkeyPatch, face_root: Path, tmp_path: Path
) -> None:
    """Shifted, turned and mirrored views must all land on the same points of the picture."""
    samples = find_samples(face_root / "train")
    count = pseudo_labels.write_pseudo_labels(samples, Teacher(monkeypatch, bias=2.0), tmp_path / "list.txt")
    labelled = load_list(tmp_path / "list.txt")
    assert len(labelled) == count >= 0.8 * len(samples)
    old = {sample.image_path.resolve(): sample.points for sample in samples}
    for sample in labelled:
        np.testing.assert_allclose(sample.points, old[sample.image_path] + [2.0, 0.0], atol=0.05)


def test_a_teacher_that_looks_at_another_face_labels_nothing(
    monkeypatch: pytest.MonkeyPatch, face_root: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="agrees with no label"):
        pseudo_labels.write_pseudo_labels(
            find_samples(face_root / "train"), Teacher(monkeypatch, bias=60.0), tmp_path / "list.txt"
        )
    assert not (tmp_path / "list.txt").exists()


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
    monkeypatch.setattr(zoo, "UNLABELLED", "train")
    monkeypatch.setattr(zoo, "TEACHER", "first/low")
    monkeypatch.setattr(zoo, "PLANS", plans)
    return tmp_path / "runs"


def test_a_plan_gives_a_float_and_an_int8_network_and_is_not_run_twice(
    plans: Path, monkeypatch: pytest.MonkeyPatch, face_root: Path
) -> None:
    opened: list[Path] = []

    def open_teacher(checkpoint: Path) -> Teacher:
        opened.append(checkpoint)
        return Teacher(monkeypatch)

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
            recipe = zoo.stage_recipe(stage, lambda: tmp_path / "labels.txt")
            assert (recipe.quantize is not None) == (stage is stages[-1]), f"{name}/{stage.name}"
            if stage.recipe == name and stage.name != "low":  # that one is smaller
                assert recipe.model == load_recipe(find_recipe(Path(name))).model
        assert stages[-2].recipe == name
        assert stages[-2].overrides[:2] == zoo.FINAL  # what is shipped has seen every labelled picture


def test_a_model_without_a_plan_is_refused(tmp_path: Path) -> None:
    def no_teacher(checkpoint: Path) -> Backend:
        raise AssertionError(f"{checkpoint} was opened")

    with pytest.raises(ConfigError, match="huge: has no training plan; choose small, nano, medium"):
        zoo.Workshop(tmp_path, tmp_path, no_teacher).train("huge")
