"""Train, fine-tune for int8, export: for every family of backbones, and what OpenVINO makes of the file."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch

from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.convert.compare.runtimes import verify
from sdfl.convert.export.landmarks import export
from sdfl.convert.lint import lint
from sdfl.errors import CheckpointError
from sdfl.model.checkpoint import TrainingState, read_checkpoint
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.train.devices import Devices
from sdfl.train.progress import EpochReport, Reporter
from sdfl.train.recipe import Recipe
from sdfl.train.tasks.quantization import fit_quantized

pytestmark = pytest.mark.slow

CPU = Devices(accelerator="cpu", devices="1")
QAT = "[quantize]\nimages = 12\n"
INT8 = ("i8", "u8")


def precisions(path: Path) -> list[tuple[str, str]]:
    """(kind, precision) of every convolution and product as OpenVINO compiled them for one crop."""
    backend = OpenVinoBackend(path, precision="f32")
    (request,) = backend._network._requests.values()
    compiled = request.get_compiled_model()
    rows = []
    for node in compiled.get_runtime_model().get_ordered_ops():
        info = node.get_rt_info()
        rows.append((str(info["layerType"].value), str(info["runtimePrecision"].value)))
    return [row for row in rows if row[0] in ("Convolution", "FullyConnected", "MatMul")]


def training_of(checkpoint: Path) -> TrainingState:
    training = read_checkpoint(checkpoint).training
    assert training is not None
    return training


@pytest.mark.parametrize(
    "backbone",
    [
        pytest.param("mobilenet_v2", id="MobileNetV2"),
        pytest.param("mobilenet_v2, separable", id="MobileNetV2 with the thin head"),
        pytest.param("efficientnet_lite0", id="EfficientNet-Lite0", marks=pytest.mark.slow),
        pytest.param("efficientnet_b0", id="EfficientNet-B0: SE and SiLU", marks=pytest.mark.slow),
    ],
)
def test_from_training_to_int8_in_every_runtime(
    trained: Callable[[str], Path], face_root: Path, make_recipe: Callable[..., Recipe], tmp_path: Path, backbone: str
) -> None:
    source = trained(backbone)
    tuned = fit_quantized(make_recipe(QAT), face_root, tmp_path / "qat", source=source, devices=CPU)
    quantization = read_checkpoint(tuned).quantization
    assert quantization is not None
    assert quantization["method"] == "qat"
    int8 = export(read_checkpoint(tuned), tmp_path / "int8.onnx", storage="fp16")
    assert lint(int8) == []
    assert read_spec(int8).precision == "int8"
    network = read_checkpoint(source).landmark_network()
    assert int8.stat().st_size < 0.40 * sum(4 * weight.numel() for weight in network.parameters())
    assert all(difference.passed for difference in verify(int8, checkpoint=read_checkpoint(tuned), data=face_root))
    rows = precisions(int8)
    convolutions = [precision for kind, precision in rows if kind == "Convolution"]
    assert len(convolutions) == sum(node.op_type == "Conv" for node in onnx.load(int8).graph.node)
    assert set(convolutions) <= set(INT8), "a convolution of the backbone or of map-to-node computes in float"


def test_graph_products_are_int8_too(exported: Path) -> None:
    """1 + 2 graph convolutions; edge weights (2), presence and the last one stay float."""
    products = [precision for kind, precision in precisions(exported) if kind != "Convolution"]
    assert sum(precision in INT8 for precision in products) == 3


def test_fine_tuning_moves_weights_and_ranges(
    checkpoint: Path, quantized: Path, face_root: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    tuned = fit_quantized(make_recipe(QAT), face_root, tmp_path, source=checkpoint, devices=CPU)
    before, after = read_checkpoint(quantized).weights, training_of(tuned).weights
    assert before.keys() == after.keys()
    changed = [key for key in before if not before[key].equal(after[key])]
    assert any(key.endswith(".scale") for key in changed)
    assert "backbone.stem.0.weight" in changed
    assert read_checkpoint(tuned).about["name"] == "tiny"


class PullThePlug(Reporter):
    """Interrupts after the first epoch's checkpoint."""

    def epoch(self, report: EpochReport) -> None:
        if report.epoch == 0:
            raise KeyboardInterrupt


def test_resuming_is_as_if_it_had_never_stopped(
    checkpoint: Path, face_root: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    recipe = make_recipe(QAT)
    whole = fit_quantized(recipe, face_root, tmp_path / "whole", source=checkpoint, devices=CPU)
    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        fit_quantized(recipe, face_root, cut, source=checkpoint, devices=CPU, reporter=PullThePlug())
    last = cut / "last.ckpt"
    assert read_checkpoint(last).epoch == 1
    fit_quantized(recipe, face_root, cut, source=checkpoint, resume=last, devices=CPU)
    weights = [training_of(path).weights for path in (whole, last)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    other = make_recipe("[quantize]\nimages = 12\nfloat_layers = ['head']\n")
    with pytest.raises(CheckpointError, match=r"last\.ckpt: was trained with another \[quantize\] section"):
        fit_quantized(other, face_root, cut, source=checkpoint, resume=last, devices=CPU)


def test_what_is_exported_is_what_validation_measured(
    checkpoint: Path, face_root: Path, make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    recipe = make_recipe(QAT, "train.average_decay=0.9")
    last = fit_quantized(recipe, face_root, tmp_path, source=checkpoint, devices=CPU)
    network, training = read_checkpoint(last).landmark_network(), training_of(last)
    average = training.average
    assert any(not average[key].equal(training.weights[key]) for key in average)
    assert all(value.equal(average[key]) for key, value in network.state_dict().items())
