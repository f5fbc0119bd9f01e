"""A teacher for tests of pseudo-labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.datasets import Sample
from sdfl.geometry import invert_affine, transform_points
from sdfl.layouts import get_layout
from sdfl.train.data import pseudo_labels
from sdfl.types import Crop, FloatArray, Image, Prediction

SPEC = ModelSpec(name="teacher", layout="ibug68", num_points=68, input_size=64)


class KnowingTeacher:
    """Knows the labels of the pictures and answers with them, off by `bias` px, in mirrored views, too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, samples: Sequence[Sample], bias: float = 0.0) -> None:
        self.spec, self._bias = SPEC, bias
        self._truth = {sample.image_path.resolve(): sample.points for sample in samples}
        self._affines: list[np.ndarray] = []
        self._points = np.zeros((68, 2), np.float32)
        cut, read = pseudo_labels.cut_crop, pseudo_labels.read_image

        def noted_cut(image: Image, affine: FloatArray, size: int) -> Crop:
            self._affines.append(affine)
            return cut(image, affine, size)

        def noted_read(path: Path) -> Image:
            self._points = self._truth[path.resolve()]
            return read(path)

        monkeypatch.setattr(pseudo_labels, "cut_crop", noted_cut)
        monkeypatch.setattr(pseudo_labels, "read_image", noted_read)

    def infer(self, crops: np.ndarray) -> Prediction:
        """The labels of the picture that was read last, in each of the views that were cut since then."""
        seen = []
        for affine in self._affines[-len(crops) :]:
            points = self._points + np.array([self._bias, 0], np.float32)
            inside = transform_points(invert_affine(affine), points.astype(np.float32))
            mirrored = np.linalg.det(affine[:, :2]) < 0
            seen.append(inside[get_layout("ibug68").flip_index()] if mirrored else inside)
        self._affines.clear()
        return Prediction(np.stack(seen), np.ones(len(crops), np.float32), np.zeros((len(crops), 68), np.float32))

    def close(self) -> None:
        """Nothing to free."""
