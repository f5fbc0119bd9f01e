"""Without being told, a training computes in what the device is fast in."""

from __future__ import annotations

import pytest
import torch

from sdfl.train import devices
from sdfl.train.devices import Devices, fastest_precision, launch
from sdfl.train.loop_config import AUTO


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        pytest.param("flags : avx2 avx512_bf16", "bf16-mixed", id="bfloat16 instructions"),
        pytest.param("flags : avx2 avx512_vnni", "32-true", id="bfloat16 would be emulated"),
        pytest.param("Windows tells no flags", "32-true", id="unknown"),
    ],
)
def test_processors(flags: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "processor_features", lambda: flags)
    assert fastest_precision("cpu") == precision


@pytest.mark.parametrize(
    ("has_bf16", "precision"),
    [pytest.param(True, "bf16-mixed", id="new"), pytest.param(False, "32-true", id="old")],
)
def test_graphics_cards(has_bf16: bool, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation: has_bf16)
    assert fastest_precision("auto") == precision


def test_the_choice_reaches_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "processor_features", lambda: "flags : avx2")
    assert launch(Devices("cpu", "1"), AUTO)._precision.precision == "32-true"
