"""The report without pictures: findings and tables as Markdown, all records as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from sdfl.benchmarks.records import Record
from sdfl.benchmarks.report.data import ReportData
from sdfl.benchmarks.report.tables import all_tables


def markdown(data: ReportData, sentences: Sequence[str]) -> str:
    """The findings and all tables as one Markdown document."""
    parts = ["# Landmark models measured\n", *[f"- {sentence}" for sentence in sentences], ""]
    parts += [f"> {note}\n" for note in data.notes]
    for table in all_tables(data):
        heads = [f"{name} ({unit})" if unit else name for name, unit in table.columns]
        parts += [f"## {table.title}\n", f"{table.subtitle}\n", _line(heads)]
        parts += [_line(["---"] + ["---:"] * (len(heads) - 1)), *map(_line, table.rows), ""]
    return "\n".join(parts)


def csv_text(records: Sequence[Record]) -> str:
    """One row a record. Lists, such as the error of each picture, are left to the records themselves."""
    rows = [_flat(record) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(record: Record) -> dict[str, Any]:
    subject = {f"subject_{key}": value for key, value in vars(record.subject).items()}
    result = {key: value for key, value in record.result.items() if not isinstance(value, list | dict)}
    result |= {
        f"{key}_{end}": value[index]
        for key, value in record.result.items()
        if key.endswith("_interval")
        for index, end in enumerate(("low", "high"))
    }
    head = {
        "kind": record.kind,
        "device": record.device,
        "created_utc": record.created_utc,
        "protocol": record.protocol,
    }
    row = head | subject | record.settings | result | {"error": record.error, "command": record.command}
    return {key: _as_in_json(value) if isinstance(value, int | float) else value for key, value in row.items()}


def _as_in_json(value: float) -> str:
    """A number or truth value as the line of its record has it."""
    return msgspec.json.encode(value).decode()


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
