"""`sdfl doctor`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from sdfl.cli import app
from sdfl.runtime.backends.openvino.extension import EXTENSION_VARIABLE
from sdfl.runtime.doctor import operator_check as doctor


def test_it_lists_every_form_of_the_operator_and_those_present_agree() -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert {"python", "machine", "numpy", "openvino", "onnxruntime"} <= report["versions"].keys()
    forms = {(row["runtime"], row["form"]): row["self_test"] for row in report["operator"]}
    assert len(forms) == 5
    for form in (
        ("torch", "custom operator"),
        ("ONNX Runtime", "model-local function"),
        ("OpenVINO", "standard operators"),
    ):
        assert forms[form].startswith("passed"), form
    assert forms["OpenVINO", "compiled extension"].startswith(("passed", "not run: not built"))


def test_a_form_that_was_not_built_is_said_to_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTENSION_VARIABLE, "")
    rows = {(row.runtime, row.form): row for row in doctor.implementations()}
    assert rows["OpenVINO", "compiled extension"].self_test == "not run: not built, see docs/operator.md"


def test_a_form_that_disagrees_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test can fail: a limit that nothing meets makes every comparison but the reference's fail."""
    monkeypatch.setattr(doctor, "SELF_TEST_LIMIT_PX", -1.0)
    rows = [row for row in doctor.implementations() if row.version and row.found_at]
    assert rows
    assert all(row.self_test.startswith(("failed", "not run")) for row in rows)
