"""Copies of model files that state other points than their networks give: a library that computes garbage."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import onnx

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.seal import OF_ONNX
from sdfl.artifacts.self_test import Expected


def state_other_points(source: Path, target: Path, off_px: float = 10.0) -> Path:
    """Write `source` to `target`; the stated points lie `off_px` (px of the crop) to the right of the true ones."""
    model = onnx.load(source)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    spec = ModelSpec.from_metadata(metadata, str(source))
    wrong = tuple(Expected(tuple((x + off_px, y) for x, y in e.points), e.score) for e in spec.self_test)
    onnx.helper.set_model_props(model, dataclasses.replace(spec, self_test=wrong).to_metadata())
    onnx.save(model, target)
    OF_ONNX.add(target)
    return target
