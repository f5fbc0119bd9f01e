"""Two processes, added-up gradients, and a stop in the middle of an epoch."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import two_processes
from ctrl_c import CtrlC
from lightning.fabric import Fabric
from torch import nn

from sdfl.errors import ConfigError
from sdfl.model.checkpoint import TrainingState, Weights, read_checkpoint
from sdfl.model.landmarks.network import Network
from sdfl.train.data.samplers import WeightedSampler
from sdfl.train.devices import Devices
from sdfl.train.recipe import load_recipe
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
no_face = 0.0
[optimizer]
warmup_epochs = 1
[train]
epochs = 2
batch_size = 6
precision = "32-true"
"""


@pytest.fixture
def recipe_path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


def training_of(checkpoint: Path) -> TrainingState:
    training = read_checkpoint(checkpoint).training
    assert training is not None
    return training


def weights_of(checkpoint: Path) -> Weights:
    return training_of(checkpoint).weights


def test_two_processes_have_the_gradient_of_one(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    """torchrun with two gloo processes, half a batch each; then a whole training with them."""
    script = [str(Path(two_processes.__file__)), str(tmp_path), str(recipe_path), str(face_root)]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = torch.load(tmp_path / "gradients.pt", weights_only=True)
    own = two_processes.gradient(Fabric(accelerator="cpu", devices=1, precision="32-true"), 0, 1)
    assert theirs.keys() == own.keys()
    for name, value in own.items():
        torch.testing.assert_close(theirs[name], value, atol=1e-5, rtol=1e-3, msg=name)  # another order of fp32 sums
    assert read_checkpoint(tmp_path / "last.ckpt").epoch == 1
    assert training_of(tmp_path / "last.ckpt").average_steps == 1, (
        "18 pictures: one batch of 6 in each of two processes, the rest is dropped"
    )


def test_processes_share_an_epoch_without_overlap() -> None:
    weights = np.ones(20)
    whole = list(WeightedSampler(weights, 0))
    parts = [list(WeightedSampler(weights, 0, rank=rank, ranks=2)) for rank in (0, 1)]
    assert sorted(parts[0] + parts[1]) == sorted(whole)
    assert not set(parts[0]) & set(parts[1])


def test_added_up_batches_are_one_large_batch(
    tmp_path: Path, face_root: Path, recipe_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With batch normalisation held still, three batches of 6 give the step of one batch of 18."""
    monkeypatch.setattr(Network, "train", lambda self, mode=True: nn.Module.train(self, False))
    sgd = ["optimizer.name='sgd'", "train.epochs=1", "optimizer.warmup_epochs=0", "train.average_decay=0.0"]
    large = load_recipe(recipe_path, [*sgd, "train.batch_size=18"])
    small = load_recipe(recipe_path, [*sgd, "train.accumulate=3"])
    one, added = (
        weights_of(fit_landmarks(recipe, face_root, tmp_path / name, devices=CPU))
        for name, recipe in (("1", large), ("3", small))
    )
    for name, value in one.items():
        torch.testing.assert_close(added[name], value, atol=1e-5, rtol=1e-3, msg=name)


def test_a_last_small_group_makes_its_own_step(tmp_path: Path, face_root: Path, recipe_path: Path) -> None:
    recipe = load_recipe(recipe_path, ["train.accumulate=2"])
    training = training_of(fit_landmarks(recipe, face_root, tmp_path / "run", devices=CPU))
    assert training.average_steps == 2 * 2, "3 batches an epoch: a step after the second and one after the third"


def test_accumulate_is_checked(recipe_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.accumulate must be positive, got 0"):
        load_recipe(recipe_path, ["train.accumulate=0"])


def test_kill_leaves_a_checkpoint_where_it_is_treated_like_ctrl_c(
    tmp_path: Path, face_root: Path, recipe_path: Path
) -> None:
    recipe = load_recipe(recipe_path, ["data.workers=1"])
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the command line does
    try:
        with pytest.raises(KeyboardInterrupt):
            fit_landmarks(recipe, face_root, tmp_path, devices=CPU, reporter=CtrlC(2, signal.SIGTERM))
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert training_of(tmp_path / "last.ckpt").step == 2


@pytest.mark.parametrize("after", [pytest.param(2, id="within the first epoch"), pytest.param(5, id="in the second")])
def test_ctrl_c_leaves_a_checkpoint_that_goes_on_exactly(
    tmp_path: Path, face_root: Path, recipe_path: Path, after: int, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = load_recipe(recipe_path)
    whole = weights_of(fit_landmarks(recipe, face_root, tmp_path / "whole", devices=CPU))
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit_landmarks(recipe, face_root, tmp_path / "cut", devices=CPU, reporter=CtrlC(after))
    assert signal.getsignal(signal.SIGINT) == handler
    assert "last.ckpt with --resume" in capfd.readouterr().err
    last = tmp_path / "cut" / "last.ckpt"
    assert (read_checkpoint(last).epoch, training_of(last).step) == divmod(after, 3)
    resumed = weights_of(fit_landmarks(recipe, face_root, tmp_path / "cut", devices=CPU, resume=last))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_throughput_is_measured_in_two_processes(recipe_path: Path, face_root: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"  # Fabric starts the second process with the file that the first one runs
    program.write_text("from sdfl.cli import main\n\nmain()\n")
    command = [sys.executable, str(program), "study", "throughput", str(recipe_path), "--data", str(face_root)]
    command += ["--json", "--steps", "1", "--accelerator", "cpu", "--devices", "2", "--strategy", "ddp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    rates = json.loads(line)
    assert rates["processes"] == 2
    assert all(rates[f"{name}_pictures_per_s"] > 0 for name in ("loader", "network", "training"))
