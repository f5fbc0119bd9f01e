"""One measurement, one line of JSON. `sdfl bench` writes these; reports and the speed gate only read them."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from sdfl.config import build
from sdfl.errors import ConfigError, DataError, SdflError, WriteError, shown
from sdfl.files import read_text, write_failure

T = TypeVar("T")

PROTOCOL = 3  # raised whenever values of the same name no longer mean the same, or names of values change
KINDS = ("latency", "accuracy", "sweep", "video")
_BEGIN = b'{"kind":'  # of the line of every record
STAGES = ("network", "frame")  # of latency: the network alone, a frame with one tracked face
CROPS = ("true", "detected", "tracked")  # of accuracy, see `sdfl.benchmarks.accuracy.crops`
OWN_CROPS = "its own"  # of another project's model, which has a detector of its own
CROPS_BY_USE = ("detected", "tracked", "true", OWN_CROPS)  # those nearest to everyday use first


class RecordsError(SdflError):
    """A file of records is missing, empty or not readable; the message names it."""


@dataclass(frozen=True)
class Subject:
    """What was measured.

    Attributes:
        name: of the file without its ending, or of the adapter of another project's model.
        backend: the library that ran it.
        precision: of the stored weights, one of `sdfl.artifacts.names.PRECISIONS`.
        compute: what floats are computed in: "f32", "bf16", or "auto" for the library's choice.
        family: the model's own name, which all its precisions share.
        layout: of its points.
        input_size: px of a side of its crop.
        sha256: of the file.
        version: of the library that ran it.
        peer: whether it is another project's model.
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
    """One measurement of one subject in one environment.

    Attributes:
        kind: one of KINDS.
        settings: what was asked for; with kind and subject they identify a record on one machine.
        environment: as `sdfl.benchmarks.environment.read_environment` gives it.
        result: values with their units in their names; empty after a failure.
        error: why the measurement failed, one line; "" if it did not.
        command: measures this record again.
        created_utc: ISO 8601.
        protocol: the PROTOCOL that it was measured with.

    Raises:
        ValueError: `kind` is none of KINDS.
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
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {shown(self.kind)}")

    @property
    def key(self) -> str:
        """Names the measurement: two records with the same key, machine and file hash are the same measurement."""
        return make_key(self.kind, self.subject, self.settings)

    @property
    def machine(self) -> str:
        """Fingerprint of the computer that it was measured on."""
        return str(self.environment.get("machine", ""))

    @property
    def device(self) -> str:
        """What that computer is called."""
        return str(self.environment.get("device", "unknown device"))

    def to_json(self) -> str:
        """The record as one line."""
        return msgspec.json.encode(self, enc_hook=_numpy_scalar).decode()


def _numpy_scalar(value: Any) -> Any:
    """Numbers that numpy computed, as Python's own."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a record cannot hold a {type(value).__name__}")


def make_key(kind: str, subject: Subject, settings: dict[str, Any]) -> str:
    """The text of `Record.key`."""
    words = [f"{name}={value}" for name, value in settings.items() if name not in ("data", "cpus")]
    return " ".join([f"{kind}: {subject}", *words])


def append_record(path: Path, record: Record) -> None:
    """Add one line to a file. A line that a killed process left unfinished is removed first.

    Raises:
        RecordsError: the file is in UTF-16.
        WriteError: the disk does not take the line; what the file held is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    end: int | None = None
    try:
        with path.open("a+b") as file:
            file.seek(0)
            content = file.read()
            if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise RecordsError(f"{path}: is in UTF-16, to which no record can be added; save the file as UTF-8")
            last = max(content.rfind(b"\n"), content.rfind(b"\r")) + 1
            if last < len(content):
                if _is_unfinished(content[last:]):
                    file.truncate(last)
                else:
                    file.write(b"\n")
            end = file.seek(0, os.SEEK_END)
            file.write(record.to_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.filename is not None:
            raise
        if end is not None:  # only now is the file closed, which would write the rest of the line
            os.truncate(path, end)
        raise WriteError(f"{write_failure(path, error)}; the records before this one are kept") from error


@dataclass(frozen=True)
class Records:
    """Records of one or more files.

    Attributes:
        records: the newest of each key, machine and file hash.
        notes: what was left out and why, one sentence each.
    """

    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()


def read_records(paths: Iterable[Path]) -> Records:
    """Read files and merge their records.

    Raises:
        RecordsError: a file is missing or damaged, or no usable record is left.
    """
    newest: dict[tuple[str, str, str], Record] = {}
    other: dict[tuple[str, int], int] = {}
    paths = list(paths)
    for path in paths:
        for record in _read(path):
            if isinstance(record, int):
                other[str(path), record] = other.get((str(path), record), 0) + 1
            else:
                newest[record.key, record.machine, record.subject.sha256] = record
    notes = [_left_out(path, protocol, count) for (path, protocol), count in other.items()]
    if not newest:
        reason = f"; {notes[0].rstrip('.')}" if notes else ""
        names = ", ".join(map(str, paths)) or "no file"
        raise RecordsError(f"{names}: no records{reason}; measure some with: sdfl bench -o records.jsonl")
    return Records(tuple(newest.values()), tuple(notes))


def _left_out(path: str, protocol: int, count: int) -> str:
    records, were = ("1 record", "it was") if count == 1 else (f"{count} records", "they were")
    return (
        f"{records} in {path} left out: {were} measured with protocol {protocol}, and this version reads protocol "
        f"{PROTOCOL}."
    )


@dataclass(frozen=True)
class _Header:
    """What the files of every protocol have."""

    protocol: int


def from_json(cls: type[T], content: str | bytes) -> T | int:
    """The object in a JSON text that was measured with this protocol; for another protocol, its number.

    Args:
        cls: a dataclass with a field `protocol`.
        content: the text; keys that `cls` does not have are ignored.

    Raises:
        ConfigError: it is anything else; the message names the key.
    """
    try:
        table = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:  # RecursionError of brackets in brackets
        raise ConfigError(str(error)) from error
    protocol = build(_Header, table, unknown_keys=True).protocol
    return build(cls, table, unknown_keys=True) if protocol == PROTOCOL else protocol


def _read(path: Path) -> Iterable[Record | int]:
    """Records of this protocol; for others, their protocol's number. An unfinished last line is no record."""
    try:
        text = read_text(path)
    except DataError as error:
        raise RecordsError(str(error)) from error
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (number == len(lines) and _is_unfinished(line.encode())):
            continue
        try:
            yield from_json(Record, line)
        except ConfigError as error:
            raise RecordsError(f"{path}:{number}: is not a record ({error})") from error


def _is_unfinished(line: bytes) -> bool:
    """Whether this begins as a record does, and ends too early: the process that wrote it was stopped."""
    if not (line.startswith(_BEGIN) or _BEGIN.startswith(line)):
        return False
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError:
        return True
    except RecursionError:
        return False
    return False


def threads_name(count: int) -> str:
    """The number of threads in words: "one thread", "4 threads"."""
    return "one thread" if count == 1 else f"{count} threads"


def main_dataset(records: Iterable[Record]) -> str:
    """The labelled pictures that most accuracies are of; of several, the newest.

    Accuracies on different pictures must not be compared.

    Returns:
        The dataset's name, "" if no accuracy was measured.
    """
    measured = [str(r.settings["dataset"]) for r in records if r.kind in ("accuracy", "sweep") and not r.error]
    return max(reversed(measured), key=measured.count, default="")
