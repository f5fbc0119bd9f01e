"""The ONNX that TensorRT gets computes what the source computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import toy_model

from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.convert.engines.onnx_copy import LARGEST_FP16, load_onnx, make_copy
from sdfl.convert.engines.plan import CopyOptions
from sdfl.errors import ArtifactError
from sdfl.runtime.zoo import resolve_model, zoo_models

FLOAT, FP16 = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
OUTPUTS = ("points", "presence", "log_scale")


def run(model: onnx.ModelProto, image: np.ndarray) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # As it is written: ONNX Runtime's rewriting of Q/DQ in fp16 moves points three times as far as fp16 itself does.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip([entry.name for entry in session.get_outputs()], session.run(None, {"image": image}), strict=True))


def picture(size: int, batch: int = 1) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", zoo_models())
def test_shipped_models_in_fp32_give_the_same_numbers(name: str) -> None:
    source = resolve_model(name)
    copy = make_copy(source, CopyOptions())
    onnx.checker.check_model(copy, full_check=True)
    noise = picture(read_spec(source).input_size)
    got, want = run(copy, noise), run(load_onnx(source), noise)
    for output in OUTPUTS:
        np.testing.assert_allclose(got[output], want[output], atol=0.01)  # px: sums in another order, on noise


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "limit_px"),
    [
        pytest.param("medium", 0.04, id="fp16: 11 bits in every layer, fp32 in the last step"),
        pytest.param("medium_int8", 0.5, id="int8: some values fall on the other side of a rounding edge"),
    ],
)
def test_shipped_models_in_fp16_move_points_by_a_fraction_of_a_pixel(
    data_dir: Path, name: str, limit_px: float
) -> None:
    """limit_px: of a 256 px crop, on average."""
    from sdfl.convert.compare.runtimes import real_crops

    source = resolve_model(name)
    crops = real_crops(data_dir / "300w" / "helen" / "testset", read_spec(source).input_size, 8)
    copy = make_copy(source, CopyOptions(fp16=True))
    onnx.checker.check_model(copy, full_check=True)
    got, want = run(copy, crops)["points"], run(load_onnx(source), crops)["points"]
    assert got.dtype == np.float32
    assert np.linalg.norm(got - want, axis=-1).mean() < limit_px


@pytest.mark.parametrize("name", zoo_models())
def test_no_float_layer_stays_fp32_by_the_types_of_its_weights(name: str) -> None:
    """In a strongly typed network a layer with fp32 inputs computes in fp32, in an int8 engine too."""
    graph = make_copy(resolve_model(name), CopyOptions(fp16=True)).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    wide = {name for name, kind in types.items() if kind == FLOAT}
    readers = {node.op_type for node in graph.node if wide & set(node.input)}
    assert readers <= {"Add"}  # the mean shape and the offset of log_scale
    assert len(wide) <= 2


@pytest.mark.parametrize("name", zoo_models())
def test_no_scale_of_a_rounding_becomes_zero_in_fp16(name: str) -> None:
    """TensorRT refuses such a file; a channel that training left dead has next to no scale."""
    graph = make_copy(resolve_model(name), CopyOptions(fp16=True)).graph
    scales = {node.input[1] for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")}
    stored = [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name in scales]
    assert all((scale > 0).all() for scale in stored)


@pytest.mark.parametrize("name", zoo_models())
def test_shipped_models_hold_no_number_that_a_half_cannot(name: str) -> None:
    """Masks of -9e15 before a softmax overflow in fp16; the padded slots of the graph have attention 0 instead."""
    for tensor in load_onnx(resolve_model(name)).graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype.kind == "f":
            assert np.abs(values.astype(np.float64)).max(initial=0) <= LARGEST_FP16, tensor.name


def test_a_mask_of_minus_9e15_is_refused_by_name(toy: Path, tmp_path: Path) -> None:
    model = onnx.load(toy)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-9e15], np.float32), "mask"))
    model.graph.node.insert(9, onnx.helper.make_node("Add", ["scores", "mask"], ["masked"]))
    next(node for node in model.graph.node if node.op_type == "Softmax").input[0] = "masked"
    path = toy_model.save_with_spec(model, tmp_path / "masked.onnx")
    with pytest.raises(ArtifactError, match=r"masked\.onnx: mask holds 9e\+15, fp16 ends at 65504"):
        make_copy(path, CopyOptions(fp16=True))
    make_copy(path, CopyOptions())


@pytest.mark.parametrize("name", zoo_models())
def test_the_picture_is_cast_before_it_is_moved(name: str) -> None:
    """TensorRT's parser refuses a Transpose of uint8."""
    graph = make_copy(resolve_model(name), CopyOptions()).graph
    assert [node.op_type for node in graph.node if "image" in node.input] == ["Cast"]


def test_a_fixed_batch_is_in_the_file(toy: Path) -> None:
    graph = make_copy(toy, CopyOptions(batch=1)).graph
    for entry in (*graph.input, *graph.output):
        assert entry.type.tensor_type.shape.dim[0].dim_value == 1, entry.name


def test_inner_tensors_can_be_given_out(toy: Path) -> None:
    image = picture(toy_model.SIZE)
    want = run(make_copy(toy, CopyOptions(outputs=("features", "h"))), image)
    got = run(make_copy(toy, CopyOptions(fp16=True, outputs=("features", "h"))), image)
    assert want["features"].shape == (1, 48)
    np.testing.assert_allclose(got["features"], want["features"], rtol=2e-3, atol=0.1)
    np.testing.assert_allclose(got["points"], want["points"], rtol=0.02, atol=0.05)
    with pytest.raises(ArtifactError, match=r"toy\.onnx: computes no tensor nothing"):
        make_copy(toy, CopyOptions(outputs=("nothing",)))


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(ArtifactError, match=r"x\.onnx: is not a complete ONNX file"):
        make_copy(tmp_path / "x.onnx", CopyOptions())
