"""Records put together: what is known about one model, in one back end, on one device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdfl.benchmarks.records import PROTOCOL, Record, Records, Subject, main_dataset

Result = dict[str, Any]
CROPS = ("detected", "tracked", "true", "its own")  # as in use first
PLAIN = ("f32", "auto")
LOWERED = (("fp32", "fp16"), ("fp32", "int8"))


@dataclass
class Entry:
    """latency: by (stage, threads, batch). accuracy: by crops. borrowed: the device that the accuracy comes from."""

    subject: Subject
    device: str
    machine: str
    latency: dict[tuple[str, int, int], Record] = field(default_factory=dict)
    accuracy: dict[str, Record] = field(default_factory=dict)
    sweep: Record | None = None
    video: Record | None = None
    borrowed: str = ""

    @property
    def label(self) -> str:
        """Short, for legends."""
        subject = self.subject
        if subject.peer:
            return subject.name
        compute = "" if subject.compute == "auto" else f" {subject.compute}"
        return f"{subject.name} · {nice_name(subject.backend)}{compute}"

    def result(self, stage: str, threads: int = 1, batch: int = 1) -> Result | None:
        record = self.latency.get((stage, threads, batch))
        return record.result if record else None

    def accuracy_result(self, crops: str | None = None) -> Result | None:
        """With these crops, or (None) with those nearest to use."""
        for name in (crops,) if crops else CROPS:
            record = self.accuracy.get(str(name))
            if record is not None and record.result.get("nme_percent") is not None:
                return record.result
        return None

    @property
    def same_numbers(self) -> tuple[str, str, str]:
        """Entries that share it predict the same points but for rounding."""
        backend = self.subject.backend if self.subject.peer else ""
        return self.subject.sha256 or self.subject.name, self.subject.compute.replace("auto", "f32"), backend


NICE_NAMES = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "tensorrt": "TensorRT"}


def nice_name(backend: str) -> str:
    """As its makers write it."""
    return NICE_NAMES.get(backend, backend)


@dataclass(frozen=True)
class Material:
    """Everything that a report is drawn from. notes: what was left out."""

    entries: tuple[Entry, ...]
    failures: tuple[Record, ...]
    environments: dict[str, dict[str, Any]]
    dataset: str
    notes: tuple[str, ...]

    def devices(self) -> list[str]:
        """In the order of the records."""
        return list(dict.fromkeys(entry.device for entry in self.entries))

    def of(self, device: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.device == device]

    def distinct(self) -> list[Entry]:
        """Entries with an accuracy, one of those that predict the same."""
        seen: dict[tuple[str, str, str], Entry] = {}
        for entry in self.entries:
            if entry.accuracy and not entry.borrowed:
                seen.setdefault(entry.same_numbers, entry)
        return list(seen.values())

    def measured_on(self) -> str:
        """The devices that accuracy was measured on."""
        return ", ".join(dict.fromkeys(entry.device for entry in self.distinct()))

    def protocol(self, *words: str) -> str:
        """The line under a chart's title."""
        return " · ".join(word for word in (*words, f"protocol {PROTOCOL}") if word)


def collect(records: Records) -> Material:
    """Group records by subject and device; a device without pictures borrows the accuracy of the same file."""
    names = _device_names(records.records)
    dataset = main_dataset(records.records)
    others: dict[str, None] = {}
    found: dict[tuple[Any, ...], Entry] = {}
    for record in records.records:
        if record.error:
            continue
        if record.kind in ("accuracy", "sweep") and record.settings["dataset"] != dataset:
            others[str(record.settings["dataset"])] = None
            continue
        s = record.subject
        device = names[record.machine]
        key = (s.name, s.backend, s.compute, s.sha256, device)
        entry = found.setdefault(key, Entry(s, device, record.machine))
        _add(entry, record)
    entries = tuple(found.values())
    _lend(entries)
    notes = (
        *records.notes,
        *(f"accuracy on {other} is left out: this report is of {dataset}" for other in others),
    )
    environments = {names[record.machine]: record.environment for record in records.records}
    failures = tuple(r for r in records.records if r.error and not _has_loaded_since(r, records.records))
    return Material(entries, failures, environments, dataset, notes)


def _has_loaded_since(failure: Record, records: Iterable[Record]) -> bool:
    """Whether the file could not even be read (it has no hash) and was measured on the same machine later."""
    return not failure.subject.sha256 and any(
        not r.error
        and (r.machine, r.subject.name, r.subject.peer) == (failure.machine, failure.subject.name, failure.subject.peer)
        and r.created_utc > failure.created_utc
        for r in records
    )


def _add(entry: Entry, record: Record) -> None:
    asked = record.settings
    if record.kind == "latency":
        entry.latency[asked["stage"], asked["threads"], asked["batch"]] = record
    elif record.kind == "accuracy":
        entry.accuracy[asked["crops"]] = record
    elif record.kind == "sweep":
        entry.sweep = record
    else:
        entry.video = record


def _lend(entries: Sequence[Entry]) -> None:
    owners: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        if entry.accuracy:
            owners.setdefault(entry.same_numbers, entry)
    for entry in entries:
        owner = owners.get(entry.same_numbers)
        if not entry.accuracy and owner is not None and entry.subject.sha256:
            entry.accuracy = owner.accuracy
            entry.borrowed = owner.device if owner.device != entry.device else owner.label


def _device_names(records: Iterable[Record]) -> dict[str, str]:
    """machine -> name; machines of the same name are numbered."""
    names: dict[str, str] = {}
    for record in records:
        if record.machine not in names:
            taken = sum(name == record.device or name.startswith(f"{record.device} #") for name in names.values())
            names[record.machine] = f"{record.device} #{taken + 1}" if taken else record.device
    return names


def threads_of(entries: Iterable[Entry]) -> list[int]:
    """Numbers of threads that were measured, ascending."""
    return sorted({threads for entry in entries for _, threads, _ in entry.latency})


def pairs(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry, str]]:
    """(plain, changed, what changed) of entries on one device that differ in one thing only.

    Changed: the precision that is computed in, the precision of the file, or the back end.
    """
    for a in entries:
        for b in entries:
            sa, sb = a.subject, b.subject
            if a is b or sa.peer or sb.peer:
                continue
            same_file, same_backend = sa.sha256 == sb.sha256, sa.backend == sb.backend
            if same_file and same_backend and sa.compute in PLAIN and sb.compute not in PLAIN:
                yield a, b, f"computing in {sb.compute} instead of {sa.compute}"
            elif same_file and not same_backend and sa.compute == sb.compute and sa.backend > sb.backend:
                yield a, b, f"{nice_name(sb.backend)} instead of {nice_name(sa.backend)}"
            elif same_backend and sa.compute in PLAIN and _is_lower(sa, sb):
                yield a, b, f"{sb.precision} instead of {sa.precision} ({nice_name(sb.backend)} {sb.compute})"


def _is_lower(plain: Subject, other: Subject) -> bool:
    """Whether both are files of one model, the other of a lower precision."""
    return plain.family == other.family and (plain.precision, other.precision) in LOWERED
