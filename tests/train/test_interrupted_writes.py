"""What a training leaves where a write fails or the process is killed between two."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdfl.errors import WriteError
from sdfl.model.checkpoint import read_checkpoint
from sdfl.train import loop
from sdfl.train.devices import Devices
from sdfl.train.log import training_log, write_epoch
from sdfl.train.progress import EpochReport, Score
from sdfl.train.recipe import find_recipe, load_recipe
from sdfl.train.tasks import landmarks

pytestmark = pytest.mark.slow
CPU = Devices(accelerator="cpu", devices="1")
CHANGES = [
    "data.train=['train']",
    "data.holdout.folder=train",
    "data.workers=0",
    "train.batch_size=8",
    "train.epochs=3",
    "train.validate_every=1",
    "optimizer.warmup_epochs=0",
]


@pytest.mark.parametrize("killed_before", ["best.ckpt", "last.ckpt"])
def test_the_best_epoch_survives_a_kill_between_the_checkpoints(
    tmp_path: Path, face_root: Path, monkeypatch: pytest.MonkeyPatch, killed_before: str
) -> None:
    """The kill hits the second epoch, which is the best one."""
    recipe, saved = load_recipe(find_recipe(Path("smoke")), CHANGES), loop.save_checkpoint

    def fit(scores: list[float], resume: Path | None = None) -> None:
        def run(task: loop.Task[Any], *arguments: Any, **options: Any) -> Path:
            left = iter(scores)
            fixed = replace(task, validate=lambda _: {task.score.key: next(left)})
            return loop.run(fixed, *arguments, **options)

        monkeypatch.setattr(landmarks, "run", run)
        landmarks.fit_landmarks(recipe, face_root, tmp_path, devices=CPU, resume=resume)

    def save(path: Path, *arguments: Any, **facts: Any) -> None:
        if (path.name, facts["epoch"]) == (killed_before, 2):
            raise KeyboardInterrupt
        saved(path, *arguments, **facts)

    monkeypatch.setattr(loop, "save_checkpoint", save)
    with pytest.raises(KeyboardInterrupt):
        fit([3.0, 1.0, 2.0])
    monkeypatch.setattr(loop, "save_checkpoint", saved)
    last = tmp_path / loop.LAST
    assert read_checkpoint(last).epoch == 1
    fit([1.0, 2.0], resume=last)
    assert read_checkpoint(last).epoch == 3
    assert read_checkpoint(tmp_path / loop.BEST).epoch == 2


def test_a_log_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def log_ten_epochs() -> None:
        with training_log(tmp_path / "tensorboard", 0) as writer:
            monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", refuse)
            for epoch in range(10):
                write_epoch(writer, EpochReport(epoch, {"loss": 1.0}, 1e-3, Score("nme_percent", "{:.3f}")))

    with pytest.raises(WriteError, match="tensorboard: cannot be written"):
        log_ten_epochs()
    assert "Traceback" not in capsys.readouterr().err
