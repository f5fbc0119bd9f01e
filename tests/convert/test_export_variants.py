"""Every head and the padded, gated backbones leave as ONNX with the three outputs of the contract."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sdfl.model.checkpoint import read_checkpoint, save_checkpoint
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.model.landmarks.torch_backend import TorchBackend

pytest.importorskip("onnxscript", reason="needs the extra convert")


pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.slow]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"head": "fc"}, id="fully connected"),
        pytest.param({"adjacency": "static_per_layer", "weights": "pair", "symmetric": True}, id="released code"),
        pytest.param({"edge_norm": True}, id="normalised edge network"),
        pytest.param({"adjacency": "binary"}, id="binary"),
        pytest.param(
            {"symmetric": True, "backbone": "efficientnet_lite0", "width": 1.0}, id="padded rows, padded stem"
        ),
        pytest.param({"backbone": "efficientnet_b0", "width": 1.0}, id="squeeze-and-excitation"),
    ],
)
def test_exported_variants_agree_with_torch(tmp_path: Path, changes: dict) -> None:
    import onnxruntime

    from sdfl.convert.export.landmarks import export

    config = ModelConfig(**{"input_size": 64, "width": 0.5, "blocks": 1, **changes})
    points = np.random.default_rng(0).uniform(size=(20, 68, 2)).astype(np.float32)
    network = Network(config, LandmarkGraph.from_points(points, 3, symmetric=config.symmetric)).eval()
    save_checkpoint(tmp_path / "a.ckpt", network)
    export(read_checkpoint(tmp_path / "a.ckpt"), tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    images = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), np.uint8)
    found = session.run(["points", "presence", "log_scale"], {"image": images})
    with torch.no_grad():
        expected = TorchBackend(network, "x").infer(images)
    for own, theirs in zip(found, (expected.points, expected.presence, expected.log_scale), strict=True):
        np.testing.assert_allclose(own, theirs, atol=2e-3)  # px of the crop; fp32 in two runtimes


@pytest.mark.parametrize("head", ["graph", "fc"])
def test_a_file_costs_what_its_network_costs(tmp_path: Path, head: str) -> None:
    from sdfl.convert.export.landmarks import export
    from sdfl.convert.graph_cost import file_cost
    from sdfl.model.complexity import network_cost

    network = Network(ModelConfig(input_size=64, width=0.5, blocks=1, head=head)).eval()
    save_checkpoint(tmp_path / "a.ckpt", network)
    export(read_checkpoint(tmp_path / "a.ckpt"), tmp_path / "a.onnx")
    found, expected = file_cost(tmp_path / "a.onnx", 64), network_cost(network)["total"]
    assert found["multiply_adds"] == pytest.approx(expected.multiply_adds, rel=1e-3)
    assert found["parameters"] == pytest.approx(expected.parameters, rel=0.03), "normalisation is folded"
