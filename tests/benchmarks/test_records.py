import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_fakes import ENVIRONMENT, latency_record, subject

from sdfl.benchmarks.records import PROTOCOL, RecordsError, append_record, read_records


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    record = latency_record(subject(), 2.0)
    append_record(tmp_path / "deep" / "r.jsonl", record)
    assert read_records([tmp_path / "deep" / "r.jsonl"]).records == (record,)


def test_measuring_again_replaces_and_another_machine_adds(tmp_path: Path) -> None:
    first, again = latency_record(subject(), 2.0), latency_record(subject(), 3.0)
    elsewhere = latency_record(subject(), 9.0, environment=ENVIRONMENT | {"machine": "m2"})
    append_record(tmp_path / "a.jsonl", first)
    append_record(tmp_path / "a.jsonl", again)
    append_record(tmp_path / "b.jsonl", elsewhere)
    assert read_records([tmp_path / "a.jsonl", tmp_path / "b.jsonl"]).records == (again, elsewhere)


def test_a_line_that_a_killed_run_left_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    append_record(path, latency_record(subject("a"), 2.0))
    path.write_bytes(path.read_bytes() + path.read_bytes()[:50])
    assert len(read_records([path]).records) == 1
    append_record(path, latency_record(subject("b"), 2.0))
    assert [record.subject.name for record in read_records([path]).records] == ["a", "b"]


def test_records_of_another_protocol_are_left_out_and_said_so(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    append_record(path, replace(latency_record(subject("old"), 2.0), protocol=PROTOCOL + 1))
    append_record(path, latency_record(subject("new"), 2.0))
    records = read_records([path])
    assert [record.subject.name for record in records.records] == ["new"]
    assert records.notes == (
        f"1 record in {path} left out: it was measured with protocol {PROTOCOL + 1}, and this version reads protocol "
        f"{PROTOCOL}.",
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("", "no records; measure some with: sdfl bench", id="an empty file"),
        pytest.param("{}\n", r":1: is not a record \(protocol is missing\)", id="json, but no record"),
        pytest.param("[1]\n", ":1: is not a record", id="a list"),
        pytest.param(
            f'{{"protocol": {PROTOCOL}, "kind": "latency"}}\n',
            r":1: .* \(subject is missing\)",
            id="a key is missing",
        ),
        pytest.param(
            f'{{"protocol": {PROTOCOL}, "kind": "speed", "subject": {{"name": "a", "backend": "b"}}, "settings": {{}}, '
            '"environment": {}}\n',
            ":1: .*kind must be one of latency",
            id="an unknown kind",
        ),
        pytest.param(
            f'{{"protocol": {PROTOCOL}, "kind": "latency", "subject": {{"name": 3}}}}\n',
            r":1: .*subject.name must be of type str, got 3",
            id="a wrong type",
        ),
        pytest.param("hello\n", ":1: is not a record", id="text"),
        pytest.param('{"protocol": 99}\n', "measured with protocol 99", id="only another protocol"),
    ],
)
def test_unusable_files_are_refused_in_one_line(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(content)
    with pytest.raises(RecordsError, match=reason) as caught:
        read_records([path])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"none\.jsonl: cannot be read"):
        read_records([tmp_path / "none.jsonl"])


def test_fields_that_a_later_version_adds_to_a_subject_do_no_harm(tmp_path: Path) -> None:
    table = json.loads(latency_record(subject(), 2.0).to_json())
    table["subject"]["colour"] = "blue"
    (tmp_path / "r.jsonl").write_text(json.dumps(table) + "\n")
    assert len(read_records([tmp_path / "r.jsonl"]).records) == 1


def test_numbers_that_numpy_computed_are_written_as_numbers(tmp_path: Path) -> None:
    record = replace(latency_record(subject(), 2.0), result={"p50_ms": np.float64(2.5), "rounds": np.int64(3)})
    append_record(tmp_path / "r.jsonl", record)
    (read,) = read_records([tmp_path / "r.jsonl"]).records
    assert read.result == {"p50_ms": 2.5, "rounds": 3}
