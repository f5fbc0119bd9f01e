from dataclasses import replace
from pathlib import Path

import pytest
from bench_fakes import ENVIRONMENT, accuracy_record, latency_record, subject

from sdfl.benchmarks.records import PROTOCOL, Record
from sdfl.benchmarks.regression import RegressionFound, check, read_baseline, write_baseline
from sdfl.errors import ConfigError

BEFORE = [latency_record(subject(), 2.0), accuracy_record(subject(), 4.0)]


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    write_baseline(tmp_path / "baseline.json", BEFORE, 0.15)
    return tmp_path / "baseline.json"


@pytest.mark.parametrize(
    ("latency", "accuracy"),
    [
        pytest.param(2.0, 4.0, id="the same"),
        pytest.param(2.25, 4.0, id="slower, within the tolerance"),
        pytest.param(1.0, 3.0, id="better"),
        pytest.param(2.0, 4.01, id="another order of summation"),
    ],
)
def test_what_is_not_worse_passes(baseline: Path, latency: float, accuracy: float) -> None:
    records = [latency_record(subject(), latency), accuracy_record(subject(), accuracy)]
    assert check(read_baseline(baseline), records) == "2 records compared with the baseline, none got worse"


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        pytest.param(
            [latency_record(subject(), 2.6), BEFORE[1]],
            "latency: net .* stage=network .*: takes 2.57 to 2.63 times as long as the reference workload",
            id="slower",
        ),
        pytest.param(
            [BEFORE[0], accuracy_record(subject(), 4.1)], "accuracy: net .*: NME 4.1 %, was 4.0 %", id="less accurate"
        ),
        pytest.param([BEFORE[0]], "accuracy: net .*: was not measured", id="missing"),
        pytest.param([replace(BEFORE[0], error="boom"), BEFORE[1]], "latency: net .*: failed, boom", id="failed"),
    ],
)
def test_what_got_worse_is_named(baseline: Path, records: list[Record], reason: str) -> None:
    with pytest.raises(RegressionFound, match=f"1 of 2 records got worse: {reason}"):
        check(read_baseline(baseline), records)


def test_a_wide_interval_is_no_alarm(baseline: Path) -> None:
    noisy = latency_record(subject(), 2.6, noise=0.2)
    assert "none got worse" in check(read_baseline(baseline), [noisy, BEFORE[1]])


def test_another_processor_is_mentioned(baseline: Path) -> None:
    other = latency_record(subject(), 2.0, environment=ENVIRONMENT | {"cpu": "Other CPU"})
    assert "(baseline of Test CPU, measured on Other CPU)" in check(read_baseline(baseline), [other, BEFORE[1]])


def test_a_baseline_is_not_written_from_failures(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not written, latency: net .* failed \(boom\)"):
        write_baseline(tmp_path / "b.json", [replace(BEFORE[0], error="boom")], 0.1)
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("{", "is not a baseline", id="cut off"),
        pytest.param(
            f'{{"protocol": {PROTOCOL}, "cpu": "", "tolerance": "much"}}', "tolerance must be of type float", id="type"
        ),
        pytest.param('{"protocol": 99, "cpu": "", "tolerance": 0.1, "entries": {}}', "with protocol 99", id="protocol"),
    ],
)
def test_a_damaged_baseline_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(ConfigError, match=reason):
        read_baseline(tmp_path / "b.json")
