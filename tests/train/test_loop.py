import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric

from sdfl.errors import CheckpointError, ConfigError, DataError
from sdfl.evaluation import evaluate
from sdfl.model.checkpoint import read_checkpoint
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.devices import Devices
from sdfl.train.loop_config import OptimizerConfig
from sdfl.train.optimizer import learning_rate_factor
from sdfl.train.progress import EpochReport, Reporter
from sdfl.train.recipe import Recipe, load_recipe
from sdfl.train.tasks.landmarks import fit_landmarks

pytestmark = pytest.mark.slow

CPU = Devices(accelerator="cpu", devices="1")
RECIPE = """
[about]
name = "tiny"
[model]
input_size = 64
width = 0.5
blocks = 1
hidden = 32
[data]
train = ["train"]
holdout = { folder = "train", every = 4 }
workers = 0
[optimizer]
warmup_epochs = 1
[train]
epochs = 3
batch_size = 6
precision = "32-true"
validate_every = 1
"""


@pytest.fixture
def recipe_path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


class PullThePlug(Reporter):
    """Ends the process after an epoch, as a user or a power cut would."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def epoch(self, report: EpochReport) -> None:
        if report.epoch == self._after:
            raise KeyboardInterrupt


def weights_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    training = read_checkpoint(checkpoint).training
    return {f"{part}.{key}": value for part in ("weights", "average") for key, value in getattr(training, part).items()}


def test_resuming_is_as_if_it_had_never_stopped(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    recipe = load_recipe(recipe_path)
    whole = weights_of(fit_landmarks(recipe, face_root, tmp_path / "whole", devices=CPU))
    with pytest.raises(KeyboardInterrupt):
        fit_landmarks(recipe, face_root, tmp_path / "cut", devices=CPU, reporter=PullThePlug(after=0))
    last = tmp_path / "cut" / "last.ckpt"
    assert read_checkpoint(last).epoch == 1
    resumed = weights_of(fit_landmarks(recipe, face_root, tmp_path / "cut", devices=CPU, resume=last))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_training_leaves_checkpoints_and_logs(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    fit_landmarks(load_recipe(recipe_path), face_root, tmp_path / "run", devices=CPU)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"last.ckpt", "best.ckpt", "tensorboard"}
    assert any((tmp_path / "run" / "tensorboard").iterdir())
    best, last = (read_checkpoint(tmp_path / "run" / f"{name}.ckpt") for name in ("best", "last"))
    assert best.validation["nme_percent"] <= last.validation["nme_percent"]
    assert last.validation["num_images"] == 6


def test_it_learns(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    """A short training brings generated faces well below the error of the mean shape."""
    plain = [f"augment.{key}=0" for key in ("rotation_deg", "translation_px", "occlusion", "flip")]
    short = [*plain, "train.epochs=60", "train.validate_every=60", "train.average_decay=0.9", "data.no_face=0.0"]
    runs = {"before": [*short, "optimizer.learning_rate=1e-9"], "after": [*short, "optimizer.learning_rate=3e-3"]}
    nme = {
        name: read_checkpoint(
            fit_landmarks(load_recipe(recipe_path, overrides), face_root, tmp_path / name, devices=CPU)
        )
        for name, overrides in runs.items()
    }
    assert nme["after"].validation["nme_percent"] < 0.7 * nme["before"].validation["nme_percent"]


def _spoil_jpeg(root: Path) -> None:
    (root / "train" / "face001.png").write_bytes(b"no picture")


def _spoil_points(root: Path) -> None:
    path = root / "train" / "face001.pts"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["version: 1", "n_points: 67", "{", *lines[3:70], "}"]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(_spoil_jpeg, r"face001\.png: is not a picture", id="an unreadable picture"),
        pytest.param(_spoil_points, r"face001\.pts: has 67 points, expected 68 \(ibug68\)", id="67 points"),
        pytest.param(
            lambda root: (root / "train" / "face001.pts").unlink(), r"face001\.png: has no \.pts", id="no points"
        ),
        pytest.param(lambda root: shutil.rmtree(root / "train"), r"train: not found as", id="no folder"),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_bad_data_is_one_line(
    tmp_path: Path, face_root: Path, recipe_path: Path, spoil: Callable[[Path], object], message: str, workers: int
) -> None:
    root = shutil.copytree(face_root, tmp_path / "data")
    spoil(root)
    recipe = load_recipe(recipe_path, [f"data.workers={workers}", "data.holdout.every=0"])
    with pytest.raises(DataError, match=message) as caught:
        fit_landmarks(recipe, root, tmp_path / "run", devices=CPU)
    assert "\n" not in str(caught.value)


def test_too_few_pictures_for_a_batch(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    with pytest.raises(DataError, match="18 training pictures do not fill one batch of 64"):
        fit_landmarks(load_recipe(recipe_path, ["train.batch_size=64"]), face_root, tmp_path, devices=CPU)


def _train_once(root: Path, out: Path, recipe: Recipe) -> Path:
    return fit_landmarks(recipe, root, out, devices=CPU)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(["model.layout='cofw29'"], "has layout ibug68, the recipe cofw29", id="another layout"),
        pytest.param(["model.hidden=64"], r"was trained with another \[model\] section", id="another shape"),
    ],
)
def test_resuming_from_another_model_is_refused(
    tmp_path: Path,
    face_root: Path,
    recipe_path: Path,
    overrides: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = load_recipe(recipe_path, ["train.epochs=2"])
    last = _train_once(face_root, tmp_path / "run", short)
    if "layout" in overrides[0]:  # pictures of the other layout, so that the checkpoint is what is wrong
        from sdfl.train.tasks import landmarks

        samples = split_samples(short.data, face_root, "ibug68")
        monkeypatch.setattr(landmarks, "split_samples", lambda *_: samples)
    with pytest.raises(CheckpointError, match=message):
        fit_landmarks(
            load_recipe(recipe_path, ["train.epochs=2", *overrides]),
            face_root,
            tmp_path / "run",
            devices=CPU,
            resume=last,
        )


def test_weights_alone_cannot_be_resumed(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    recipe = load_recipe(recipe_path, ["train.epochs=2"])
    fit_landmarks(recipe, face_root, tmp_path / "run", devices=CPU)
    with pytest.raises(CheckpointError, match=r"best\.ckpt: holds weights only"):
        fit_landmarks(recipe, face_root, tmp_path / "run", devices=CPU, resume=tmp_path / "run" / "best.ckpt")


@pytest.mark.parametrize(
    ("schedule", "epoch", "expected"),
    [
        pytest.param("cosine", 2.0, 1.0, id="full after warmup"),
        pytest.param("cosine", 51.0, 0.5, id="half way"),
        pytest.param("cosine", 100.0, 0.0, id="zero at the end"),
        pytest.param("step", 99.9, 1.0, id="before the first step"),
        pytest.param("step", 100.0, 0.2, id="divided by five"),
        pytest.param("step", 450.0, 0.2**4, id="four steps later"),
    ],
)
def test_learning_rate(schedule: str, epoch: float, expected: float) -> None:
    config = OptimizerConfig(schedule=schedule, warmup_epochs=2)
    assert learning_rate_factor(config, epoch, 100 if schedule == "cosine" else 500) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("epoch", "expected"), [(199.9, 1.0), (200.0, 0.2), (349.0, 0.2), (350.0, 0.2**2), (499.0, 0.2**2)]
)
def test_milestones_replace_equal_steps(epoch: float, expected: float) -> None:
    config = OptimizerConfig(schedule="step", warmup_epochs=0, milestones=(200, 350))
    assert learning_rate_factor(config, epoch, 500) == pytest.approx(expected)


@pytest.mark.parametrize(("clip_norm", "clipped"), [(0.0, False), (100.0, True)])
def test_gradients_are_clipped_as_the_recipe_says(
    clip_norm: float, clipped: bool, tmp_path: Path, face_root: Path, recipe_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []
    monkeypatch.setattr(Fabric, "clip_gradients", lambda *_, max_norm, **__: limits.append(max_norm))
    recipe = load_recipe(
        recipe_path, ["train.epochs=1", "optimizer.warmup_epochs=0", f"optimizer.clip_norm={clip_norm}"]
    )
    fit_landmarks(recipe, face_root, tmp_path, devices=CPU)
    assert set(limits) == ({clip_norm} if clipped else set())


def test_holdout_is_never_trained_on(face_root: Path, recipe_path: Path) -> None:
    train, held_out = split_samples(load_recipe(recipe_path).data, face_root, "ibug68")
    names = [[sample.image_path.name for sample in part] for part in (train, held_out)]
    assert names[1] == [f"face{i:03d}.png" for i in range(0, 24, 4)]
    assert not set(names[0]) & set(names[1])
    assert len(names[0]) == 18


def test_a_trained_checkpoint_can_be_evaluated(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    recipe = load_recipe(recipe_path, ["train.epochs=2"])
    fit_landmarks(recipe, face_root, tmp_path, devices=CPU)
    _, held_out = split_samples(recipe.data, face_root, "ibug68")
    result = evaluate(read_checkpoint(tmp_path / "last.ckpt").backend(), held_out)
    saved = read_checkpoint(tmp_path / "last.ckpt").validation
    assert result.summary()["nme_percent"] == pytest.approx(saved["nme_percent"], rel=1e-4)


def test_the_optimizers_state_comes_after_the_move_to_the_device(
    tmp_path: Path, face_root: Path, recipe_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fabric moves the network alone: a state that was there before would stay behind on the CPU."""
    recipe = load_recipe(recipe_path)
    with pytest.raises(KeyboardInterrupt):
        fit_landmarks(recipe, face_root, tmp_path, devices=CPU, reporter=PullThePlug(after=0))
    states: list[int] = []
    setup = Fabric.setup

    def watched(fabric: Fabric, network: torch.nn.Module, optimizer: torch.optim.Optimizer) -> object:
        states.append(len(optimizer.state))
        return setup(fabric, network, optimizer)

    monkeypatch.setattr(Fabric, "setup", watched)
    fit_landmarks(recipe, face_root, tmp_path, devices=CPU, resume=tmp_path / "last.ckpt")
    assert states == [0]


def test_a_loss_that_is_not_finite_is_one_line_and_spoils_no_checkpoint(
    tmp_path: Path, face_root: Path, recipe_path: Path
) -> None:
    recipe = load_recipe(recipe_path, ["optimizer.learning_rate=1e15"])
    with pytest.raises(DataError, match=r"epoch \d: the loss is not finite; lower optimizer.learning_rate"):
        fit_landmarks(recipe, face_root, tmp_path, devices=CPU)
    last = tmp_path / "last.ckpt"
    assert not last.exists() or all(value.isfinite().all() for value in read_checkpoint(last).weights.values())


def test_a_device_that_is_missing_is_one_line(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("this computer has one")
    with pytest.raises(ConfigError, match="cannot train with accelerator mps, devices 1, strategy auto") as caught:
        fit_landmarks(load_recipe(recipe_path), face_root, tmp_path, devices=Devices(accelerator="mps", devices="1"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["loss.relative=0.5", "train.epochs=2", "optimizer.name='sgd'", "train.batch_size=4"])
def test_resuming_with_another_recipe_is_refused(tmp_path: Path, face_root: Path, recipe_path: Path, key: str) -> None:
    last = fit_landmarks(load_recipe(recipe_path), face_root, tmp_path, devices=CPU)
    other = load_recipe(recipe_path, [key, "optimizer.warmup_epochs=1", "data.workers=0"])
    with pytest.raises(CheckpointError, match=f"was trained with other values of {key.partition('=')[0]}; give"):
        fit_landmarks(other, face_root, tmp_path, devices=CPU, resume=last)
