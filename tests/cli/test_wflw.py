"""WFLW in its official files, as far as they are at hand: 103 faces of the test set, with 98 points."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from sdfl.cli import app
from sdfl.datasets import load_split, read_image
from sdfl.errors import DataError
from sdfl.geometry import evaluation_crop, invert_affine, transform_points
from sdfl.layouts import get_layout
from sdfl.metrics import inter_ocular
from sdfl.model.checkpoint import save_checkpoint
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.train.data.landmark_dataset import crop_shapes

pytestmark = [pytest.mark.data, pytest.mark.slow]


def call(*words: object) -> Result:
    """Run `sdfl` with these words; what it raises is raised."""
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False, standalone_mode=False)


@pytest.fixture
def wflw(data_dir: Path) -> Path:
    return data_dir / "wflw_test_half"


def test_the_loader_reads_points_and_subsets(wflw: Path) -> None:
    samples = load_split(wflw, "wflw:test")
    assert len(samples) == 103
    assert all(sample.points.shape == (98, 2) and sample.layout == "wflw98" for sample in samples)
    counts = {name: len(load_split(wflw, f"wflw:test/{name}")) for name in ("pose", "make-up", "occlusion", "blur")}
    assert counts == {"pose": 15, "make-up": 17, "occlusion": 29, "blur": 39}
    for sample in samples:
        height, width = read_image(sample.image_path).shape[:2]
        left, top, right, bottom = np.array([*sample.points.min(axis=0), *sample.points.max(axis=0)])
        assert -width / 2 < left < right < 1.5 * width
        assert -height / 2 < top < bottom < 1.5 * height
        assert inter_ocular(sample.points, get_layout("wflw98")) > 0


def test_eval_measures_a_network_of_98_points(wflw: Path, tmp_path: Path) -> None:
    """The network gives the mean shape whatever it sees, so that its error can be computed beside it."""
    samples = load_split(wflw, "wflw:test")
    torch.manual_seed(0)
    network = Network(
        ModelConfig(layout="wflw98", input_size=64, width=0.5, blocks=1),
        LandmarkGraph.from_points(crop_shapes(samples), 3),
    )
    with torch.no_grad():
        for parameter in network.head.last.parameters():
            parameter.zero_()
    save_checkpoint(tmp_path / "mean.ckpt", network)
    summary = json.loads(call("eval", tmp_path / "mean.ckpt", "--data", wflw, "--split", "wflw:test", "--json").output)
    errors = []
    mean_px = crop_shapes(samples).mean(axis=0) * 64 - 0.5
    for sample in samples:
        to_frame = evaluation_crop(read_image(sample.image_path), sample.points, 64).to_frame
        truth = transform_points(invert_affine(to_frame), sample.points)
        errors.append(np.linalg.norm(mean_px - truth, axis=1).mean() / inter_ocular(truth, get_layout("wflw98")))
    assert summary["num_images"] == 103
    assert summary["nme_percent"] == pytest.approx(100 * np.mean(errors), rel=1e-4)


def test_a_network_of_68_points_is_refused_there(wflw: Path) -> None:
    with pytest.raises(DataError, match="000.jpg: has layout wflw98, the model nano predicts ibug68"):
        call("eval", "nano", "--data", wflw, "--split", "wflw:test")


def test_without_a_split_it_says_how_to_ask_for_one(wflw: Path) -> None:
    with pytest.raises(DataError, match=r"no \.pts file .*official files give --split wflw:test"):
        call("eval", "nano", "--data", wflw)


def test_data_check_counts_what_is_there(wflw: Path) -> None:
    lines = call("data", "check", wflw).output.splitlines()
    assert any(re.match(r"wflw:test +103 of 2500 +incomplete", line) for line in lines)
    assert any(re.match(r"wflw:test/pose +15 of 326 +incomplete", line) for line in lines)
