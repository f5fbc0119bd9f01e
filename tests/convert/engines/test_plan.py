"""What `sdfl build` makes of its options, before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sdfl.cli import app
from sdfl.convert.engines.plan import make_plan, trtexec_line
from sdfl.errors import SdflError
from sdfl.runtime.zoo import resolve_model


@pytest.mark.parametrize(
    ("name", "target", "options", "out", "precision"),
    [
        pytest.param("medium", "tensorrt", {}, "medium_fp16.engine", "fp16", id="fp16 by default"),
        pytest.param("medium", "openvino", {"precision": "fp32"}, "medium_fp32.xml", "fp32", id="fp32 as asked"),
        pytest.param("medium", "litert", {}, "medium_fp32.tflite", "fp32", id="LiteRT computes in fp32"),
        pytest.param("medium_int8", "litert", {}, "medium_int8.tflite", "int8", id="or int8"),
        pytest.param("medium_int8", "tensorrt-rtx", {}, "medium_int8.engine", "int8", id="int8 is named once"),
    ],
)
def test_what_is_left_out_is_filled_in(
    name: str, target: str, options: dict[str, Any], out: str, precision: str
) -> None:
    plan = make_plan(resolve_model(name), target, **options)
    assert (str(plan.out), plan.precision, plan.max_faces) == (out, precision, 1)


FLOAT, INT8 = "medium", "medium_int8"


@pytest.mark.parametrize(
    ("name", "target", "options", "message"),
    [
        pytest.param(FLOAT, "coreml", {}, "must be one of tensorrt, tensorrt-rtx, openvino, litert", id="target"),
        pytest.param(FLOAT, "tensorrt", {"precision": "int8"}, "make an int8 model first: sdfl quantize", id="int8"),
        pytest.param(INT8, "tensorrt", {"precision": "fp16"}, "take the float model", id="fp16 of int8"),
        pytest.param(FLOAT, "tensorrt", {"out": Path("x.onnx")}, r"must end in \.engine for tensorrt", id="suffix"),
        pytest.param(FLOAT, "tensorrt", {"plugin": Path("no.so")}, r"--plugin no\.so: no such file", id="plugin"),
        pytest.param(FLOAT, "openvino", {"compute_capabilities": ("8.7",)}, "only tensorrt-rtx builds for another GPU",
                     id="another GPU's OpenVINO"),
        pytest.param(FLOAT, "tensorrt-rtx", {"compute_capabilities": ("8.7",)}, "must be of 7.5, 8.0, .*got '8.7'",
                     id="RTX for Orin"),
        pytest.param(FLOAT, "openvino", {"max_faces": 2}, "takes any number of faces; leave it out", id="IR"),
        pytest.param(FLOAT, "tensorrt", {"max_faces": 65}, "max_faces must be 1 to 64", id="too many faces"),
        pytest.param(FLOAT, "tensorrt", {"workspace_mb": 1}, "at least 16 MB", id="no workspace"),
    ],
)  # fmt: skip
def test_contradictions_are_one_line(name: str, target: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SdflError, match=message) as caught:
        make_plan(resolve_model(name), target, **options)
    assert "\n" not in str(caught.value)


def test_a_built_file_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "m.engine").write_bytes(b"x")
    with pytest.raises(SdflError, match=r"m\.engine: is built already; build from the \.onnx file"):
        make_plan(tmp_path / "m.engine", "tensorrt")


@pytest.mark.parametrize(
    ("name", "faces", "line"),
    [
        pytest.param(FLOAT, 1, "trtexec --onnx=c.onnx --saveEngine=medium_fp16.engine --fp16", id="fp16"),
        pytest.param(
            INT8,
            4,
            "trtexec --onnx=c.onnx --saveEngine=medium_int8.engine --fp16 --int8 --minShapes=image:1x256x256x3 "
            "--optShapes=image:4x256x256x3 --maxShapes=image:4x256x256x3",
            id="int8 for up to four faces",
        ),
    ],
)
def test_trtexec_does_the_same(name: str, faces: int, line: str) -> None:
    plan = make_plan(resolve_model(name), "tensorrt", max_faces=faces)
    assert trtexec_line(plan, Path("c.onnx")) == line


def test_a_dry_run_on_any_computer_writes_the_onnx_and_builds_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    result = CliRunner().invoke(
        app, ["build", FLOAT, "--target", "tensorrt", "--dry-run", "--copy", str(copy), "--typed"]
    )
    assert result.exit_code == 0, result.output
    assert "medium in fp16 for tensorrt, one face at a time, standard operators, for this machine" in result.output
    assert f"trtexec --onnx={copy}" in result.output
    assert copy.stat().st_size > 1e6
    assert [path.name for path in tmp_path.iterdir()] == ["copy.onnx"]


def test_a_folder_that_cannot_be_made_is_told_before_building(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "m.xml"
    result = CliRunner().invoke(app, ["build", FLOAT, "--target", "openvino", "-o", str(out)])
    assert "its folder cannot be made" in str(result.exception)
