"""A short run of `make robust` with verbs that are killed, and what the runner itself must see."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from forked_verbs import Verbs
from robust import kills, verb_outputs

pytestmark = [
    pytest.mark.robust,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL"),
]


@pytest.mark.parametrize(("verb", "count"), [("track, empty cache", 1), ("build", 1)])
def test_a_killed_verb_leaves_whole_files_and_is_run_again(verb: str, count: int, verbs: Verbs) -> None:
    (row,) = kills.rows_with(verbs, count, 1, verb)
    assert not row.failures, str(row)
    assert row.outcomes == {"clean": count}


@pytest.mark.parametrize("content", [pytest.param(b"{", id="half a file"), pytest.param(None, id="lost")])
def test_a_file_that_is_not_whole_or_lost_is_seen(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch, verbs: Verbs
) -> None:
    """The trials themselves: the file is spoilt before the verb begins, which does not write it."""

    def words(here: Path, _: Path) -> list[str]:
        path = here / "b.jsonl"
        path.unlink() if content is None else path.write_bytes(content)
        return ["zoo", "list"]

    def earlier(here: Path, *_: object) -> None:
        (here / "b.jsonl").write_bytes(b"{}\n")

    verb = kills.Killed(words, {"b.jsonl": verb_outputs.lines}, earlier)
    monkeypatch.setattr(kills, "VERBS", {"a": verb})
    (row,) = kills.rows_with(verbs, 1, 1)
    assert row.outcomes == {"wrong": 1}


def test_half_a_video_and_half_a_line_are_no_whole_files(tmp_path: Path, verbs: Verbs) -> None:
    files = [word for name in ("jsonl", "save") for word in (f"--{name}", str(tmp_path / f"a.{name[:4]}.mkv"))]
    done = verbs.run(["track", "sample", "--frames", "5", "--model", "nano", *files])
    assert done.code == 0, done.err
    assert not done.orphans
    line_file = tmp_path / "a.json.mkv"
    whole = verb_outputs.read(verb_outputs.lines, line_file)
    assert len(whole) == 5
    os.truncate(line_file, line_file.stat().st_size - 1)
    assert isinstance(verb_outputs.read(verb_outputs.lines, line_file), ValueError)
