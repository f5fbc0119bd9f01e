import csv
import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.datasets import find_samples
from sdfl.errors import CheckpointError, ConfigError, DataError, MissingDependency
from sdfl.evaluation import evaluate
from sdfl.geometry import evaluation_affine, invert_affine, transform_points
from sdfl.model.checkpoint import save_checkpoint
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.train.devices import Devices
from sdfl.train.reproduce import TARGETS, evaluation_sets, reproduce, run
from sdfl.train.reproduce.experiment import FC, Cell, Experiment
from sdfl.train.reproduce.occlusion import occlusion_test
from sdfl.train.reproduce.report import markdown, table_csv
from sdfl.train.reproduce.run import Run, cell_recipe, run_all
from sdfl.train.reproduce.tables import EXPERIMENTS, TABLE1, TABLE2, TABLE6
from sdfl.types import Prediction

CPU = Devices(accelerator="cpu", devices="1")
TINY = """
[about]
name = "tiny"
[model]
input_size = 64
width = 0.5
blocks = 1
hidden = 32
[data]
train = ["train"]
workers = 0
[optimizer]
warmup_epochs = 0
[train]
epochs = 1
batch_size = 6
precision = "32-true"
"""


@pytest.fixture
def experiment(tmp_path: Path, face_root: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """Two cells on generated faces, tested on the pictures they are trained on."""
    (tmp_path / "tiny.toml").write_text(TINY)
    samples = find_samples(face_root / "train")
    for module in (evaluation_sets, run):
        monkeypatch.setattr(module, "test_samples", lambda name, data: samples)
    cells = (Cell("graph", (), {"faces.nme": 4.7}), Cell("FC", FC))
    return Experiment("tiny", "Tiny", str(tmp_path / "tiny.toml"), cells, ("faces.nme", "faces.auc"), ("faces",))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_cell_has_a_valid_recipe_of_its_own(name: str) -> None:
    experiment = EXPERIMENTS[name]
    recipes = [cell_recipe(experiment, cell, 0).as_dict() for cell in experiment.cells]
    assert all(a != b for i, a in enumerate(recipes) for b in recipes[:i])
    tested = {test for cell in experiment.cells for test in experiment.tests_of(cell)} | {evaluation_sets.COST}
    assert {column.rpartition(".")[0] for column in experiment.columns} <= tested
    assert {column for cell in experiment.cells for column in cell.paper} <= set(experiment.columns)


def test_table_6_switches_what_the_paper_switches() -> None:
    cells = {cell.name: cell_recipe(TABLE6, cell, 0) for cell in TABLE6.cells}
    plain, best = cells["FC, L1"], cells["graph, Soft Wing, relative, dynamic"]
    assert (plain.model.head, plain.loss.absolute, plain.loss.relative) == ("fc", "l1", 0.0)
    assert (best.model.head, best.loss.absolute, best.loss.relative) == ("graph", "soft_wing", 1.0)
    assert cells["graph, Soft Wing, relative, binary"].model.adjacency == "binary"
    assert cells["graph, Soft Wing, relative, dynamic, joint correlation"].model.correlation == "joint"
    assert len(TABLE1.cells) == 8 * 4
    released = cells["released code"]
    assert (released.model.weights, released.model.adjacency, released.model.symmetric) == (
        "pair",
        "static_per_layer",
        True,
    )
    assert (released.optimizer.milestones, released.augment.translation_px) == ((200, 350), 25.6)
    efficient = next(cell for cell in TABLE1.cells if cell.name.startswith("EfficientNet-B0"))
    assert cell_recipe(TABLE1, efficient, 0).model.conv_head, "as the released code"


def test_finished_cells_are_not_run_again_and_tables_are_written(
    tmp_path: Path, face_root: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    first = run_all(experiment, face_root, tmp_path / "out", seeds=(0,), devices=CPU, say=lines.append)
    assert lines == ["tiny: graph, seed 0 (1 of 2)", "tiny: FC, seed 0 (2 of 2)"]
    monkeypatch.setattr(run, "fit_landmarks", lambda *_, **__: pytest.fail("trained again"))
    assert run_all(experiment, face_root, tmp_path / "out", seeds=(0,), devices=CPU, say=lines.append) == first
    (tmp_path / "out" / "tiny" / "FC" / "seed0" / "result.json").unlink()
    again = run_all(experiment, face_root, tmp_path / "out", seeds=(0,), devices=CPU, say=lines.append)
    assert again == first, "a finished checkpoint is tested, not trained"
    table = markdown(experiment, first).splitlines()
    assert table[2] == "| cell | seeds | faces NME (%) | paper | faces AUC (exact) |"
    assert table[4].startswith(f"| graph | 1 | {first[0].scores['faces.nme']:.2f} | 4.7 |")
    with pytest.raises(CheckpointError, match="was made with another recipe"):
        run_all(experiment, face_root, tmp_path / "out", overrides=["model.hidden=64"], devices=CPU, say=lines.append)


def test_spread_is_the_standard_deviation_over_seeds(experiment: Experiment) -> None:
    runs = [Run("graph", seed, 1, {"faces.nme": nme}) for seed, nme in enumerate((4.0, 5.123456789, 6.0))]
    assert "| graph | 3 | 5.04 ± 1.00 | 4.7 | - |" in markdown(experiment, runs)
    rows = list(csv.DictReader(table_csv(experiment, runs).splitlines()))
    assert [(row["seed"], row["value"], row["paper"]) for row in rows] == [
        ("0", "4.0", "4.7"),
        ("1", "5.123456789", "4.7"),
        ("2", "6.0", "4.7"),
    ]


@pytest.mark.parametrize("target", ["table1", "table3", "table4", "fig8", "fig4"])
def test_without_the_data_it_says_what_to_put_where(tmp_path: Path, target: str) -> None:
    with pytest.raises(DataError, match=r"put .* in (wflw|cofw|300w)/") as caught:
        reproduce(target, tmp_path, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists(), "nothing was begun"


def test_no_training_begins_before_all_pictures_are_there(tmp_path: Path, face_root: Path) -> None:
    """Those of the second cell are missing."""
    (tmp_path / "tiny.toml").write_text(TINY)
    cells = (Cell("first"), Cell("second", ("data.train=['elsewhere']",)))
    experiment = Experiment("tiny", "Tiny", str(tmp_path / "tiny.toml"), cells, (), (), "the folder elsewhere")
    with pytest.raises(DataError, match=r"elsewhere: not found as .*; tiny needs the folder elsewhere"):
        run_all(experiment, face_root, tmp_path / "out", devices=CPU, say=pytest.fail)
    weights = (Cell("first"), Cell("second", ("train.imagenet='no.pth'",)))
    with pytest.raises(DataError, match=r"no\.pth: not found"):
        run_all(dataclasses.replace(experiment, cells=weights), face_root, tmp_path / "out", devices=CPU)
    assert not (tmp_path / "out").exists()


def test_no_training_begins_without_the_package_of_a_later_backbone(
    tmp_path: Path, face_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    (tmp_path / "tiny.toml").write_text(TINY)
    cells = (Cell("first"), Cell("second", ("model.backbone='timm/resnet18'", "model.width=1.0")))
    experiment = Experiment("tiny", "Tiny", str(tmp_path / "tiny.toml"), cells, (), ())
    with pytest.raises(MissingDependency, match=r"timm.*backbones"):
        run_all(experiment, face_root, tmp_path / "out", devices=CPU, say=pytest.fail)


def test_many_test_sets_have_a_row_each() -> None:
    scores = {f"{where}.{metric}": 1.5 for where in TABLE2.tests for metric in ("nme", "fr", "auc")}
    table = markdown(TABLE2, [Run("SDFL", 0, 500, scores)]).splitlines()
    head = "| cell | seeds | test set | NME (%) | paper | FR at 10 % (%) | paper | AUC (exact) | paper |"
    assert table[2] == f"{head} AUC (20 thresholds) |"
    assert table[5] == "| SDFL | 1 | wflw:test/pose | 1.50 | 7.42 | 1.50 | 12.88 | 1.50 | 0.3152 | - |"
    assert len(table) == 4 + 7


@pytest.mark.parametrize("target", ["fig2", "fig9"])
def test_a_network_of_another_layout_is_refused(
    target: str, tmp_path: Path, face_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sdfl import train

    monkeypatch.setattr(train.reproduce, "test_samples", lambda name, data: find_samples(face_root / "train")[:2])
    save_checkpoint(tmp_path / "a.ckpt", Network(ModelConfig(layout="wflw98", input_size=64, width=0.5, blocks=1)))
    with pytest.raises(ConfigError, match=r"a\.ckpt: has layout wflw98, HELEN test has ibug68; fig. needs a network"):
        reproduce(target, face_root, tmp_path, reduced=True, checkpoints=[tmp_path / "a.ckpt"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ckpt"]


@pytest.mark.parametrize(
    ("target", "reduced", "message"),
    [
        pytest.param("table9", False, r"no such table or figure; choose one of fig2, fig4", id="unknown"),
        pytest.param("table1", True, r"table1 has no reduced form", id="no reduced form"),
        pytest.param("fig9", False, r"fig9 needs trained networks: give --checkpoint", id="no checkpoint"),
    ],
)
def test_wrong_targets_are_one_line(tmp_path: Path, target: str, reduced: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        reproduce(target, tmp_path, tmp_path, reduced=reduced)
    assert {f"table{i}" for i in range(1, 8)} | {"fig4", "fig6", "fig8", "fig9"} <= set(TARGETS)


def test_figure_6_needs_no_data(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra train")
    paths = reproduce("fig6", tmp_path, tmp_path)
    assert [path.name for path in paths] == ["fig6.png", "fig6.csv"]
    rows = list(csv.DictReader((tmp_path / "fig6.csv").open()))
    assert float(rows[2]["soft_wing"]) == pytest.approx(1.0), "linear below omega_1"
    assert float(rows[4]["l1"]) == pytest.approx(2.0)


def test_figures_2_and_9_of_both_heads(
    tmp_path: Path, face_root: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra train")
    from sdfl import train

    monkeypatch.setattr(train.reproduce, "test_samples", lambda name, data: find_samples(face_root / "train")[:2])
    graph = LandmarkGraph.from_points(np.random.default_rng(0).uniform(size=(9, 68, 2)).astype(np.float32), 3)
    checkpoints = []
    for head in ("graph", "fc"):
        path = tmp_path / head / "last.ckpt"
        save_checkpoint(path, Network(ModelConfig(input_size=64, width=0.5, blocks=1, head=head), graph))
        checkpoints.append(path)
    paths = reproduce("fig2", face_root, tmp_path, reduced=True, checkpoints=checkpoints)
    rows = list(csv.DictReader(paths[0].open()))
    assert {row["model"] for row in rows} == {"graph (graph)", "fc (fc)"}
    (figure,) = reproduce("fig9", face_root, tmp_path, reduced=True, checkpoints=checkpoints[:1])
    assert figure.stat().st_size > 1000
    with pytest.raises(ConfigError, match="neither graph nodes nor edges"):
        reproduce("fig9", face_root, tmp_path, reduced=True, checkpoints=checkpoints[1:])


class Lookup:
    """Knows the answer, and is off by `covered_px` for every point of a picture that shows the patch's colour there."""

    def __init__(self, truth: np.ndarray, covered_px: float) -> None:
        self.spec = ModelSpec("lookup", "ibug68", 68, 64)
        self._truth, self._covered_px = truth, covered_px

    def infer(self, crops: np.ndarray) -> Prediction:
        points = np.repeat(self._truth[None], len(crops), axis=0).copy()
        for crop, own in zip(crops, points, strict=True):
            column, row = np.round(own).astype(int).clip(0, 63).T
            hidden = (crop[row, column] == (104, 116, 124)).all(axis=1)
            own[hidden] += (self._covered_px, 0)
        return Prediction(
            points.astype(np.float32), np.ones(len(crops), np.float32), np.zeros((len(crops), 68), np.float32)
        )

    def close(self) -> None: ...


def test_the_occlusion_test_tells_covered_from_visible(face_root: Path) -> None:
    sample = find_samples(face_root / "train")[0]
    affine = invert_affine(evaluation_affine(sample.points, 64, 1.25))
    truth = transform_points(affine, sample.points)
    eyes_px = float(np.linalg.norm(truth[36] - truth[45]))
    (row,) = occlusion_test(Lookup(truth, covered_px=5.0), [sample], sizes=(0.4,), grid=3)
    assert row.visible_without == pytest.approx(0, abs=1e-4)
    assert row.covered == pytest.approx(100 * 5 / eyes_px, rel=0.1)  # a point on the patch's rim rounds out of it
    assert row.visible < 0.1 * row.covered


def test_the_measures_are_those_of_the_evaluation(face_root: Path) -> None:
    samples = find_samples(face_root / "train")[:3]
    network = Network(ModelConfig(input_size=64, width=0.5, blocks=1)).eval()
    from sdfl.model.landmarks.torch_backend import TorchBackend

    result = evaluate(TorchBackend(network, "x"), samples)
    scores = evaluation_sets.measure(result)
    summary = result.summary()
    assert scores["nme"] == pytest.approx(summary["nme_percent"], abs=1e-3)
    assert scores["auc20"] >= scores["auc"]
    with torch.no_grad():
        cost = evaluation_sets.measure_cost(network, repeats=3)
    assert cost["cost.ms"] > 0
