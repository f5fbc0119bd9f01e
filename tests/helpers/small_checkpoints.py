"""Checkpoints of small networks that nobody has trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sdfl.model.checkpoint import save_checkpoint
from sdfl.model.detector.network import DetectorConfig, FaceDetector
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import ModelConfig, Network


def save_landmarks(path: Path) -> Path:
    """A landmark network of 64 px."""
    graph = LandmarkGraph.from_points(np.random.default_rng(0).random((12, 68, 2), np.float32), 3)
    network = Network(ModelConfig(input_size=64, output_stride=16, width=0.5, weights="pair"), graph)
    save_checkpoint(path, network, recipe={"about": {"name": path.stem}})
    return path


def save_detector(path: Path, seed: int = 0) -> Path:
    """A face detector, whose export takes half of the time of a landmark network's."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        detector = FaceDetector(DetectorConfig(widths=(8, 8, 8, 8, 8), depths=(1, 1, 1, 1), neck=8))
    save_checkpoint(path, detector, recipe={"about": {"name": path.stem}})
    return path
