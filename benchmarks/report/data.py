"""Records put together: what is known about one model, in one back end, on one device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdfl.benchmarks.records import CROPS_BY_USE, PROTOCOL, Record, Records, Subject, main_dataset
from sdfl.benchmarks.report.names import backend_name, full_name, runs_in, short_name

Result = dict[str, Any]
PLAIN = ("f32", "auto")
LOWERED = (("fp32", "fp16"), ("fp32", "int8"))


@dataclass
class Entry:
    """One model in one back end on one device, with everything that was measured of it.

    Attributes:
        latency: by (stage, threads, batch).
        accuracy: by crops.
        accuracy_source: where the accuracy was measured, if not on this device; "" otherwise.
    """

    subject: Subject
    device: str
    machine: str
    latency: dict[tuple[str, int, int], Record] = field(default_factory=dict)
    accuracy: dict[str, Record] = field(default_factory=dict)
    sweep: Record | None = None
    video: Record | None = None
    accuracy_source: str = ""

    @property
    def name(self) -> str:
        """For sentences that do not depend on the back end."""
        return short_name(self.subject)

    @property
    def label(self) -> str:
        """For legends and tables: with the back end, or the version of another project's model."""
        return full_name(self.subject)

    def result(self, stage: str, threads: int = 1, batch: int = 1) -> Result | None:
        """The times of one case, None if it was not measured."""
        record = self.latency.get((stage, threads, batch))
        return record.result if record else None

    def accuracy_result(self, crops: str | None = None) -> Result | None:
        """The accuracy with these crops, or with those of CROPS_BY_USE that come first; None if it was not measured."""
        for name in (crops,) if crops else CROPS_BY_USE:
            record = self.accuracy.get(str(name))
            if record is not None and record.result.get("nme_percent") is not None:
                return record.result
        return None

    @property
    def same_numbers(self) -> tuple[str, str, str]:
        """Entries with equal values predict the same points, apart from rounding."""
        backend = self.subject.backend if self.subject.peer else ""
        return self.subject.sha256 or self.subject.name, self.subject.compute.replace("auto", "f32"), backend


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows.

    Attributes:
        failures: records of measurements that failed and were not repeated since.
        environments: by device.
        dataset: the labelled pictures that all accuracies are of, "" without any.
        notes: what was left out and why, one sentence each.
    """

    entries: tuple[Entry, ...]
    failures: tuple[Record, ...]
    environments: dict[str, dict[str, Any]]
    dataset: str
    notes: tuple[str, ...]

    def devices(self) -> list[str]:
        """Names of the devices, in the order of the records."""
        return list(dict.fromkeys(entry.device for entry in self.entries))

    def of(self, device: str) -> list[Entry]:
        """The entries of one device."""
        return [entry for entry in self.entries if entry.device == device]

    def distinct(self) -> list[Entry]:
        """Entries with an accuracy of their own; of several that predict the same points, the first."""
        seen: dict[tuple[str, str, str], Entry] = {}
        for entry in self.entries:
            if entry.accuracy and not entry.accuracy_source:
                seen.setdefault(entry.same_numbers, entry)
        return list(seen.values())

    def measured_on(self) -> str:
        """Names of the devices that accuracy was measured on."""
        return ", ".join(dict.fromkeys(entry.device for entry in self.distinct()))


def caption(*words: str) -> str:
    """The line under the title of a chart or table: what was measured, ending with the protocol's number."""
    return " · ".join(word for word in (*words, f"protocol {PROTOCOL}") if word)


def collect(records: Records) -> ReportData:
    """Group records by model, back end and device.

    If accuracy was not measured on a device, its entry takes the result of the same model file from another one.

    Args:
        records: as `read_records` gives them.

    Returns:
        The records of one dataset; `notes` names the others.
    """
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
    _share_accuracy(entries)
    notes = (
        *records.notes,
        *(f"Accuracy on {other} is left out, because this report shows {dataset}." for other in others),
    )
    environments = {names[record.machine]: record.environment for record in records.records}
    failures = tuple(r for r in records.records if r.error and not _has_loaded_since(r, records.records))
    return ReportData(entries, failures, environments, dataset, notes)


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


def _share_accuracy(entries: Sequence[Entry]) -> None:
    """Give entries without an accuracy that of the same file in another back end or on another device."""
    owners: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        if entry.accuracy:
            owners.setdefault(entry.same_numbers, entry)
    for entry in entries:
        owner = owners.get(entry.same_numbers)
        if not entry.accuracy and owner is not None and entry.subject.sha256:
            entry.accuracy = owner.accuracy
            entry.accuracy_source = owner.device if owner.device != entry.device else owner.label


def _device_names(records: Iterable[Record]) -> dict[str, str]:
    """Machine -> name; machines of the same name are numbered."""
    names: dict[str, str] = {}
    for record in records:
        if record.machine not in names:
            taken = sum(name == record.device or name.startswith(f"{record.device} #") for name in names.values())
            names[record.machine] = f"{record.device} #{taken + 1}" if taken else record.device
    return names


def threads_of(entries: Iterable[Entry]) -> list[int]:
    """The numbers of threads that were measured, ascending."""
    return sorted({threads for entry in entries for _, threads, _ in entry.latency})


@dataclass(frozen=True)
class Change:
    """Two entries of one device that differ in one thing: a precision of the file or of computing, or the back end.

    Attributes:
        before: the entry with full precision, or in the slower library.
        what: "fp32 to int8 weights", "f32 to bf16 arithmetic", "ONNX Runtime to OpenVINO".
        where: the back end, if the change is not that of the back end; "" otherwise.
    """

    before: Entry
    after: Entry
    what: str
    where: str = ""

    @property
    def title(self) -> str:
        """For tables: "small: fp32 to int8 weights (OpenVINO f32)"."""
        return f"{self.before.name}: {self.what}" + self._place

    def __str__(self) -> str:
        return f"{self.before.name} from {self.what}" + self._place

    @property
    def _place(self) -> str:
        return f" ({self.where})" if self.where else ""


def changes(entries: Sequence[Entry]) -> Iterator[Change]:
    """Every pair of the project's own entries that differ in one thing only.

    Args:
        entries: of one device.
    """
    for a in entries:
        for b in entries:
            sa, sb = a.subject, b.subject
            if a is b or sa.peer or sb.peer:
                continue
            same_file, same_backend = sa.sha256 == sb.sha256, sa.backend == sb.backend
            if same_file and same_backend and sa.compute in PLAIN and sb.compute not in PLAIN:
                yield Change(a, b, f"{sa.compute} to {sb.compute} arithmetic", backend_name(sb.backend))
            elif same_file and not same_backend and sa.compute == sb.compute and sa.backend > sb.backend:
                yield Change(a, b, f"{backend_name(sa.backend)} to {backend_name(sb.backend)}")
            elif same_backend and sa.compute in PLAIN and _is_lower(sa, sb):
                yield Change(a, b, f"{sa.precision} to {sb.precision} weights", runs_in(sb))


def _is_lower(plain: Subject, other: Subject) -> bool:
    """Whether both are files of one model, the other of a lower precision."""
    return plain.family == other.family and (plain.precision, other.precision) in LOWERED
