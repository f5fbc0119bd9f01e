"""The comparison of the operator's forms."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sdfl.benchmarks.studies import operator_forms
from sdfl.cli import app
from sdfl.runtime.zoo import resolve_model


def test_forms_take_turns() -> None:
    calls: list[str] = []
    times = operator_forms.interleave({name: functools.partial(calls.append, name) for name in "ab"}, rounds=3)
    assert calls[-6:] == ["a", "b"] * 3
    assert {name: len(values) for name, values in times.items()} == {"a": 3, "b": 3}


def test_the_dense_copy_is_the_same_network(tmp_path: Path) -> None:
    model = resolve_model()
    dense = operator_forms.dense_copy(model, tmp_path)
    backends = [operator_forms.OnnxRuntimeBackend(path, threads=1) for path in (model, dense)]
    crop = np.random.default_rng(1).integers(0, 256, size=(1, 128, 128, 3), dtype=np.uint8)
    first, second = (backend.infer(crop).points for backend in backends)
    np.testing.assert_allclose(first, second, atol=1e-3)  # px; the same sums, fused differently


@pytest.mark.native
def test_the_verb_prints_both_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    if operator_forms.find_extension() is None:
        pytest.skip("the OpenVINO extension was not built")
    monkeypatch.setattr(operator_forms, "WARMUP", 1)
    result = CliRunner().invoke(app, ["study", "operator", "--rounds", "2"], catch_exceptions=False)
    assert result.stdout.count("compiled extension") == 3  # the network in f32 and bf16, the operator alone
    assert "ONNX Runtime, dense f32" in result.stdout


def test_the_verb_prints_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_forms, "WARMUP", 1)
    result = CliRunner().invoke(app, ["study", "operator", "--rounds", "1", "--json"], catch_exceptions=False)
    network, operator = json.loads(result.stdout)
    assert network["title"].startswith("network small")
    assert len(network["times_ms"]["ONNX Runtime, dense f32"]) == 3
    assert {"ONNX Runtime, function", "ONNX Runtime, dense", "OpenVINO, dense"} <= set(operator["times_ms"])
