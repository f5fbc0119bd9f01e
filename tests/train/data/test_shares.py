"""How often a training draws the pictures of each of its parts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sdfl.datasets import find_samples
from sdfl.errors import ConfigError
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.devices import Devices, launch
from sdfl.train.recipe import DataConfig, load_recipe
from sdfl.train.setup import make_loader

RECIPE = """
[about]
name = "tiny"
[model]
input_size = 64
[data]
train = ["train", "labels.txt"]
shares = { "labels.txt" = 0.25 }
balance_bins = 0
workers = 0
[train]
batch_size = 5
"""


def test_a_part_with_a_share_is_drawn_less_often(face_root: Path, tmp_path: Path) -> None:
    (tmp_path / "train").symlink_to(face_root / "train")
    samples = find_samples(face_root / "train")
    lines = [f"{sample.image_path} {' '.join(map(str, sample.points.ravel()))}\n" for sample in samples]
    (tmp_path / "labels.txt").write_text("".join(lines))
    (tmp_path / "tiny.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "tiny.toml")
    parts, _ = split_samples(recipe.data, tmp_path, "ibug68")
    _, sampler = make_loader(recipe, parts, launch(Devices(accelerator="cpu", devices="1"), "32-true"))
    drawn: Counter[bool] = Counter()
    for sampler.epoch in range(20):
        drawn.update(key[2] < len(samples) for key in sampler)
    assert drawn.total() == 20 * 2 * len(samples)
    assert drawn[True] / drawn.total() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        pytest.param({"other": 0.5}, "data.shares: 'other' must be an entry of data.train", id="unknown part"),
        pytest.param({"train": 0.0}, "data.shares: 'train' must be positive, got 0.0", id="nothing"),
    ],
)
def test_wrong_shares_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DataConfig(train=("train",), shares=shares)
