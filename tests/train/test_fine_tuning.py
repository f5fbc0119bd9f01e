"""`sdfl train --from NAME`: a shipped model goes on learning from somebody else's pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdfl.cli import app
from sdfl.datasets import find_samples
from sdfl.errors import ConfigError
from sdfl.evaluation import evaluate
from sdfl.model.checkpoint import read_checkpoint
from sdfl.runtime.backends import open_backend
from sdfl.runtime.zoo import resolve_model

SETTINGS = {
    "data.train": "['train']",
    "data.holdout.every": 0,
    "data.workers": 0,
    "data.no_face": 0.0,
    "optimizer.warmup_epochs": 0,
    "optimizer.learning_rate": 3e-4,
    "train.epochs": 3,
    "train.batch_size": 8,
    "train.average_decay": 0,
}


def train(root: Path, out: Path, *arguments: str) -> None:
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    CliRunner().invoke(
        app,
        ["train", "small", "--data", str(root), "--out", str(out), "--accelerator", "cpu", *settings, *arguments],
        catch_exceptions=False,
    )


def test_a_model_of_the_package_is_fine_tuned_by_name(face_root: Path, tmp_path: Path) -> None:
    """Drawn faces are new to it: nine steps bring it nearer to them, which from nothing takes hundreds."""
    train(face_root, tmp_path, "--from", "small")
    samples = find_samples(face_root / "train")
    before = evaluate(open_backend(resolve_model("small")), samples).summary()["nme_percent"]
    after = evaluate(read_checkpoint(tmp_path / "last.ckpt").backend(), samples).summary()["nme_percent"]
    assert after < 0.8 * before


def test_qat_wants_a_checkpoint(face_root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs the float checkpoint: --from FILE\.ckpt"):
        CliRunner().invoke(
            app,
            ["train", "qat", "--data", str(face_root), "--out", str(tmp_path), "--from", "small"],
            catch_exceptions=False,
        )
