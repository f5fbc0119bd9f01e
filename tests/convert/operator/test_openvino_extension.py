"""What the OpenVINO extension does beside the numbers: files, batches, threads, and models that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
import pytest
from native_build import Native
from one_node import NODE, one_node
from openvino import opset13 as ops
from operator_vectors import Case, Vector, draw

pytestmark = [pytest.mark.native, pytest.mark.slow]

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
VECTOR = draw(Case(7, 98, 98, 4, 131, 0.1))


@pytest.fixture
def core(native: Native) -> openvino.Core:
    core = openvino.Core()
    core.add_extension(str(native.extension))
    return core


def inputs(vector: Vector) -> dict[str, Any]:
    return {"z": vector.z, "attention": vector.attention}


def test_reads_the_node_and_not_the_function(core: openvino.Core) -> None:
    model = core.read_model(one_node(VECTOR).SerializeToString())
    kinds = [operation.get_type_name() for operation in model.get_ops()]
    assert kinds.count("SparseGraphConv") == 1
    assert set(kinds) == {"SparseGraphConv", "Parameter", "Constant", "Result"}


def test_saved_model_keeps_slope(core: openvino.Core, tmp_path: Path) -> None:
    model = core.read_model(one_node(VECTOR).SerializeToString())
    openvino.save_model(model, tmp_path / "saved.xml", compress_to_fp16=False)
    again = core.read_model(tmp_path / "saved.xml")
    (node,) = [node for node in again.get_ops() if node.get_type_name() == "SparseGraphConv"]
    assert node.get_attributes()["slope"] == np.float32(0.1)
    results = [core.compile_model(each, "CPU", EXACT)(inputs(VECTOR))["y"] for each in (model, again)]
    np.testing.assert_array_equal(*results)


def test_one_compiled_model_takes_every_batch(core: openvino.Core) -> None:
    compiled = core.compile_model(core.read_model(one_node(VECTOR).SerializeToString()), "CPU", EXACT)
    whole = compiled(inputs(VECTOR))["y"]
    assert list(compiled.output("y").get_partial_shape()) == [-1, 98, 131]
    for batch in (1, 0, 7, 3):
        part = replace(VECTOR, z=VECTOR.z[:batch], attention=VECTOR.attention[:batch])
        np.testing.assert_array_equal(compiled(inputs(part))["y"], whole[:batch])


def test_requests_may_run_side_by_side(core: openvino.Core) -> None:
    compiled = core.compile_model(core.read_model(one_node(VECTOR).SerializeToString()), "CPU", EXACT)
    cases = [draw(replace(Case(7, 98, 98, 4, 131, 0.1), batch=batch)) for batch in range(1, 9)]
    alone = [compiled.create_infer_request().infer(inputs(case))["y"].copy() for case in cases]

    def run(index: int) -> bool:
        request = compiled.create_infer_request()
        return all(np.array_equal(request.infer(inputs(cases[index]))["y"], alone[index]) for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(8)))


def test_half_precision_model_stays_half(core: openvino.Core) -> None:
    vector = draw(Case(1, 98, 98, 4, 128, 0, "float16"))
    compiled = core.compile_model(core.read_model(one_node(vector).SerializeToString()), "CPU")
    assert compiled(inputs(vector))["y"].dtype == np.float16


def test_bfloat16_is_rounded_once(core: openvino.Core) -> None:
    """Evaluated by OpenVINO's reference, since the CPU plugin turns bfloat16 into float for this operator."""
    model = core.read_model(one_node(VECTOR).SerializeToString())
    (node,) = [node for node in model.get_ops() if node.get_type_name() == "SparseGraphConv"]
    for index in (0, 1, 3):
        narrow = ops.convert(node.input_value(index), "bf16")
        node.input(index).replace_source_output(narrow.output(0))
    model.validate_nodes_and_infer_types()
    y = openvino.Tensor(openvino.Type.bf16, [7, 98, 131])
    model.evaluate([y], [openvino.Tensor(VECTOR.z), openvino.Tensor(VECTOR.attention)])
    got = (y.data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    four_roundings = 2 * 2**-7  # three inputs and the result, half an epsilon each
    assert np.all(np.abs(got - VECTOR.truth) <= four_roundings * VECTOR.scale)
    assert np.abs(got - VECTOR.truth).max() > 2**-10  # it was bfloat16


def with_index(index: int) -> onnx.ModelProto:
    neighbours = VECTOR.neighbours.copy()
    neighbours[-1, -1] = index
    return one_node(VECTOR, neighbours=neighbours)


MISFITS = [
    pytest.param(lambda: with_index(-1), r"neighbours must lie in 0\.\.97, got -1", id="an index below 0"),
    pytest.param(lambda: with_index(98), r"neighbours must lie in 0\.\.97, got 98", id="an index of M"),
    pytest.param(lambda: with_index(2**31 - 1), "neighbours must lie in", id="a huge index"),
    pytest.param(lambda: one_node(VECTOR, neighbours=VECTOR.neighbours[:, :3]), r"got \[\?,98,131\]", id="another K"),
    pytest.param(lambda: one_node(VECTOR, neighbours=VECTOR.neighbours[:97]), r"\[97,4\]", id="another N"),
    pytest.param(lambda: one_node(VECTOR, neighbours=VECTOR.neighbours[0]), r"\[4\]", id="neighbours of one dimension"),
    pytest.param(lambda: one_node(VECTOR, bias=VECTOR.bias[:64]), r"\[64\]", id="another C"),
    pytest.param(lambda: one_node(replace(VECTOR, z=VECTOR.z[:, :97])), r"M >= N", id="fewer rows than nodes"),
    pytest.param(
        lambda: one_node(VECTOR, neighbours=VECTOR.neighbours.astype(np.int64)), "must be i32", id="int64 neighbours"
    ),
    pytest.param(
        lambda: one_node(VECTOR, bias=VECTOR.bias.astype(np.float16)), "must share a type", id="half bias, float z"
    ),
]


@pytest.mark.parametrize(("model", "message"), MISFITS)
def test_model_that_does_not_fit_is_refused_by_name(
    core: openvino.Core, model: Callable[[], onnx.ModelProto], message: str
) -> None:
    with pytest.raises(RuntimeError, match=message) as error:
        core.read_model(model().SerializeToString())
    assert NODE in str(error.value)


@pytest.mark.parametrize("index", [-1, 98, -(2**31)])
def test_index_known_only_at_inference_is_refused_there(core: openvino.Core, native: Native, index: int) -> None:
    model = core.read_model(one_node(VECTOR).SerializeToString())
    (node,) = [node for node in model.get_ops() if node.get_type_name() == "SparseGraphConv"]
    later = ops.parameter([98, 4], np.int32, "neighbours")
    node.input(2).replace_source_output(later.output(0))
    model.add_parameters([later])
    model.validate_nodes_and_infer_types()
    request = core.compile_model(model, "CPU", EXACT).create_infer_request()
    neighbours = VECTOR.neighbours.copy()
    expected = request.infer([VECTOR.z, VECTOR.attention, neighbours])["y"].copy()
    wrong = neighbours.copy()
    wrong[0, 0] = index
    with pytest.raises(RuntimeError, match=rf"neighbours must lie in 0\.\.97, got {index}") as error:
        request.infer([VECTOR.z, VECTOR.attention, wrong])
    assert node.get_friendly_name() in str(error.value)
    np.testing.assert_array_equal(request.infer([VECTOR.z, VECTOR.attention, neighbours])["y"], expected)
