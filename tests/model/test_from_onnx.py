"""Training goes on from an exported file: the shipped models, which are all that is left of their trainings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from sdfl.convert.export.landmarks import Deployed
from sdfl.errors import CheckpointError
from sdfl.model.landmarks.from_onnx import start_from_onnx
from sdfl.model.landmarks.network import Network
from sdfl.runtime.zoo import resolve_model
from sdfl.train.recipe import find_recipe, load_recipe


def like(name: str, **changes: object) -> Network:
    torch.manual_seed(0)
    config = load_recipe(find_recipe(Path(name))).model
    return Network(dataclasses.replace(config, **changes))  # type: ignore[arg-type]


def crops(size: int, count: int = 32) -> torch.Tensor:
    """Smooth random pictures."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 255
    fine = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 255)
    return fine.permute(0, 2, 3, 1).to(torch.uint8).contiguous()


@pytest.mark.parametrize("name", ["small", "nano"])
def test_same_answers_as_the_file(name: str) -> None:
    network, pictures = like(name), crops(128)
    start_from_onnx(network, resolve_model(name), pictures)
    with torch.no_grad():
        points, presence, log_scale = Deployed(network.eval())(pictures)
    expected = onnxruntime.InferenceSession(str(resolve_model(name))).run(None, {"image": pictures.numpy()})
    for ours, theirs, tolerance in zip((points, presence, log_scale), expected, (0.01, 1e-4, 0.002), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=tolerance)


def test_normalisation_by_the_batch_changes_nothing_at_first() -> None:
    """What a training's first step computes on the very crops whose statistics were taken."""
    network, pictures = like("small"), crops(128)
    start_from_onnx(network, resolve_model("small"), pictures)
    with torch.no_grad():
        torch.testing.assert_close(network.train()(pictures).points, network.eval()(pictures).points, atol=5e-3, rtol=0)


def test_the_same_maps_of_smaller_pictures_are_accepted() -> None:
    """A quarter of the pixels at half the stride: the weights fit, and points stay fractions of the side."""
    network, pictures = like("mobilenet_v2_128"), crops(128, 4)
    start_from_onnx(network, resolve_model("medium"), pictures)
    assert float(network.head.mean_shape.min()) > 0.0
    assert float(network.head.mean_shape.max()) < 1.0


def test_a_network_of_another_depth_is_refused_in_one_line() -> None:
    with pytest.raises(CheckpointError, match=r"small\.onnx: does not fit the model in the recipe: .*expected"):
        start_from_onnx(like("small", backbone_blocks=0), resolve_model("small"), crops(128, 2))


def test_an_int8_file_is_refused() -> None:
    with pytest.raises(CheckpointError, match="small_int8.onnx: is int8; start from a float file"):
        start_from_onnx(like("small"), resolve_model("small_int8"), crops(128, 2))


def test_a_head_without_a_graph_is_refused() -> None:
    with pytest.raises(CheckpointError, match="only a graph head with dynamic edges"):
        start_from_onnx(like("small", head="fc"), resolve_model("small"), crops(128, 2))
