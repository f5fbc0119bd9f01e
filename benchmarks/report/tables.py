"""The report's numbers as tables: for the page, as Markdown, and all records as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sdfl.benchmarks.records import Record
from sdfl.benchmarks.report import by_subset
from sdfl.benchmarks.report.entries import CROPS, Entry, Material, pairs
from sdfl.benchmarks.report.findings import Interval, accuracy_cost, speed_ratio

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Table:
    """columns: (heading, unit or explanation). rows: text, "" where nothing was measured; first the name."""

    title: str
    subtitle: str
    columns: Sequence[tuple[str, str]]
    rows: Rows


def all_tables(material: Material) -> Iterator[Table]:
    """In the order of the report."""
    for device in material.devices():
        yield from map(_without_empty_columns, (overview(material, device), latencies(material, device)))
    accuracy = (ledger(material), subset_ledger(material), accuracies(material), robustness(material))
    yield from (each for each in (*accuracy, videos(material)) if each.rows)
    yield from (each for each in (failures(material),) if each.rows)
    yield environment(material)


def _without_empty_columns(table: Table) -> Table:
    """Columns in which nothing was measured say nothing."""
    kept = [i for i in range(len(table.columns)) if i == 0 or any(row[i] for row in table.rows)]
    rows = [[row[i] for i in kept] for row in table.rows]
    return Table(table.title, table.subtitle, [table.columns[i] for i in kept], rows)


def overview(material: Material, device: str) -> Table:
    """One row a model: accuracy with detected crops first, then what it costs."""
    columns = [
        ("Model", ""), ("NME detected", "%"), ("missed", "faces"), ("FR 10 detected", "%"), ("NME true", "%"),
        ("network p50", "ms"), ("frame p50", "ms"), ("peak memory", "MB"),
        ("load", "ms"), ("first run", "ms"), ("file", "MB"),
    ]  # fmt: skip
    rows = [_overview_row(entry) for entry in material.of(device)]
    shown = {entry.borrowed for entry in material.of(device) if entry.borrowed}
    where = f"accuracy from {', '.join(sorted(shown))}" if shown else ""
    subtitle = material.protocol(device, material.dataset, "batch 1", "fewest threads measured", where)
    return Table(f"Models on {device}", subtitle, columns, rows)


def _overview_row(entry: Entry) -> list[str]:
    detected = entry.accuracy_result("detected") or entry.accuracy_result("its own")
    true = entry.accuracy_result("true")
    threads = min((key[1] for key in entry.latency), default=1)
    network, frame = entry.result("network", threads), entry.result("frame", threads)
    start = network or frame
    missed = str(detected["num_images"] - detected["num_found"]) if detected else ""
    return [
        entry.label,
        _with_interval(detected),
        missed,
        _value(detected, "failure_rate_10_percent", 1),
        _value(true, "nme_percent", 2),
        _value(network, "p50_ms", 2),
        _value(frame, "p50_ms", 2),
        _value(start, "peak_rss_mb", 0),
        _value(start, "load_ms", 0),
        _value(start, "first_ms", 1),
        f"{entry.subject.file_bytes / 1e6:.1f}" if entry.subject.file_bytes else "",
    ]


def latencies(material: Material, device: str) -> Table:
    """Every time that was taken."""
    columns = [
        ("Model", ""), ("stage", ""), ("threads", ""), ("batch", ""), ("p50", "ms"), ("p90", "ms"), ("p99", "ms"),
        ("throughput", "faces/s"), ("yardsticks", "95 % interval"),
        ("energy", "mJ"),
    ]  # fmt: skip
    rows = []
    for entry in material.of(device):
        for (stage, threads, batch), record in sorted(
            entry.latency.items(), key=lambda item: (item[0][0] == "frame", item[0])
        ):
            low, high = record.result["yardsticks_interval"]
            times = [_value(record.result, key, 2) for key in ("p50_ms", "p90_ms", "p99_ms")]
            rate = _value(record.result, "throughput_per_s", 0)
            energy = _value(record.result, "energy_mj", 1)
            rows.append([entry.label, stage, str(threads), str(batch), *times, rate, f"{low:.2f}–{high:.2f}", energy])
    subtitle = material.protocol(
        device, "times of one run, taken in turns", "a yardstick is a fixed piece of arithmetic"
    )
    return Table(f"Latency on {device}", subtitle, columns, rows)


def ledger(material: Material) -> Table:
    """What each lower precision costs and brings, always beside what it is compared with."""
    columns = [
        ("Change", ""),
        ("device", ""),
        ("NME cost", "points, 95 % interval"),
        ("speed", "times as fast"),
        ("file", "MB"),
    ]
    rows = []
    for device in material.devices():
        for plain, changed, what in pairs(material.of(device)):
            threads = min((key[1] for key in changed.latency), default=1)
            cost, ratio = accuracy_cost(plain, changed), speed_ratio(plain, changed, "network", threads)
            size = f"{plain.subject.file_bytes / 1e6:.1f} → {changed.subject.file_bytes / 1e6:.1f}"
            rows.append([f"{changed.subject.name}: {what}", device, _signed(cost), _times(ratio), size])
    return Table("Precision ledger", material.protocol(material.dataset, "detected crops", "batch 1"), columns, rows)


def subset_ledger(material: Material) -> Table:
    """Where a lower precision costs: parts of the face, head turn, bad pictures."""
    columns = [
        ("Change", ""), ("subset", ""), ("pictures", ""), ("NME before", "%"), ("NME after", "%"),
        ("cost", "points, 95 % interval"),
    ]  # fmt: skip
    rows = list(by_subset.subset_rows(material))
    return Table("Precision ledger by subset", material.protocol(material.dataset, "paired pictures"), columns, rows)


def robustness(material: Material) -> Table:
    """NME of every disturbance and amount."""
    rows = list(by_subset.robustness_rows(material))
    most = max((len(row) for row in rows), default=2)
    columns = [("Model", ""), ("disturbance", ""), *[("amount: NME (FR 8)", "%")] * (most - 2)]
    subtitle = material.protocol(material.dataset, "true crops, disturbed", "scale is undisturbed at 1, others at 0")
    return Table("Robustness", subtitle, columns, [[*row, *[""] * (most - len(row))] for row in rows])


def accuracies(material: Material) -> Table:
    """Every accuracy that was measured, once for each set of numbers."""
    columns = [
        ("Model", ""), ("crops", ""), ("NME", "%"), ("FR 8", "%"), ("FR 10", "%"), ("AUC 10", ""), ("NME of 31", "%"),
        ("found", ""),
    ]  # fmt: skip
    rows = []
    for entry in material.distinct():
        for crops in CROPS:
            result = entry.accuracy_result(crops)
            if result:
                found = f"{result['num_found']} of {result['num_images']}"
                figures = [_value(result, f"failure_rate_{n}_percent", 1) for n in (8, 10)]
                common = _value(result, "common_nme_percent", 2)
                auc = _value(result, "auc_10", 3)
                rows.append([entry.label, crops, _with_interval(result), *figures, auc, common, found])
    subtitle = material.protocol(material.dataset, "inter-ocular NME of found faces", "a missed face is a failure")
    return Table("Accuracy", subtitle, columns, rows)


VIDEO_COLUMNS = (
    ("CPU", "ms a frame", "cpu_ms_p50", 2), ("latency p95", "ms", "latency_ms_p95", 1),
    ("jitter", "%", "jitter_percent", 3), ("RMS", "%", "rms_percent", 2),
    ("motion error", "%", "motion_error_percent", 2), ("lag", "ms", "lag_ms", 1),
    ("frames lost", "%", "frames_lost_percent", 2), ("false faces", "", "false_faces", 0),
    ("switches", "", "identity_switches", 0), ("to lose", "frames", "lose_frames", 0),
    ("to find again", "frames", "reacquire_frames", 0), ("memory", "MB", "peak_rss_mb", 0),
    ("start", "ms", "start_warm_ms", 0), ("without cache", "ms", "start_cold_ms", 0),
)  # fmt: skip


def videos(material: Material) -> Table:
    """What each did on the clips."""
    rows = [
        [entry.label, *[_value(entry.video.result, key, digits) for _, _, key, digits in VIDEO_COLUMNS]]
        for entry in material.entries
        if entry.video
    ]
    columns = [("Model", ""), *[(title, unit) for title, unit, _, _ in VIDEO_COLUMNS]]
    return Table("Video", material.protocol(_clips(material), "% of inter-ocular", "one thread"), columns, rows)


def _clips(material: Material) -> str:
    """What the clips were made from."""
    names = dict.fromkeys(str(entry.video.settings["dataset"]) for entry in material.entries if entry.video)
    return f"clips from {', '.join(names)}, 30 frames/s, noise sigma 6" if names else ""


def failures(material: Material) -> Table:
    rows = [[record.key, record.device, record.error] for record in material.failures]
    return Table("Failures", material.protocol(), [("Measurement", ""), ("device", ""), ("reason", "")], rows)


def environment(material: Material) -> Table:
    """One column a device."""
    names = list(material.environments)
    keys = dict.fromkeys(
        key for table in material.environments.values() for key in table if key not in ("device", "run")
    )
    rows = [
        [key.replace("_", " "), *[_plain(material.environments[name].get(key)) for name in names]]
        for key in keys
        if any(material.environments[name].get(key) not in (None, "") for name in names)
    ]
    return Table("Environment", "as stored with every record", [("", ""), *[(name, "") for name in names]], rows)


def markdown(material: Material, sentences: Sequence[str]) -> str:
    """The findings and all tables."""
    parts = ["# Landmark models measured\n", *[f"- {sentence}" for sentence in sentences], ""]
    parts += [f"> {note}\n" for note in material.notes]
    for table in all_tables(material):
        heads = [f"{name} ({unit})" if unit else name for name, unit in table.columns]
        parts += [f"## {table.title}\n", f"{table.subtitle}\n", _line(heads)]
        parts += [_line(["---"] + ["---:"] * (len(heads) - 1)), *map(_line, table.rows), ""]
    return "\n".join(parts)


def csv_text(records: Sequence[Record]) -> str:
    """One row a record; lists are left to the records themselves."""
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
    return head | subject | record.settings | result | {"error": record.error, "command": record.command}


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _value(result: dict[str, Any] | None, key: str, digits: int) -> str:
    value = (result or {}).get(key)
    return "" if value is None else f"{value:.{digits}f}"


def _with_interval(result: dict[str, Any] | None) -> str:
    if not result or result.get("nme_percent") is None:
        return ""
    low, high = result["nme_percent_interval"]
    return f"{result['nme_percent']:.2f} ({low:.2f}–{high:.2f})"


def _signed(cost: Interval | None) -> str:
    return f"{cost[0]:+.3f} ({cost[1]:+.3f} to {cost[2]:+.3f})" if cost else ""


def _times(ratio: Interval | None) -> str:
    return f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})" if ratio else ""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
