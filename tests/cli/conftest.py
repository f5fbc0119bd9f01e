"""What the tests of all verbs work on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from faces import write_faces


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 24 labelled `faces` and the checkpoint `small.ckpt` of an untrained network."""
    from sdfl.model.checkpoint import save_checkpoint
    from sdfl.model.landmarks.landmark_graph import LandmarkGraph
    from sdfl.model.landmarks.network import ModelConfig, Network

    folder = tmp_path_factory.mktemp("work")
    write_faces(folder / "faces", 24)
    graph = LandmarkGraph.from_points(np.random.default_rng(0).random((12, 68, 2), np.float32), 3)
    network = Network(ModelConfig(input_size=64, output_stride=16, width=0.5, weights="pair"), graph)
    save_checkpoint(folder / "small.ckpt", network, recipe={"about": {"name": "small"}})
    return folder
