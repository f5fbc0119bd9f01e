"""Which pictures the training of the detector holds out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdfl.datasets import find_samples
from sdfl.errors import ConfigError
from sdfl.train.detector_recipe import Folder
from sdfl.train.tasks.detector import split_folder


@pytest.mark.parametrize(
    ("folder", "held_out"),
    [
        pytest.param(Folder("train"), [], id="nothing"),
        pytest.param(Folder("train", every=5), [0, 5, 10], id="every fifth"),
        pytest.param(Folder("faces.txt", last=2), [10, 11], id="the last two of a list"),
    ],
)
def test_pictures_are_held_out(folder: Folder, held_out: list[int], face_root: Path) -> None:
    samples = find_samples(face_root / "train")
    lines = [f"{sample.image_path} {' '.join(map(str, sample.points.ravel()))}\n" for sample in samples]
    (face_root / "faces.txt").write_text("".join(lines))
    training, kept = split_folder(folder, face_root)
    assert [sample.image_path for sample in kept] == [samples[i].image_path for i in held_out]
    assert [sample.image_path for sample in training] == [
        sample.image_path for i, sample in enumerate(samples) if i not in held_out
    ]


def test_two_ways_to_hold_out_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"ytf: .* only one of every \(5\) and last \(2\)"):
        Folder("ytf", every=5, last=2)
