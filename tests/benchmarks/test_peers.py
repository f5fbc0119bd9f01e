from pathlib import Path

import numpy as np
import onnx
import pytest

from sdfl.benchmarks.accuracy.landmarks import COMMON_POINTS, measure_peer_accuracy
from sdfl.benchmarks.suite import HERE
from sdfl.benchmarks.worker import Worker
from sdfl.datasets import find_samples

ADAPTER = HERE / "peers" / "onnx_landmarks.py"


@pytest.fixture
def flat_model(tmp_path: Path) -> Path:
    """Takes (1, 3, 112, 112) and always answers with the same 68 points, 0..1 of the crop."""
    angles = np.linspace(0, 2 * np.pi, 68)
    points = (0.5 + 0.4 * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.float32).reshape(1, 136)
    node, value, floats = onnx.helper.make_node, onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [
            node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
            node("Mul", ["mean", "nothing"], ["zero"]),
            node("Add", ["zero", "points"], ["landmarks"]),
        ],
        "flat",
        [value("image", floats, ["B", 3, 112, 112])],
        [value("landmarks", floats, ["B", 136])],
        [
            onnx.numpy_helper.from_array(np.array([1, 2, 3]), "axes"),
            onnx.numpy_helper.from_array(np.zeros((136,), np.float32)[:1], "nothing"),
            onnx.numpy_helper.from_array(points, "points"),
        ],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "flat.onnx")
    return tmp_path / "flat.onnx"


def test_any_onnx_model_can_be_timed(flat_model: Path) -> None:
    with Worker(ADAPTER, threads=1) as worker:
        assert worker.ask("open", options={"model": str(flat_model), "threads": 1})["layout"] == "ibug68"
        assert len(worker.ask("time_network", batch=1, iterations=5)["times_ms"]) == 5


@pytest.mark.data
def test_its_points_land_on_the_labelled_face(flat_model: Path, data_dir: Path) -> None:
    samples = find_samples(data_dir / "300w" / "helen" / "testset")[:10]
    with Worker(ADAPTER, threads=1) as worker:
        worker.ask("open", options={"model": str(flat_model), "threads": 1})
        result = measure_peer_accuracy(worker, samples)
    assert result["num_found"] >= 7  # it overlaps the labelled face; the cascade misses a few


def test_the_points_in_common_are_brows_nose_and_eyes() -> None:
    assert list(range(17, 48)) == COMMON_POINTS
