"""SIGKILL at moments of a verb that are drawn: while it computes, and most often while it writes.

After each kill every output must be the earlier one or the new one, whole; the same command, run again, must reach the
end that it would have reached undisturbed, and must remove what the killed one left.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from forked_verbs import Done, Verbs

from robust import verb_outputs
from robust.rows import CLEAN, HANG, TRACEBACK, UNCLEAR, WRONG, Row
from robust.verb_outputs import GONE, read

PER_CASE = 0.07  # of the cases of a parser: a kill takes seconds
DRAWS = 8  # of a moment, until one lies before the end


@dataclasses.dataclass(frozen=True)
class Killed:
    """A verb that is killed.

    Attributes:
        words: folder of outputs, folder of inputs -> the arguments.
        outputs: file in the folder -> its reader; what it returns is equal for equal content and it raises for half a
            file.
        earlier: folder, inputs: writes what an earlier run has left. None: there was none.
        inputs: writes what the verb reads into a folder that stays the same.
        grows: whether outputs pass through other whole states between the earlier and the new one.
        finish_every: after how many kills the verb may run to its end; more than 1 only where that takes long.
    """

    words: Callable[[Path, Path], list[str]]
    outputs: Mapping[str, Callable[[Path], Any]]
    earlier: Callable[[Path, Path, Verbs], None] | None = None
    inputs: Callable[[Path], None] | None = None
    grows: bool = False
    finish_every: int = 1


TRACK = ("track", "sample", "--model", "nano", "--frames")
BENCH = ("bench", "nano", "--measure", "latency", "--backend", "onnxruntime", "--stage", "network", "--threads", "1",
         "--batch", "1", "--compute", "f32", "--device", "kills")  # fmt: skip
TRAIN = ("train", "smoke", "--set", "data.train=['faces']", "--set", "data.holdout.folder=faces", "--set",
         "train.batch_size=8", "--set", "data.workers=0", "--set", "optimizer.warmup_epochs=0")  # fmt: skip


def _tracked(frames: int, here: Path) -> list[str]:
    files = [word for name in ("jsonl", "csv") for word in (f"--{name}", str(here / f"a.{name}"))]
    return [*TRACK, str(frames), *files, "--save", str(here / "a.mp4")]


def _must(done: Done) -> None:
    if done.code != 0:
        raise RuntimeError(f"an undisturbed run ended with {done.code}: {done.err[-500:]}")


def _train(here: Path, inputs: Path) -> list[str]:
    resume = ["--resume"] if (here / "last.ckpt").exists() else []
    return [*TRAIN, "--data", str(inputs), "--out", str(here), *resume]


def _faces(inputs: Path) -> None:
    from faces import write_faces

    write_faces(inputs / "faces", 10)


def _detectors(inputs: Path) -> None:
    from small_checkpoints import save_detector

    for seed in (0, 1):
        save_detector(inputs / f"{seed}.ckpt", seed)


VERBS = {
    "track": Killed(
        lambda here, _: _tracked(40, here),
        {"a.jsonl": verb_outputs.lines, "a.csv": Path.read_bytes, "a.mp4": verb_outputs.video},
        lambda here, _, verbs: _must(verbs.run(_tracked(15, here))),
    ),
    "track, empty cache": Killed(
        lambda here, _: [*TRACK, "3", "--backend", "openvino", "--jsonl", str(here / "a.jsonl")],
        {"a.jsonl": verb_outputs.lines, "cache/sdfl/openvino": verb_outputs.cache},
        grows=True,
    ),
    "train": Killed(_train, {"last.ckpt": verb_outputs.checkpoint, "best.ckpt": verb_outputs.checkpoint},
                    inputs=_faces, grows=True),
    "export": Killed(
        lambda here, inputs: ["export", str(inputs / "1.ckpt"), "-o", str(here / "a.onnx")],
        {"a.onnx": verb_outputs.detector},
        lambda here, inputs, verbs: _must(verbs.run(["export", str(inputs / "0.ckpt"), "-o", str(here / "a.onnx")])),
        inputs=_detectors,
        finish_every=3,
    ),
    "build": Killed(
        lambda here, _: ["build", "nano", "--target", "openvino", "-o", str(here / "a.xml")],
        {"a.xml": verb_outputs.ir},
        lambda here, _, verbs: _must(verbs.run(["build", "small", "--target", "openvino", "-o", str(here / "a.xml")])),
    ),
    "bench": Killed(
        lambda here, _: [*BENCH, "-o", str(here / "a.jsonl")],
        {"a.jsonl": verb_outputs.records},
        lambda here, _, __: verb_outputs.write_earlier_record(here / "a.jsonl"),
        grows=True,
    ),
}  # fmt: skip


class _Trial:
    """One verb: how it ends undisturbed, and kills of it."""

    def __init__(self, verb: Killed, folder: Path, verbs: Verbs) -> None:
        self._verb, self._verbs = verb, verbs
        self._inputs, self._before, self._here = (folder / name for name in ("inputs", "before", "here"))
        for path in (self._inputs, self._before):
            path.mkdir()
        if verb.inputs:
            verb.inputs(self._inputs)
        if verb.earlier:
            verb.earlier(self._before, self._inputs, verbs)
        self._old = self._states(self._before)
        self._renew()
        changes = _Changes(self._here)
        done = self._run(verb.words, lambda _: changes.reach(None))
        _must(done)
        self._duration_s, self._changes = done.wall_s, changes.count
        self._new = self._states(self._here)

    def kill(self, random: Random, *, finish: bool) -> tuple[str, str]:
        """Kill it at a moment that is drawn, and let it come to an end afterwards."""
        for draw in range(DRAWS):
            self._renew()
            done = self._run(self._verb.words, self._moment(random, of_any=draw > 0))
            if done.code == -9:
                break
        else:
            return UNCLEAR, f"was never killed in {DRAWS} attempts"
        if done.orphans:
            return HANG, "left processes that go on"
        problem = self._problem_of_killed()
        if problem:
            return WRONG, f"after the kill: {problem}"
        return self._finished() if finish else (CLEAN, "")

    def _finished(self) -> tuple[str, str]:
        done = self._run(self._verb.words)
        if done.code is None:
            return HANG, "the next run does not end"
        if "Traceback" in done.err:
            return TRACEBACK, done.err[-500:]
        if done.code:
            return UNCLEAR, f"the next run ends with {done.code}: {done.err[-500:]}"
        states = self._states(self._here)
        if self._verb.grows and any(isinstance(state, frozenset) for state in states.values()):
            wrong = [name for name in states if not _holds(states[name], self._new[name])]
        else:
            wrong = [name for name in states if states[name] != self._new[name]]
        if wrong:
            return WRONG, f"after the next run: {', '.join(wrong)} not as undisturbed"
        left = sorted(path.name for path in self._here.rglob(".*.part*"))
        return (WRONG, f"the next run leaves {', '.join(left)}") if left else (CLEAN, "")

    def _problem_of_killed(self) -> str:
        for name, state in self._states(self._here).items():
            if isinstance(state, Exception):
                return f"{name} is damaged: {state}"
            lost = state is GONE and self._old[name] is not GONE
            if lost or not (self._verb.grows or state in (self._old[name], self._new[name])):
                return f"{name} is neither the earlier nor the new one"
            if isinstance(self._old[name], frozenset) and not _holds(state, self._old[name]):
                return f"{name} has lost what it held"
        return ""

    def _renew(self) -> None:
        shutil.rmtree(self._here, ignore_errors=True)
        shutil.copytree(self._before, self._here)

    def _run(self, words: Callable[[Path, Path], list[str]], until: Callable[[float], bool] | None = None) -> Done:
        cache = self._here / "cache" if "cache/sdfl/openvino" in self._verb.outputs else self._inputs / "cache"
        return self._verbs.run(words(self._here, self._inputs), environment={"XDG_CACHE_HOME": str(cache)}, until=until)

    def _states(self, folder: Path) -> dict[str, Any]:
        return {name: read(reader, folder / name) for name, reader in self._verb.outputs.items()}

    def _moment(self, random: Random, *, of_any: bool) -> Callable[[float], bool]:
        """Any moment of its time, or shortly after a change of the folder, most often one of the last."""
        if random.random() < 0.4 or of_any or not self._changes:
            at_s = random.uniform(0, self._duration_s)
            return lambda passed_s: passed_s >= at_s
        first = 1 if random.random() < 0.5 else max(1, self._changes - 3)
        change = random.randint(first, self._changes)
        delay_s = random.choice((0.0, random.uniform(0, 0.005), random.uniform(0, 0.05)))
        changes = _Changes(self._here)
        reached_s: list[float] = []

        def is_reached(passed_s: float) -> bool:
            if changes.reach(change) and not reached_s:
                reached_s.append(passed_s)
            return bool(reached_s) and passed_s >= reached_s[0] + delay_s

        return is_reached


def _holds(state: Any, part: Any) -> bool:
    """Whether a state holds all that another one holds; equal ones do."""
    return part <= state if isinstance(state, frozenset) and isinstance(part, frozenset) else bool(state == part)


class _Changes:
    """Counts how often the files of a folder have become others, or got another size, since the first look."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.count = folder, 0
        self._last: object = None

    def reach(self, count: int | None) -> bool:
        """Look at the folder; whether so many changes have been counted, never for None."""
        now = _names_and_sizes(self._folder)
        if self._last is not None and now != self._last:
            self.count += 1
        self._last = now
        return count is not None and self.count >= count


def _names_and_sizes(folder: Path) -> tuple[tuple[str, int], ...]:
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found.append((f"{place}/{name}", (Path(place) / name).stat().st_size))
            except OSError:
                continue
    return tuple(sorted(found))


def rows(cases: int, seed: int, only: str = "") -> Iterator[Row]:
    """One row for each verb whose name begins with `only`."""
    with Verbs() as verbs:
        yield from rows_with(verbs, cases, seed, only)


def rows_with(verbs: Verbs, cases: int, seed: int, only: str = "") -> Iterator[Row]:
    """The same with a process that is there already."""
    for name, verb in VERBS.items():
        if not name.startswith(only):
            continue
        row = Row(f"kill {name}")
        with tempfile.TemporaryDirectory() as folder:
            trial = _Trial(verb, Path(folder), verbs)
            for case in range(cases):
                finish = case % verb.finish_every == 0
                row.add(case, *trial.kill(Random(f"{seed} {name} {case}"), finish=finish))
        yield row
