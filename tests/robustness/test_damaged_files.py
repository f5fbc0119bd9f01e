"""A short run of `make robust`: damaged files of every kind, drawn with a fixed seed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from robust import model_files, parsers

pytestmark = [
    pytest.mark.robust,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="limits of memory are POSIX's"),
]
CASES = {"parsers": 6, "models": 1}


def test_a_damaged_file_is_read_or_refused_in_one_clear_line() -> None:
    failed = [str(row) for row in parsers.rows(CASES["parsers"], seed=1) if row.failures]
    assert not failed, "\n".join(failed)


def test_a_damaged_model_is_refused_or_gives_the_right_points() -> None:
    rows = list(model_files.rows(CASES["models"], seed=1))
    assert not [str(row) for row in rows if row.failures]
    assert {row.name: row.outcomes["clean"] for row in rows} == {
        **dict.fromkeys(model_files.TRIALS, 0),
        "cached network": CASES["models"],
    }


def test_a_reader_that_fails_hangs_or_dies_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runner itself: each kind of failure is told from the others, and what follows is still tried."""
    from robust import trials

    (tmp_path / "failing_readers.py").write_text(
        "import os, time\n"
        "class Trial:\n"
        "    def prepare(self, folder):\n"
        "        acts = iter([lambda: ('clean', ''), lambda: time.sleep(60), lambda: os.abort()])\n"
        "        return lambda random: next(acts)()\n"
        "class Dies:\n"
        "    def prepare(self, folder):\n"
        "        return lambda random: os.abort()\n"
        "TRIALS = {'hangs': Trial(), 'dies': Dies()}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(trials, "CASE_S", 0.5)
    hangs, dies = trials.run_trials("failing_readers", ["hangs", "dies"], 2, 1)
    assert dict(hangs.outcomes) == {"clean": 1, "hang": 1}
    assert dict(dies.outcomes) == {"signal": 2}
