from dataclasses import replace

import pytest
from bench_fakes import ENVIRONMENT, accuracy_record, latency_record, subject

from sdfl.benchmarks.recommend import Limits, NothingFits, missing_suite, recommend
from sdfl.runtime.zoo import zoo_models

FAST, GOOD, BEST = subject("fast"), subject("good"), subject("best")
RECORDS = [
    latency_record(FAST, 1.0), accuracy_record(FAST, 5.0),
    latency_record(GOOD, 3.0), accuracy_record(GOOD, 4.05),
    latency_record(BEST, 6.0), accuracy_record(BEST, 4.0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "taken"),
    [
        pytest.param(Limits(2, 100, 1), "fast", id="little time"),
        pytest.param(Limits(4, 100, 1), "good", id="the most accurate in time"),
        pytest.param(Limits(10, 100, 1), "good", id="as accurate within the noise, but faster"),
    ],
)
def test_the_most_accurate_within_the_budget_is_taken(limits: Limits, taken: str) -> None:
    text = str(recommend(RECORDS, "m1", limits))
    assert text.startswith(f"Take {taken} (fp32) on openvino f32: ")
    assert f"Measure again: sdfl bench {taken}" in text


def test_why_the_most_accurate_was_not_taken_is_said() -> None:
    assert "best (fp32) on openvino f32 has an NME of 4.00 %, which is no measurable difference" in str(
        recommend(RECORDS, "m1", Limits(10, 100, 1))
    )


@pytest.mark.parametrize(
    ("machine", "limits", "reason"),
    [
        pytest.param(
            "m1", Limits(0.5, 100, 1), "no model keeps to 0.5 ms with one thread; the fastest is fast", id="too fast"
        ),
        pytest.param(
            "m1",
            Limits(50, 2, 1),
            "no model keeps to 50 ms with one thread and an NME of 2 %; .*the most accurate is best",
            id="too accurate",
        ),
        pytest.param(
            "m1", Limits(50, 50, 4), "no record of this computer has a time with 4 threads", id="other threads"
        ),
        pytest.param("m9", Limits(50, 50, 1), "no record of this computer", id="other machine"),
    ],
)
def test_nothing_that_fits_is_one_line(machine: str, limits: Limits, reason: str) -> None:
    with pytest.raises(NothingFits, match=reason):
        recommend(RECORDS, machine, limits)


def test_whole_frames_count_where_they_were_measured() -> None:
    records = [*RECORDS, latency_record(GOOD, 5.0, stage="frame")]
    assert recommend(records, "m1", Limits(4, 100, 1)).chosen.latency.subject == FAST


def test_accuracy_may_come_from_another_machine_but_time_not() -> None:
    elsewhere = ENVIRONMENT | {"machine": "m2"}
    records = [latency_record(FAST, 1.0), accuracy_record(FAST, 5.0, environment=elsewhere)]
    assert recommend(records, "m1", Limits(2, 100, 1)).chosen.latency.subject == FAST


def test_models_without_a_time_are_to_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"other points": zoo_models()["wflw98"], "new": zoo_models()["nano"]}
    monkeypatch.setattr("sdfl.benchmarks.recommend.zoo_models", lambda: files)
    suite = missing_suite(RECORDS, "m1", Limits(5, 4, 2), "")
    assert suite is not None
    assert (suite.threads, suite.measure, [each.artifact for each in suite.model]) == ((2,), ("latency",), ["new"])
    monkeypatch.setattr("sdfl.benchmarks.recommend.zoo_models", dict)
    assert missing_suite(RECORDS, "m1", Limits(5, 4, 2), "") is None


def test_accuracy_on_easier_pictures_recommends_nothing() -> None:
    easy = accuracy_record(FAST, 1.0)
    easy = replace(easy, settings=easy.settings | {"dataset": "easy/pictures"})
    assert recommend([*RECORDS, easy], "m1", Limits(4, 100, 1)).chosen.latency.subject == GOOD
