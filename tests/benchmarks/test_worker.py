from pathlib import Path

import pytest
from bench_fakes import SLOW_BUT_SURE, adapter

from sdfl.benchmarks.worker import Worker, WorkerError


def test_times_are_those_of_the_adapter(tmp_path: Path) -> None:
    with Worker(adapter(tmp_path, SLOW_BUT_SURE), threads=1) as worker:
        about = worker.ask("open", options={"pause_s": 0.004})
        times_ms = worker.ask("time_network", batch=2, iterations=3)["times_ms"]
        assert worker.ask("memory")["peak_rss_mb"] > 5
    assert about["layout"] == "ibug68"
    assert len(times_ms) == 3
    assert min(times_ms) >= 8


def test_what_a_library_prints_does_not_get_between_the_replies(tmp_path: Path) -> None:
    text = "import os\nclass Peer:\n    def __init__(self, options):\n        print('hello'); os.system('echo hello')\n"
    with Worker(adapter(tmp_path, text), threads=1) as worker:
        assert worker.ask("open", options={})["load_ms"] >= 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("raise ValueError('no such model\\nas this')", "as this", id="fails"),
        pytest.param("import os; os._exit(7)", "the process ended with code 7", id="exits"),
        pytest.param("import os; os.abort()", "the process ended with code -6", id="crashes"),
        pytest.param("import time; time.sleep(30)", "gave no answer within 1 s", id="hangs"),
    ],
)
def test_a_bad_adapter_is_one_line(tmp_path: Path, body: str, reason: str) -> None:
    path = adapter(tmp_path, f"class Peer:\n    def __init__(self, options):\n        {body}\n")
    with Worker(path, threads=1, timeout_s=1.0) as worker, pytest.raises(WorkerError) as caught:
        worker.ask("open", options={})
    assert str(caught.value).startswith(reason)


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="nowhere/python: cannot be started"):
        Worker(tmp_path / "x.py", python=Path("nowhere/python"), threads=1)
