"""What a user can get wrong is one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from sdfl.convert.post_training_quantization import quantize
from sdfl.convert.sensitivity import analyze
from sdfl.errors import CheckpointError, ConfigError, DataError
from sdfl.model.checkpoint import read_checkpoint, save_checkpoint
from sdfl.model.fold import fold
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.model.quantize import is_quantized, prepare
from sdfl.train.devices import Devices
from sdfl.train.recipe import Recipe
from sdfl.train.tasks.quantization import fit_quantized

CPU = Devices(accelerator="cpu", devices="1")


def one_line(caught: pytest.ExceptionInfo[Exception]) -> None:
    assert "\n" not in str(caught.value)


def test_a_quantized_checkpoint_is_not_quantized_again(
    quantized: Path, face_root: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    message = r"ptq\.ckpt: is already quantized; start from the fp32 checkpoint"
    with pytest.raises(CheckpointError, match=message):
        quantize(read_checkpoint(quantized), face_root, tmp_path / "again.ckpt", images=4)
    with pytest.raises(CheckpointError, match=message):
        fit_quantized(make_recipe("[quantize]\nimages = 4\n"), face_root, tmp_path, source=quantized, devices=CPU)
    with pytest.raises(CheckpointError, match=message):
        analyze(read_checkpoint(quantized), face_root, images=4)
    assert not list(tmp_path.iterdir())


def test_a_float_checkpoint_is_not_read_as_int8(checkpoint: Path) -> None:
    read = read_checkpoint(checkpoint)
    assert not read.is_quantized
    assert not is_quantized(read.landmark_network())
    assert read.backend().spec.precision == "fp32"


def test_too_few_pictures(
    checkpoint: Path, face_root: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="holds 18 pictures, --images asks for 19") as caught:
        quantize(read_checkpoint(checkpoint), face_root, tmp_path / "int8.ckpt", images=19)
    one_line(caught)
    recipe = make_recipe("[quantize]\nimages = 19\n")
    with pytest.raises(DataError, match="holds 18 training pictures, quantize.images asks for 19"):
        fit_quantized(recipe, face_root, tmp_path, source=checkpoint, devices=CPU)


def test_values_that_are_not_finite(checkpoint: Path, face_root: Path, tmp_path: Path) -> None:
    network = read_checkpoint(checkpoint).landmark_network()
    layer = network.backbone.get_submodule("blocks.3.layers.1.0")
    assert isinstance(layer, nn.Conv2d)
    layer.weight.data.fill_(torch.nan)
    save_checkpoint(tmp_path / "nan.ckpt", network)
    with pytest.raises(CheckpointError, match="holds NaN or a number beyond") as caught:
        quantize(read_checkpoint(tmp_path / "nan.ckpt"), face_root, tmp_path / "int8.ckpt", images=4)
    assert "blocks.3" in str(caught.value)
    assert not (tmp_path / "int8.ckpt").exists()


def test_a_layer_that_cannot_be_quantized() -> None:
    network = fold(Network(ModelConfig(input_size=64, width=0.25)))
    first = network.head.get_submodule("map_to_node.first")
    assert isinstance(first, nn.Sequential)
    first[0] = nn.ConvTranspose2d(80, 256, 1)
    message = r"head\.map_to_node\.first\.0: ConvTranspose2d cannot be quantized; add it to quantize.float_layers"
    with pytest.raises(ConfigError, match=message):
        prepare(network)


def test_an_unknown_float_layer() -> None:
    with pytest.raises(ConfigError, match=r"quantize\.float_layers: head\.nose is no layer of this network"):
        prepare(fold(Network(ModelConfig(input_size=64, width=0.25))), ["head.nose"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", r"needs a \[quantize\] section", id="no section"),
        pytest.param("[quantize]\n[model]\nblocks = 7\n", r"takes its \[model\] from the checkpoint", id="a model"),
    ],
)
def test_recipes_that_do_not_fit(
    checkpoint: Path, face_root: Path, make_recipe: Callable[..., Recipe], tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        fit_quantized(make_recipe(text), face_root, tmp_path, source=checkpoint, devices=CPU)
    one_line(caught)
