"""One measurement, one line of JSON. Measuring writes these, reports and gates only read them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from sdfl.errors import SdflError

PROTOCOL = 2  # raise it when numbers of the same name no longer mean the same
KINDS = ("latency", "accuracy", "sweep", "video")


class RecordsError(SdflError):
    """A file of records is missing, empty or not readable; the message names it."""


@dataclass(frozen=True)
class Subject:
    """What was measured.

    name: of the file or peer. family: the model's own name, which all precisions of it share. precision: of the stored
    file. compute: what floats are computed in ("f32", "bf16", "auto"). version: of the library that ran it.
    """

    name: str
    backend: str
    precision: str = ""
    compute: str = "auto"
    family: str = ""
    layout: str = ""
    input_size: int = 0
    file_bytes: int = 0
    sha256: str = ""
    licence: str = ""
    version: str = ""
    peer: bool = False

    def __str__(self) -> str:
        if self.peer:
            return self.name
        if not self.precision:
            return f"{self.name} on {self.backend}"
        compute = "" if self.compute == "auto" else f" {self.compute}"
        return f"{self.name} ({self.precision}) on {self.backend}{compute}"


@dataclass(frozen=True)
class Record:
    """kind: of KINDS. settings: what was asked for; with kind and subject they identify a record on one machine.

    environment: of `sdfl.benchmarks.environment`. result: numbers with their units in the names, empty after a failure.
    error: one line, empty where it worked. command: measures this record again. created_utc: ISO 8601.
    """

    kind: str
    subject: Subject
    settings: dict[str, Any]
    environment: dict[str, Any]
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    command: str = ""
    created_utc: str = ""
    protocol: int = PROTOCOL

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")

    @property
    def key(self) -> str:
        """Names the measurement for people and for `--resume`: same key, same machine, same file: the same record."""
        return make_key(self.kind, self.subject, self.settings)

    @property
    def machine(self) -> str:
        return str(self.environment.get("machine", ""))

    @property
    def device(self) -> str:
        return str(self.environment.get("device", "unknown device"))

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Raises ValueError, KeyError or TypeError for anything that `to_json` did not write."""
        table = json.loads(line)
        known = {each.name for each in fields(Subject)}
        table["subject"] = Subject(**{key: value for key, value in table["subject"].items() if key in known})
        return cls(**table)


def make_key(kind: str, subject: Subject, settings: dict[str, Any]) -> str:
    """The text of `Record.key`."""
    words = [f"{name}={value}" for name, value in settings.items() if name not in ("data", "cpus")]
    return " ".join([f"{kind}: {subject}", *words])


def append_record(path: Path, record: Record) -> None:
    """Add one line. A line that a killed run left half-written is removed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
        file.seek(0, 2)
        file.write(record.to_json().encode() + b"\n")


@dataclass(frozen=True)
class Records:
    """records: the newest of each key, machine and file. notes: what was left out and why, one sentence each."""

    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()


def read_records(paths: Iterable[Path]) -> Records:
    """Read and merge files. Raises RecordsError for a missing or damaged file, and where nothing usable is left."""
    newest: dict[tuple[str, str, str], Record] = {}
    other: dict[tuple[str, int], int] = {}
    paths = list(paths)
    for path in paths:
        for record in _read(path):
            if isinstance(record, int):
                other[str(path), record] = other.get((str(path), record), 0) + 1
            else:
                newest[record.key, record.machine, record.subject.sha256] = record
    notes = [
        f"{count} record{'s' if count > 1 else ''} of {path} left out: measured by protocol {protocol}, "
        f"this version reads protocol {PROTOCOL}"
        for (path, protocol), count in other.items()
    ]
    if not newest:
        reason = f"; {notes[0]}" if notes else ""
        names = ", ".join(map(str, paths)) or "no file"
        raise RecordsError(f"{names}: no records{reason}; measure some with: sdfl bench -o records.jsonl")
    return Records(tuple(newest.values()), tuple(notes))


def _read(path: Path) -> Iterable[Record | int]:
    """Records of this protocol; for others, their protocol's number. An unfinished last line is no record."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise RecordsError(f"{path}: cannot be read as records ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            protocol = int(json.loads(line)["protocol"])
            yield Record.from_json(line) if protocol == PROTOCOL else protocol
        except (ValueError, KeyError, TypeError) as error:
            raise RecordsError(f"{path}: line {number} is not a record ({error})") from error


def main_dataset(records: Iterable[Record]) -> str:
    """The pictures that most accuracies are of, the newest of equals; "" where there are none. Figures on different
    pictures must not be compared."""
    measured = [str(r.settings["dataset"]) for r in records if r.kind in ("accuracy", "sweep") and not r.error]
    return max(reversed(measured), key=measured.count, default="")
