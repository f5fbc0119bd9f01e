"""Runs a suite and appends one record a measurement. What fails becomes a record that says why; the suite goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sdfl.benchmarks.accuracy import landmarks as accuracy
from sdfl.benchmarks.accuracy.crops import BoxFinder
from sdfl.benchmarks.latency import interleaved as latency
from sdfl.benchmarks.opened_target import OpenedTarget
from sdfl.benchmarks.progress import StartBar, ignore, silent
from sdfl.benchmarks.records import OWN_CROPS, Record, append_record, make_key, read_records
from sdfl.benchmarks.suite import Suite
from sdfl.benchmarks.targets import Target, command_of, targets_of
from sdfl.benchmarks.video import suite as video
from sdfl.benchmarks.video.clips import Still, make_clip
from sdfl.benchmarks.video.stills import labelled_stills, picture_stills, sample_stills
from sdfl.datasets import Sample, find_samples
from sdfl.errors import ConfigError, SdflError
from sdfl.runtime.detector import open_detector

Measured = Callable[[], dict[str, Any]]


@dataclass
class Bench:
    """One run of a suite.

    Attributes:
        out: file that records are appended to.
        environment: of every record.
        start_bar: for progress.
        say: told each record.
        done: (key, sha256) of the records that need not be measured again.
        written: the records so far.
    """

    suite: Suite
    out: Path
    environment: dict[str, Any]
    start_bar: StartBar = silent
    say: Callable[[Record], None] = ignore
    done: frozenset[tuple[str, str]] = frozenset()
    written: list[Record] = field(default_factory=list)
    _samples: list[Sample] | SdflError | None = None
    _stills: list[Still] | None = None

    def run(self) -> list[Record]:
        """Measure everything.

        Returns:
            The records that were written, failures among them.

        Raises:
            ConfigError: the suite asks for accuracy alone and names no labelled pictures.
        """
        self.suite = possible(self.suite)
        targets = []
        for target in targets_of(self.suite):
            if target.problem:
                self._write(self.suite.measure[0], target, {}, {"error": target.problem})
            else:
                targets.append(target)
        with TemporaryDirectory(prefix="sdfl-bench-") as folder:
            if "latency" in self.suite.measure:
                self._latency(targets, Path(folder) / "frames")
            if {"accuracy", "sweep"} & set(self.suite.measure):
                self._accuracy(targets)
            if "video" in self.suite.measure:
                self._video(targets)
        return self.written

    def samples(self) -> list[Sample]:
        """The labelled pictures of the suite.

        Raises:
            SdflError: there are none; at each call.
        """
        if self._samples is None:
            try:
                self._samples = find_samples(Path(self.suite.data).expanduser())
            except SdflError as error:
                self._samples = error
        if isinstance(self._samples, SdflError):
            raise self._samples
        return self._samples

    def _latency(self, targets: Sequence[Target], folder: Path) -> None:
        cases = [
            case for case in self._latency_cases(targets) if not self._is_done("latency", case.target, case.settings)
        ]
        if any(case.stage == "frame" for case in cases):
            cases = self._with_frames(cases, folder)
        step = self.start_bar("latency", self.suite.rounds * len(cases))
        for group in latency.grouped(cases):
            for case, result in zip(group, latency.measure(group, self.suite, step), strict=True):
                self._write("latency", case.target, case.settings, result)

    def _latency_cases(self, targets: Sequence[Target]) -> Iterator[latency.Case]:
        for target in targets:
            for threads in self.suite.threads:
                for stage in self.suite.stages:
                    alone = stage == "network"
                    if alone and target.subject.peer and not target.has_network:
                        continue
                    for batch in self.suite.batches if alone else (1,):
                        yield latency.Case(target, stage, threads, batch)

    def _with_frames(self, cases: Sequence[latency.Case], folder: Path) -> list[latency.Case]:
        """Give each "frame" case its clip; where none can be made, these cases fail."""
        clip: dict[str, Any] = {}
        problem = ""
        try:
            folder.mkdir()
            clip = video.as_table(make_clip("motion", self.stills()[0], folder / "clip.bgr"))
        except SdflError as error:
            problem = f"no frames: {error}"
        kept = []
        for case in cases:
            if case.stage == "frame" and problem:
                self._write("latency", case.target, case.settings, {"error": problem})
            else:
                kept.append(replace(case, clip=clip) if case.stage == "frame" else case)
        return kept

    def stills(self) -> list[Still]:
        """What clips are made from: the suite's pictures, else labelled ones, else the sample picture."""
        if self._stills is None:
            if self.suite.pictures:
                self._stills = picture_stills(self.suite.pictures)
            else:
                self._stills = labelled_stills(self.samples(), self.suite.clips) if self.suite.data else sample_stills()
        return self._stills

    def _accuracy(self, targets: Sequence[Target]) -> None:
        boxes = BoxFinder(open_detector())
        for target in targets:
            with OpenedTarget(target) as opened:
                if "accuracy" in self.suite.measure:
                    for crops in (OWN_CROPS,) if target.subject.peer else self.suite.crops:
                        self._accuracy_of(opened, target, crops, boxes)
                if "sweep" in self.suite.measure and not target.subject.peer and self.suite.sweep_pictures:
                    self._sweep_of(opened, target)

    def _accuracy_of(self, opened: OpenedTarget, target: Target, crops: str, boxes: BoxFinder) -> None:
        settings = {"crops": crops, "dataset": self.dataset, "data": self.suite.data}

        def measured() -> dict[str, Any]:
            samples = self.samples()
            step = self.start_bar(f"{target.subject}, {crops} crops", len(samples))
            if target.subject.peer:
                return accuracy.measure_peer_accuracy(opened.worker(), samples, step)
            return accuracy.measure_accuracy(opened.backend(), samples, crops, boxes, step)

        self._attempt("accuracy", target, settings, measured)

    def _sweep_of(self, opened: OpenedTarget, target: Target) -> None:
        settings = {"dataset": self.dataset, "pictures": self.suite.sweep_pictures, "data": self.suite.data}

        def measured() -> dict[str, Any]:
            samples = self.samples()
            some = samples[:: max(1, len(samples) // self.suite.sweep_pictures)][: self.suite.sweep_pictures]
            step = self.start_bar(f"{target.subject}, disturbed crops", len(some))
            return accuracy.measure_sweep(opened.backend(), some, step)

        self._attempt("sweep", target, settings, measured)

    def _video(self, targets: Sequence[Target]) -> None:
        """All targets in turns on the same clips."""
        shown = ", ".join(self.suite.pictures) or self.dataset or "sample picture"
        settings: dict[str, Any] = {"dataset": shown, "data": self.suite.data}
        if self.suite.scenes != Suite.scenes:  # such a record is no substitute for one of all scenes
            settings["scenes"] = ", ".join(self.suite.scenes)
        if self.suite.data and self.suite.clips != Suite.clips:
            settings["clips"] = self.suite.clips
        targets = [target for target in targets if not self._is_done("video", target, settings)]
        if not targets:
            return
        try:
            stills = self.stills()
            step = self.start_bar("video", len(stills) * len(self.suite.scenes))
            results = video.measure(targets, stills, self.suite.scenes, starts=self.suite.starts, finished=step)
        except SdflError as error:
            results = [{"error": str(error)} for _ in targets]
        for target, result in zip(targets, results, strict=True):
            self._write("video", target, settings, result)

    @property
    def dataset(self) -> str:
        """Name of the labelled pictures: the last two folders of their path, "helen/testset"."""
        return "/".join(Path(self.suite.data).expanduser().resolve().parts[-2:]) if self.suite.data else ""

    def _attempt(self, kind: str, target: Target, settings: dict[str, Any], measured: Measured) -> None:
        if self._is_done(kind, target, settings):
            return
        try:
            result = measured()
        except SdflError as error:
            result = {"error": str(error)}
        except Exception as error:  # a library's own failure must not end the suite either
            result = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        self._write(kind, target, settings, result)

    def _is_done(self, kind: str, target: Target, settings: dict[str, Any]) -> bool:
        return (make_key(kind, target.subject, settings), target.subject.sha256) in self.done

    def _write(self, kind: str, target: Target, settings: dict[str, Any], result: dict[str, Any]) -> None:
        error = str(result.pop("error", ""))
        version = result.pop("version", "")
        record = Record(
            kind,
            replace(target.subject, version=version or target.subject.version),
            settings,
            self.environment,
            result,
            error,
            command_of(kind, target, settings, self.suite),
            datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )
        append_record(self.out, record)
        self.written.append(record)
        self.say(record)


def run_suite(
    suite: Suite,
    out: Path,
    environment: dict[str, Any],
    *,
    resume: bool = False,
    start_bar: StartBar = silent,
    say: Callable[[Record], None] = ignore,
) -> list[Record]:
    """Run a suite and append its records to a file.

    Args:
        suite: what to measure.
        out: the file.
        environment: of `sdfl.benchmarks.environment.read_environment`.
        resume: leave out what the file holds already, of this computer and without an error.
        start_bar: for progress.
        say: told each record.

    Returns:
        The records that were written, failures among them.

    Raises:
        ConfigError: the suite asks for accuracy alone and names no labelled pictures.
    """
    done = frozenset(
        (record.key, record.subject.sha256)
        for record in (measured_before(out, environment["machine"]) if resume else ())
        if not record.error
    )
    return Bench(suite, out, environment, start_bar, say, done).run()


def measured_before(out: Path, machine: str) -> tuple[Record, ...]:
    """The records of one computer in a file, which need not exist.

    Args:
        out: the file.
        machine: the computer's fingerprint.

    Raises:
        RecordsError: the file is damaged.
    """
    if not out.exists() or not out.stat().st_size:
        return ()
    return tuple(record for record in read_records([out]).records if record.machine == machine)


def possible(suite: Suite) -> Suite:
    """Leave out of a suite what cannot be measured without labelled pictures, if it names none.

    Raises:
        ConfigError: nothing is left.
    """
    measure = tuple(kind for kind in suite.measure if suite.data or kind not in NEED_LABELS)
    if not measure:
        raise ConfigError(f"{', '.join(suite.measure)}: needs labelled pictures; add --data")
    return replace(suite, measure=measure)


NEED_LABELS = ("accuracy", "sweep")
