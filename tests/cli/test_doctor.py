"""`sdfl doctor`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toy_model import save_toy_model
from typer.testing import CliRunner
from wrong_file import state_other_points

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.passport import Passport, write_passport
from sdfl.cli import app, doctor
from sdfl.runtime.backends.openvino.extension import EXTENSION_VARIABLE
from sdfl.runtime.doctor import operator_check
from sdfl.runtime.doctor.operator_check import Implementation, check_operator
from sdfl.runtime.doctor.self_tests import run_self_tests
from sdfl.runtime.zoo import zoo_models


def report(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    assert result.exit_code == 0, result.output
    table = json.loads(result.stdout)
    assert isinstance(table, dict)
    return table


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing torch takes many seconds."""
    row = Implementation("torch", "custom operator", "", "", "not run: torch is not installed")
    monkeypatch.setattr(doctor, "check_torch", lambda _: row)


@pytest.fixture
def engine(tmp_path: Path, spec: ModelSpec) -> Path:
    path = tmp_path / "m.engine"
    path.write_bytes(b"engine")
    values = ("tensorrt", "fp16", spec.to_metadata(), "m.onnx", "0" * 64, "0" * 64, "0" * 64, "10.3.0")
    write_passport(path, Passport(*values, compute_capabilities=("8.7",)))
    return path


def test_an_extension_for_another_openvino_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_check, "find_extension", lambda: None)
    monkeypatch.setattr(operator_check, "why_unusable", lambda: "built for OpenVINO 1, here is 2; install sdfl again")
    rows = {row.form: row.self_test for row in check_operator("nano")}
    assert rows["compiled extension"] == "not run: built for OpenVINO 1, here is 2; install sdfl again"


@pytest.mark.slow
def test_it_lists_every_form_of_the_operator_and_those_present_agree() -> None:
    table = report()
    assert {"python", "machine", "numpy", "openvino", "onnxruntime"} <= table["versions"].keys()
    forms = {(row["runtime"], row["form"]): row["self_test"] for row in table["operator"]}
    assert len(forms) == 6
    rows = table["self_tests"]
    assert {row["model"] for row in rows} == {*zoo_models(), "face detector"}
    assert {row["runs_in"].split(",")[0] for row in rows} == {"OpenVINO", "ONNX Runtime"}
    assert all(row["result"].startswith("passed") and row["deviation_px"] <= row["allowed_px"] for row in rows)
    for form in (
        ("torch", "custom operator"),
        ("ONNX Runtime", "model-local function"),
        ("OpenVINO", "standard operators"),
    ):
        assert forms[form].startswith("passed"), form
    assert forms["OpenVINO", "compiled extension"].startswith(("passed", "not run: not built"))


@pytest.mark.usefixtures("without_torch")
def test_an_engine_is_checked_without_being_loaded(engine: Path) -> None:
    table = report("--model", str(engine))
    assert table["engine"]
    assert "was built for this machine" not in table["engine"]


@pytest.mark.usefixtures("without_torch")
def test_the_json_has_the_same_shape_with_and_without_an_engine(engine: Path) -> None:
    plain, about_engine = report("--model", "nano"), report("--model", str(engine))
    assert list(plain) == list(about_engine) == [
        "versions", "computer", "operator", "self_tests", "recommended", "engine", "problems",
    ]  # fmt: skip
    assert plain["engine"] is None
    assert plain["computer"].keys() == about_engine["computer"].keys()
    assert len(plain["operator"]) == len(about_engine["operator"]) == 6
    assert all(list(each) == ["runs_on", "command"] for each in plain["recommended"])
    assert all(list(each) == ["problem", "fix"] for each in plain["problems"])


def test_a_form_that_was_not_built_is_said_to_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTENSION_VARIABLE, "")
    rows = {(row.runtime, row.form): row for row in check_operator()}
    assert rows["OpenVINO", "compiled extension"].self_test == "not run: not built, see docs/reference/operator.md"


def test_an_extension_that_is_not_there_is_a_row_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTENSION_VARIABLE, "/no/such/library.so")
    rows = {(row.runtime, row.form): row for row in check_operator()}
    assert rows["OpenVINO", "compiled extension"].self_test.startswith("failed: SDFL_OPENVINO_EXTENSION names")
    assert rows["ONNX Runtime", "model-local function"].self_test.startswith("passed")


def test_the_reference_is_named_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_check, "installed_versions", lambda: {"openvino": "1"})
    rows = {(row.runtime, row.form): row for row in check_operator("nano")}
    assert rows["OpenVINO", "standard operators"].self_test == "passed: 0.0e+00 px from OpenVINO"


def test_a_form_that_disagrees_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test can fail: a limit that nothing meets makes every comparison but the reference's fail."""
    monkeypatch.setattr(operator_check, "SELF_TEST_LIMIT_PX", -1.0)
    rows = [row for row in check_operator() if row.version and row.found_at]
    assert rows
    assert all(row.self_test.startswith(("failed", "not run")) for row in rows)


BROKEN = """
import sys
sys.modules.update(dict.fromkeys(("cv2", "openvino", "torch")))  # importing one of them is an ImportError
from sdfl.cli import app
app(["doctor", "--model", "nano"])
"""


def test_it_runs_where_opencv_openvino_and_torch_cannot_be_imported(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", BROKEN], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "problem: OpenCV cannot be imported" in done.stdout or "are installed together" in done.stdout
    assert "sdfl demo" not in done.stdout, "it recommends nothing that fails"
    (torch,) = [line for line in done.stdout.splitlines() if line.startswith("  torch ")]
    assert "failed" in torch or "not run" in torch
    in_openvino = [line for line in done.stdout.splitlines() if "OpenVINO" in line and "standard operators" in line]
    assert len(in_openvino) == 2, "of the operator, and of the self-test"
    assert all("failed" in line or "not run" in line for line in in_openvino)
    (on_cpu,) = [line for line in done.stdout.splitlines() if "ONNX Runtime, cpu" in line]
    assert "passed" in on_cpu


def test_a_model_that_is_computed_wrongly_is_a_row_that_failed(tmp_path: Path) -> None:
    wrong = state_other_points(zoo_models()["nano"], tmp_path / "wrong.onnx")
    rows = {row.runs_in: row for row in run_self_tests([wrong], detector=False)}
    assert {"OpenVINO, standard operators", "ONNX Runtime, cpu"} <= rows.keys()
    assert all(row.result.startswith("failed: wrong.onnx: ") for row in rows.values())


def test_a_file_that_states_no_points_is_said_to_be_untested(tmp_path: Path) -> None:
    rows = list(run_self_tests([save_toy_model(tmp_path / "toy.onnx")], detector=False))
    assert {row.result for row in rows} == {"not run: the file states no points; export the model again"}


def test_a_computer_without_a_gpu_has_no_problem_with_it() -> None:
    facts = dict(doctor._facts({"gpu_problem": "the driver is missing", "tensorrt_problem": "is not installed"}))
    assert facts == {"no gpu": "the driver is missing", "no tensorrt": "is not installed"}
