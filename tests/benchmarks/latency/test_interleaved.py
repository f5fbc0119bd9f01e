from dataclasses import replace
from pathlib import Path

import pytest
from bench_fakes import SLOW_BUT_SURE, adapter, subject

from sdfl.benchmarks.latency.interleaved import WORKERS_AT_ONCE, Case, Timing, grouped, measure, summary
from sdfl.benchmarks.suite import ModelEntry, Suite
from sdfl.benchmarks.targets import Target

SUITE = Suite(model=(ModelEntry("x"),), rounds=3, iterations=4, warmup=1, starts=1)


def slow_target(folder: Path, name: str, pause_s: float) -> Target:
    return Target(subject(name), adapter(folder, SLOW_BUT_SURE), {"pause_s": pause_s})


def test_cases_take_turns_and_one_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    broken = replace(slow_target(tmp_path, "broken", 0.0), options={})
    targets = [slow_target(tmp_path, "a", 0.002), broken, slow_target(tmp_path, "b", 0.006)]
    steps: list[int] = []
    a, failed, b = measure([Case(target, "network", 1) for target in targets], SUITE, steps.append)
    assert failed == {"error": "'pause_s'"}
    assert 2 <= a["p50_ms"] < b["p50_ms"]
    assert 6 <= b["p50_ms"] <= b["p90_ms"] <= b["p99_ms"]
    assert a["interleaved"] == b["interleaved"]
    assert len(a["round_p10_ms"]) == 3
    assert a["peak_rss_mb"] > 5
    assert sum(steps) == 9


def test_ratios_to_the_reference_workload_do_not_move_with_the_load() -> None:
    case = Case(Target(subject(), Path("x")), "network", 1)
    calm = summary(Timing(case, {}, [[4.0] * 5] * 3), [1.0, 1.0, 1.0], SUITE)
    busy = summary(Timing(case, {}, [[4.0] * 5, [8.0] * 5, [12.0] * 5]), [1.0, 2.0, 3.0], SUITE)
    assert busy["p50_ms"] == 8.0
    assert calm["reference_ratio"] == busy["reference_ratio"] == 4.0
    assert busy["reference_ratio_interval"] == [4.0, 4.0]


def test_throughput_counts_faces() -> None:
    case = Case(Target(subject(), Path("x")), "network", 1, batch=4)
    assert summary(Timing(case, {}, [[20.0] * 4]), [1.0], SUITE)["throughput_per_s"] == pytest.approx(200)


def test_no_more_processes_at_once_than_a_small_device_holds() -> None:
    cases = [
        Case(Target(subject(str(i)), Path("x"), {"i": i}), "network", 1, batch) for i in range(11) for batch in (1, 4)
    ]
    groups = grouped(cases)
    assert [case for group in groups for case in group] == cases
    assert all(len({str(case.target.options) for case in group}) <= WORKERS_AT_ONCE for group in groups)
    assert len(groups) == 2
