"""`make gpu` without a GPU: every step with a fake of what it runs."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from toy_engine import build_toy

from sdfl.benchmarks.gpu import __main__ as program
from sdfl.benchmarks.gpu import engines, side_by_side, steps
from sdfl.benchmarks.gpu.machine import MAJOR, NoGpu, read_gpu
from sdfl.benchmarks.gpu.page import as_markdown
from sdfl.benchmarks.gpu.process import Finished
from sdfl.benchmarks.gpu.record import FAILED, NOT_RUN, PASSED, GpuRecord, StepResult, read_record
from sdfl.benchmarks.gpu.run import run_all, run_step
from sdfl.benchmarks.gpu.workplace import NotRun, Step, Workplace, python
from sdfl.errors import DataError

SDFL_JSON = {"mean_px": 0.01, "p99_px": 0.05, "max_px": 0.1, "presence": 0.0, "limits": "passed", "crops": 32}


def nothing(_: Workplace, __: Sequence[Finished]) -> dict[str, Any]:
    return {}


def step(text: str, *, limit_s: float = 20, read: Callable[..., dict[str, Any]] = nothing) -> Step:
    return Step("a step", limit_s, lambda _: [python("-c", text)], read)


def missing(_: Workplace) -> list[Any]:
    raise NotRun("nvcc not found")


def unreadable(_: Workplace, __: Sequence[Finished]) -> dict[str, Any]:
    raise ValueError("it printed no summary")


@pytest.mark.parametrize(
    ("tried", "outcome", "reason"),
    [
        pytest.param(step("print(1)"), PASSED, "", id="passes"),
        pytest.param(step("import sys; sys.exit('FAIL  vector 3')"), FAILED, "FAIL vector 3 (exit status 1)",
 id="fails"),
        pytest.param(step("import os; os.abort()"), FAILED, "(signal 6)", id="crashes"),
        pytest.param(step("import time; time.sleep(60)", limit_s=0.3), FAILED, "took longer than 0 s", id="hangs"),
        pytest.param(Step("a step", 1, missing, nothing), NOT_RUN, "nvcc not found", id="lacks a tool"),
        pytest.param(step("", read=unreadable), FAILED, "it printed no summary", id="no result"),
        pytest.param(Step("a step", 1, lambda _: [["/no/such"]], nothing), FAILED, "cannot be started",
 id="no program"),
    ],
)  # fmt: skip
def test_how_a_step_ends(place: Workplace, tried: Step, outcome: str, reason: str) -> None:
    result = run_step(place, tried, left_s=30)
    assert result.outcome == outcome
    assert result.reason.endswith(reason) or reason in result.reason
    assert "\n" not in result.reason
    assert result.seconds < 10


def test_the_record_is_complete_after_every_step_and_a_cut_off_run_goes_on(place: Workplace, tmp_path: Path) -> None:
    out, seen = tmp_path / "record.json", []

    def ended(_: str) -> None:
        seen.append([each.outcome for each in read_record(out).steps])

    ran = tmp_path / "ran"
    table = [
        Step("first", 20, lambda _: [python("-c", f"open({str(ran)!r}, 'a').write('x')")], nothing),
        Step("second", 20, lambda _: [python("-c", "import sys; sys.exit(3)")], nothing),
        Step("third", 20, missing, nothing),
    ]
    record = run_all(place, table, out, minutes=1, before=None, say=ended)
    assert seen == [[PASSED, NOT_RUN, NOT_RUN], [PASSED, FAILED, NOT_RUN], [PASSED, FAILED, NOT_RUN]]
    assert not record.passed, "a step failed"
    table[1] = Step("second", 20, lambda _: [python("-c", "")], nothing)
    again = run_all(place, table, out, minutes=1, before=read_record(out), say=ended)
    assert [each.outcome for each in again.steps] == [PASSED, PASSED, NOT_RUN]
    assert again.passed
    assert ran.read_text() == "x", "what has passed is not run again"
    late = run_all(place, table, out, minutes=0, before=None, say=ended)
    assert {each.reason for each in late.steps} == {"no time was left for it; run the rest with --resume"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", r"r\.json:1: is not valid JSON", id="empty"),
        pytest.param("{}", r"r\.json: is no record of a run on a GPU", id="no fields"),
        pytest.param('{"gpu": ""}', r"r\.json: is no record of a run on a GPU", id="no GPU"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_record(tmp_path / "r.json")


class FakeDriver:
    """libcuda with one Orin. fails: function -> CUDA error."""

    def __init__(self, count: int = 1, **fails: int) -> None:
        self.count, self.fails = count, fails

    def __getattr__(self, name: str) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            if name == "cuDeviceGetName":
                arguments[0].value = b"Orin"
            elif name == "cuDeviceGetAttribute":
                arguments[0]._obj.value = 8 if arguments[1] == MAJOR else 7
            elif name in ("cuDeviceGetCount", "cuDriverGetVersion"):
                arguments[0]._obj.value = self.count if name == "cuDeviceGetCount" else 12060
            return self.fails.get(name, 0)

        return call


def test_the_driver_is_asked_for_the_gpu() -> None:
    assert read_gpu(lambda _: FakeDriver()) == ("Orin", "8.7", "12.6")


def no_driver(_: str) -> ctypes.CDLL:
    raise OSError


@pytest.mark.parametrize(
    ("load", "problem"),
    [
        pytest.param(no_driver, "its driver is not installed", id="no driver"),
        pytest.param(lambda _: FakeDriver(cuInit=100), "cuInit gives CUDA error 100", id="no device"),
        pytest.param(lambda _: FakeDriver(count=0), "the driver is installed and finds none", id="hidden"),
    ],
)
def test_without_a_gpu_one_line_says_what_is_missing(
    load: Callable[[str], Any], problem: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(NoGpu, match=problem):
        read_gpu(load)
    assert program.main(["--folder", str(tmp_path)], load) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert problem in line
    assert list(tmp_path.iterdir()) == []


def test_a_whole_run_leaves_a_record_and_a_page(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "read_machine", lambda _: place.machine)
    monkeypatch.setattr(program, "all_steps", lambda _: [step("")])
    assert program.main(["--folder", str(tmp_path)]) == 0
    assert "1 passed, 0 failed, 0 not run" in capsys.readouterr().out
    assert "| a step | passed |" in (tmp_path / "record.md").read_text()
    assert read_record(tmp_path / "record.json").gpu == "Orin"


def done(out: str, errors: str = "", code: int = 0) -> list[Finished]:
    return [Finished(code, out, errors, 1.0)]


@pytest.mark.parametrize(
    ("read", "finished", "figures"),
    [
        pytest.param(steps.read_vectors, done("ok  25 vectors run, 23 of them compared bit by bit\n"),
                     {"vectors": 25, "compared": 23}, id="vectors"),
        pytest.param(steps.read_sanitizer, done("", "========= ERROR SUMMARY: 2 errors", code=9), {"errors": 2},
                     id="sanitizer"),
        pytest.param(steps.read_registry, done("ok  listed\nok  gives the CPU reference's bits\n"),
                     {"checks": 2, "library": "None"}, id="plugin"),
        pytest.param(steps.read_times, done('[{"case": "launches"}]'),
                     {"rounds": 2000, "layers": 8, "times": [{"case": "launches"}]}, id="times"),
    ],
)  # fmt: skip
def test_what_a_step_reads(
    place: Workplace, read: Callable[..., dict[str, Any]], finished: list[Finished], figures: dict[str, Any]
) -> None:
    assert read(place, finished) == figures
    with pytest.raises(ValueError, match="."):
        read(place, done("something else"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("build: plugin", "there are no TensorRT headers"),
        ("kernel: test vectors", "the kernel was not built"),
        ("kernel: times", "the kernel was not built"),
        ("plugin: enqueue", "the plugin was not built"),
        ("tests: kernel", "the kernel was not built, and SDFL_CUDA_LIBRARY names no library of it"),
        (
            "tests: plugin in engines of one node",
            "the plugin was not built, and SDFL_TENSORRT_PLUGIN names no library of it",
        ),
        ("engine: small fp16, plugin", "the plugin was not built"),
        ("latency: small", "none of its engines was built"),
    ],
)
def test_what_an_earlier_step_did_not_make_is_missed(
    place: Workplace, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SDFL_CUDA_LIBRARY", "SDFL_TENSORRT_PLUGIN"):
        monkeypatch.delenv(variable, raising=False)
    (tried,) = [each for each in steps.all_steps(place) if each.name == name]
    with pytest.raises(NotRun, match=reason):
        tried.prepare(place)


def test_every_model_is_built_in_every_precision_and_form(place: Workplace) -> None:
    names = [each.name for each in steps.all_steps(place)]
    assert sum(name.startswith("engine: ") for name in names) == 6 * 3 * 2
    assert sum(name.startswith("latency: ") for name in names) == 6
    (build, verify) = engines.build_and_verify(engines.Engine("small", "int8", engines.FORMS[0]), place)
    assert build[3:8] == ["build", "small_int8", "--target", "tensorrt", "--precision"]
    assert str(verify[6]).endswith("runtime/zoo/small_int8.onnx")


def test_engines_are_timed_in_turns_and_their_forms_compared(
    toy: Path, tensorrt: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(build_toy(toy, tmp_path / f"{name}.engine", precision="fp32")) for name in ("one", "two")]
    monkeypatch.setattr(side_by_side, "ROUNDS", 3)
    monkeypatch.setattr(side_by_side.measure, "__defaults__", (3, 5.0))
    assert side_by_side.main(paths) == 0
    result = json.loads(capsys.readouterr().out)
    assert {row["launch"] for row in result["times"]} == {"CUDA graph", "enqueued"}
    assert [row["rounds"] for row in result["times"]] == [3, 3, 3, 3]
    cases = side_by_side.open_cases([Path(paths[0])])
    plugin = SimpleNamespace(**vars(cases[0]) | {"form": side_by_side.PLUGIN})
    (row,) = side_by_side.compare_forms([cases[0], plugin])  # type: ignore[list-item]
    assert (row["max_px"], row["passed"]) == (0, True)


def test_the_page_shows_what_was_measured() -> None:
    figures = {"target": "tensorrt 10.3", "build_s": 40.0, "size_mb": 1.9, **SDFL_JSON, "int8_convolutions": "26 of 26"}
    times = {"times": [{"precision": "fp16", "p50_ms": 0.4}], "plugin_against_standard": []}
    record = GpuRecord("Orin", "8.7", "12.6", {"nvcc": "12.6"}, {"git_commit": "abc"}, "2026-11-26T00:00:00", 60.0, (
        StepResult("engine: small int8, plugin", PASSED, "", 50.0, figures),
        StepResult("latency: small", PASSED, "", 9.0, times),
        StepResult("kernel: memcheck", FAILED, "2 errors", 9.0),
    ))  # fmt: skip
    page = as_markdown([record])
    for text in ("## Orin", "2 passed, 1 failed", "| small int8, plugin | 0.0100 |", "26 of 26", "| fp16 | 0.4 |",
                 "**failed**"):  # fmt: skip
        assert text in page
    assert "No NVIDIA GPU has run this yet" in as_markdown([])
