import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from typer.testing import CliRunner

from sdfl.artifacts.names import OUTPUTS
from sdfl.artifacts.onnx_metadata import read_metadata, read_spec
from sdfl.artifacts.seal import OF_ONNX
from sdfl.cli import app
from sdfl.convert.compare.runtimes import LIMIT_PX, compare, generated_crops, verify
from sdfl.convert.export import graph as export_module
from sdfl.convert.export.landmarks import export, set_accuracy
from sdfl.convert.export.operator_function import DOMAIN, NAME
from sdfl.errors import ArtifactError, CheckpointError
from sdfl.model.checkpoint import read_checkpoint
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.types import Image, Prediction

pytestmark = pytest.mark.slow


def test_torch_onnx_runtime_and_openvino_agree(exported: Path, checkpoint: Path) -> None:
    differences = verify(exported, checkpoint=read_checkpoint(checkpoint))
    assert [difference.runtime for difference in differences] == ["ONNX Runtime", "OpenVINO f32"]
    assert all(difference.points_px <= LIMIT_PX for difference in differences)


@pytest.mark.data
def test_they_agree_on_real_crops(exported: Path, checkpoint: Path, data_dir: Path) -> None:
    differences = verify(exported, checkpoint=read_checkpoint(checkpoint), data=data_dir / "300w" / "afw")
    assert all(difference.passed for difference in differences)


def test_the_graph_keeps_bare_operator_nodes_and_one_function(exported: Path) -> None:
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    nodes = [node for node in model.graph.node if node.domain == DOMAIN]
    assert [node.op_type for node in nodes] == [NAME] * 10  # 1 + 4 blocks of 2 + 1
    assert [(function.domain, function.name) for function in model.functions] == [(DOMAIN, NAME)]
    slopes = [onnx.helper.get_attribute_value(node.attribute[0]) for node in nodes]
    assert slopes == [0.0] * 9 + [1.0]


def test_neighbours_are_a_constant_within_range(exported: Path) -> None:
    model = onnx.load(exported)
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    tables = {node.input[2] for node in model.graph.node if node.domain == DOMAIN}
    assert len(tables) == 1
    table = constants[tables.pop()]
    assert table.dtype == np.int32
    assert table.shape == (68, 4)
    assert 0 <= table.min() <= table.max() < 2 * 68


def test_batch_normalisation_and_std_are_folded(exported: Path) -> None:
    kinds = [node.op_type for node in onnx.load(exported).graph.node]
    assert "BatchNormalization" not in kinds
    assert kinds.count("Sub") == 1
    assert "Div" not in kinds


def test_inputs_and_outputs_are_the_contract(exported: Path) -> None:
    graph = onnx.load(exported).graph
    (image,) = graph.input
    shape = [dim.dim_value or dim.dim_param for dim in image.type.tensor_type.shape.dim]
    assert (image.name, shape[1:], image.type.tensor_type.elem_type) == ("image", [96, 96, 3], onnx.TensorProto.UINT8)
    assert isinstance(shape[0], str), "the batch is dynamic"
    assert tuple(output.name for output in graph.output) == OUTPUTS


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_any_batch_gives_the_same_points(exported: Path, batch: int) -> None:
    backend = OnnxRuntimeBackend(exported)
    crops = generated_crops(96, 7)
    whole, part = backend.infer(crops), backend.infer(crops[:batch])
    np.testing.assert_allclose(part.points, whole.points[:batch], atol=1e-3)


def test_metadata_says_what_the_model_is(exported: Path) -> None:
    spec = read_spec(exported)
    assert (spec.name, spec.layout, spec.num_points, spec.input_size) == ("tiny", "ibug68", 68, 96)
    assert (spec.training_data, spec.licence, spec.operator_version) == ("generated", "none", 1)
    stored = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    assert read_metadata(exported)[0] == stored, "the reader without onnx must agree with onnx"


def test_fp16_storage_halves_the_file_and_hardly_moves_points(checkpoint: Path, exported: Path, tmp_path: Path) -> None:
    stored = export(read_checkpoint(checkpoint), tmp_path / "stored.onnx", storage="fp16")
    assert stored.stat().st_size < 0.55 * exported.stat().st_size
    assert all(d.passed for d in verify(stored, checkpoint=read_checkpoint(checkpoint), storage="fp16"))


def test_inlined_it_is_standard_operators_with_the_same_answers(
    checkpoint: Path, exported: Path, tmp_path: Path
) -> None:
    inlined = export(read_checkpoint(checkpoint), tmp_path / "inlined.onnx", inline=True)
    model = onnx.load(inlined)
    assert {node.domain for node in model.graph.node} == {""}
    assert {entry.domain for entry in model.opset_import} == {""}
    assert not model.functions
    assert not [node for node in model.graph.node if "neighbours" in "".join(node.input)], "no gather of rows"
    assert sum(node.op_type == "Softmax" for node in model.graph.node) == 1
    backends = {"function": OnnxRuntimeBackend(exported), "inlined": OnnxRuntimeBackend(inlined)}
    assert all(difference.passed for difference in compare(backends, generated_crops(96)))
    assert all(difference.passed for difference in verify(inlined, checkpoint=read_checkpoint(checkpoint)))


def test_accuracy_is_added_in_place(exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(exported.read_bytes())
    set_accuracy(copy, 3.5, "HELEN test, true crops")
    spec = read_spec(copy)
    assert (spec.nme_percent, spec.nme_protocol) == (3.5, "HELEN test, true crops")


def test_a_wrong_answer_is_noticed(exported: Path) -> None:
    """The check can fail: a runtime whose points are half a pixel off, or NaN, does not pass."""

    class Off(OnnxRuntimeBackend):
        amount = 0.0  # while it is opened, which tests it

        def infer(self, crops: Image) -> Prediction:
            prediction = super().infer(crops)
            prediction.points[0, 0, 0] += self.amount
            return prediction

    backends = {"right": OnnxRuntimeBackend(exported), "off": Off(exported)}
    Off.amount = 0.5
    assert not compare(backends, generated_crops(96, 2))[0].passed
    Off.amount = np.nan
    assert not compare(backends, generated_crops(96, 2))[0].passed


def test_one_export_reads_the_checkpoint_once(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    load = torch.load

    def noted(path: Path, **options: Any) -> Any:
        read.append(path)
        return load(path, **options)

    monkeypatch.setattr(torch, "load", noted)
    result = CliRunner().invoke(app, ["export", str(checkpoint), "-o", str(tmp_path / "m.onnx")])
    assert result.exit_code == 0, result.output
    assert read == [checkpoint]


def test_export_of_a_bad_checkpoint_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match=r"bad\.ckpt"):
        export(read_checkpoint(tmp_path / "bad.ckpt"), tmp_path / "out" / "m.onnx")
    assert not (tmp_path / "out").exists()


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def _tamper(content: bytes) -> bytes:
    model = onnx.load_from_string(content)
    model.graph.node[0].name = "changed"
    changed: bytes = model.SerializeToString()
    return changed


def _forget(content: bytes) -> bytes:
    model = onnx.load_from_string(content)
    kept = [entry for entry in model.metadata_props if entry.key != "sdfl.input_size"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    changed: bytes = model.SerializeToString()
    return changed + OF_ONNX.of(changed)


def _contradict(content: bytes) -> bytes:
    model = onnx.load_from_string(content)
    next(entry for entry in model.metadata_props if entry.key == "sdfl.num_points").value = "98"
    changed: bytes = model.SerializeToString()
    return changed + OF_ONNX.of(changed)


def _reword(content: bytes) -> bytes:
    return content.replace(b"sdfl.licence", b"sdfl.licens3")


def _tamper_with_function(content: bytes) -> bytes:
    model = onnx.load_from_string(content)
    model.functions[0].node[0].op_type = "Neg"
    changed: bytes = model.SerializeToString()
    return changed


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(_cut, "is not a complete ONNX file", id="cut off"),
        pytest.param(lambda content: b"", "is not a complete ONNX file", id="empty"),
        pytest.param(lambda content: b"\x00picture", "is not a complete ONNX file", id="something else"),
        pytest.param(_tamper, "the graph was changed", id="graph changed"),
        pytest.param(_tamper_with_function, "does not match the hash of itself", id="function changed"),
        pytest.param(_reword, "does not match the hash of itself", id="metadata changed"),
        pytest.param(lambda content: content + b"\x70\x01", "is not a complete ONNX file", id="bytes behind it"),
        pytest.param(_forget, r"metadata entry sdfl\.input_size is missing", id="metadata missing"),
        pytest.param(_contradict, r"num_points \(98\) contradicts layout ibug68", id="metadata contradicts"),
    ],
)
def test_spoilt_model_files_are_one_line(
    exported: Path, tmp_path: Path, spoil: Callable[[bytes], bytes], message: str
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(spoil(exported.read_bytes()))
    with pytest.raises(ArtifactError, match=rf"m\.onnx: .*{message}|m\.onnx: {message}"):
        read_spec(path)


def test_a_model_names_no_commit_of_somebody_elses_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment lies in a repository of its user's, as a folder that git ignores."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(export_module, "__file__", str(tmp_path / "graph.py"))
    (tmp_path / "graph.py").write_text("")
    assert export_module.git_commit() == ""
    for words in (["add", "graph.py"], ["commit", "-q", "-m", "ours"]):
        subprocess.run([*git, *words], check=True)
    assert len(export_module.git_commit()) == 40
