"""The report's numbers as tables, the same for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sdfl.benchmarks.records import CROPS_BY_USE, OWN_CROPS
from sdfl.benchmarks.report import by_subset
from sdfl.benchmarks.report.comparison import Interval, accuracy_cost, signed, speed_ratio
from sdfl.benchmarks.report.data import Entry, ReportData, caption, changes
from sdfl.benchmarks.report.names import CROPS, STAGES

Column = tuple[str, str]  # heading, unit or explanation


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        columns: heading and unit of each column.
        rows: cells, "" where nothing was measured; the first cell of a row is its name.
        of_text: whether the cells hold sentences rather than numbers.
    """

    title: str
    subtitle: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    of_text: bool = False

    def without_empty_columns(self) -> Table:
        """The same table without columns in which no row has a value."""
        kept = [i for i in range(len(self.columns)) if i == 0 or any(row[i] for row in self.rows)]
        rows = [[row[i] for i in kept] for row in self.rows]
        return replace(self, columns=[self.columns[i] for i in kept], rows=rows)

    def __bool__(self) -> bool:
        """Whether there is anything to show: a row with more than a name."""
        return any(any(row[1:]) for row in self.rows)


def all_tables(data: ReportData) -> Iterator[Table]:
    """Every table that has rows, in the order of the report."""
    tables: list[Table] = []
    for device in data.devices():
        tables += [overview(data, device), latencies(data, device)]
    tables += [precision_costs(data), precision_costs_by_subset(data), accuracies(data), robustness(data)]
    tables += [videos(data), failures(data), environment(data)]
    yield from (table.without_empty_columns() for table in tables if table)


def overview(data: ReportData, device: str) -> Table:
    """One row a model: its accuracy with detected crops first, then what it costs."""
    columns = [
        ("Model", ""), ("NME", "%, detected crops"), ("missed faces", ""),
        ("failure rate at 10 %", "%, detected crops"), ("NME", "%, ground-truth crops"), ("network", "median ms"),
        ("tracked frame", "median ms"), ("peak memory", "MB"), ("loading", "ms"), ("first inference", "ms"),
        ("file", "MB"),
    ]  # fmt: skip
    rows = [_overview_row(entry) for entry in data.of(device)]
    sources = {entry.accuracy_source for entry in data.of(device) if entry.accuracy_source}
    where = f"accuracy measured on {', '.join(sorted(sources))}" if sources else ""
    subtitle = caption(device, data.dataset, "batch 1", "fewest threads measured", where)
    return Table(f"Models on {device}", subtitle, columns, rows)


def _overview_row(entry: Entry) -> list[str]:
    detected = entry.accuracy_result("detected") or entry.accuracy_result(OWN_CROPS)
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


def latencies(data: ReportData, device: str) -> Table:
    """Every time that was taken."""
    columns = [
        ("Model", ""), ("measured", ""), ("threads", ""), ("batch", ""), ("median", "ms"), ("p90", "ms"), ("p99", "ms"),
        ("throughput", "faces/s"), ("relative to the reference workload", "95 % interval"), ("energy", "mJ a run"),
    ]  # fmt: skip
    rows = []
    for entry in data.of(device):
        for (stage, threads, batch), record in sorted(
            entry.latency.items(), key=lambda item: (item[0][0] == "frame", item[0])
        ):
            low, high = record.result["reference_ratio_interval"]
            times = [_value(record.result, key, 2) for key in ("p50_ms", "p90_ms", "p99_ms")]
            rate = _value(record.result, "throughput_per_s", 0)
            energy = _value(record.result, "energy_mj", 1)
            case = [entry.label, STAGES[stage], str(threads), str(batch)]
            rows.append([*case, *times, rate, f"{low:.2f}–{high:.2f}", energy])
    subtitle = caption(device, "models take turns", "the reference workload is a fixed amount of arithmetic")
    return Table(f"Latency on {device}", subtitle, columns, rows)


def precision_costs(data: ReportData) -> Table:
    """What each lower precision or other back end costs and brings, beside what it is compared with."""
    columns = [
        ("Change", ""), ("device", ""), ("change of the NME", "percentage points, 95 % interval"),
        ("speed of the network", "times as fast, 95 % interval"), ("file", "MB"),
    ]  # fmt: skip
    rows = []
    for device in data.devices():
        for change in changes(data.of(device)):
            before, after = change.before, change.after
            threads = min((key[1] for key in after.latency), default=1)
            cost, ratio = accuracy_cost(before, after), speed_ratio(before, after, "network", threads)
            size = f"{before.subject.file_bytes / 1e6:.1f} → {after.subject.file_bytes / 1e6:.1f}"
            rows.append([change.title, device, _signed(cost), _times(ratio), size])
    return Table("Cost of precision", caption(data.dataset, "detected crops", "batch 1"), columns, rows)


def precision_costs_by_subset(data: ReportData) -> Table:
    """Where a lower precision costs accuracy: parts of the face, head turn, bad pictures."""
    columns = [
        ("Change", ""), ("subset", ""), ("pictures", ""), ("NME before", "%"), ("NME after", "%"),
        ("change of the NME", "percentage points, 95 % interval"),
    ]  # fmt: skip
    rows = list(by_subset.subset_rows(data))
    return Table(
        "Cost of precision by subset", caption(data.dataset, "the same pictures before and after"), columns, rows
    )


def robustness(data: ReportData) -> Table:
    """NME of every disturbance and amount."""
    rows = list(by_subset.robustness_rows(data))
    most = max((len(row) for row in rows), default=2)
    columns = [("Model", ""), ("disturbance", ""), *[("amount: NME (failure rate at 8 %)", "%")] * (most - 2)]
    subtitle = caption(data.dataset, "disturbed ground-truth crops", "scale is undisturbed at 1, all others at 0")
    return Table("Robustness", subtitle, columns, [[*row, *[""] * (most - len(row))] for row in rows])


def accuracies(data: ReportData) -> Table:
    """Every accuracy that was measured, once for each set of numbers."""
    columns = [
        ("Model", ""), ("crops", ""), ("NME", "%, 95 % interval"), ("failure rate at 8 %", "%"),
        ("failure rate at 10 %", "%"), ("AUC up to 10 %", ""), ("NME of 31 points", "%"), ("faces found", ""),
    ]  # fmt: skip
    rows = []
    for entry in data.distinct():
        for crops in CROPS_BY_USE:
            result = entry.accuracy_result(crops)
            if result:
                found = f"{result['num_found']} of {result['num_images']}"
                failed = [_value(result, f"failure_rate_{n}_percent", 1) for n in (8, 10)]
                common = _value(result, "common_nme_percent", 2)
                auc = _value(result, "auc_10", 3)
                rows.append([entry.label, CROPS[crops], _with_interval(result), *failed, auc, common, found])
    subtitle = caption(data.dataset, "inter-ocular NME of the faces found", "a missed face counts as a failure")
    return Table("Accuracy", subtitle, columns, rows)


VIDEO_COLUMNS = (
    ("CPU time", "ms a frame", "cpu_ms_p50", 2), ("latency, p95", "ms", "latency_ms_p95", 1),
    ("jitter", "%", "jitter_percent", 3), ("RMS error at rest", "%", "rms_percent", 2),
    ("error in motion", "%", "motion_error_percent", 2), ("lag", "ms", "lag_ms", 1),
    ("frames without the face", "%", "frames_lost_percent", 2), ("false faces", "", "false_faces", 0),
    ("identity switches", "", "identity_switches", 0), ("until a lost face is dropped", "frames", "lose_frames", 0),
    ("until it is found again", "frames", "reacquire_frames", 0), ("peak memory", "MB", "peak_rss_mb", 0),
    ("start", "ms", "start_warm_ms", 0), ("start without cache", "ms", "start_cold_ms", 0),
)  # fmt: skip


def videos(data: ReportData) -> Table:
    """What each model did on the clips."""
    rows = [
        [entry.label, *[_value(entry.video.result, key, digits) for _, _, key, digits in VIDEO_COLUMNS]]
        for entry in data.entries
        if entry.video
    ]
    columns = [("Model", ""), *[(title, unit) for title, unit, _, _ in VIDEO_COLUMNS]]
    subtitle = caption(_clips(data), "errors in % of the inter-ocular distance", "one thread")
    return Table("Tracking in video", subtitle, columns, rows)


def _clips(data: ReportData) -> str:
    """What the clips were made from."""
    names = dict.fromkeys(str(entry.video.settings["dataset"]) for entry in data.entries if entry.video)
    return f"synthetic clips from {', '.join(names)}, 30 frames/s, noise with sigma 6" if names else ""


def failures(data: ReportData) -> Table:
    """The measurements that failed, and why."""
    rows = [[record.key, record.device, record.error] for record in data.failures]
    columns = [("Measurement", ""), ("device", ""), ("reason", "")]
    return Table("Failures", caption(), columns, rows, of_text=True)


def environment(data: ReportData) -> Table:
    """One column a device."""
    names = list(data.environments)
    keys = dict.fromkeys(key for table in data.environments.values() for key in table if key not in ("device", "run"))
    rows = [[key.replace("_", " "), *[_plain(data.environments[name].get(key)) for name in names]] for key in keys]
    columns = [("Property", ""), *[(name, "") for name in names]]
    return Table("Environment", "as stored with every record", columns, [r for r in rows if any(r[1:])], of_text=True)


def _value(result: dict[str, Any] | None, key: str, digits: int) -> str:
    value = (result or {}).get(key)
    return "" if value is None else f"{value:.{digits}f}"


def _with_interval(result: dict[str, Any] | None) -> str:
    if not result or result.get("nme_percent") is None:
        return ""
    low, high = result["nme_percent_interval"]
    return f"{result['nme_percent']:.2f} ({low:.2f}–{high:.2f})"


def _signed(cost: Interval | None) -> str:
    return f"{signed(cost[0])} ({signed(cost[1])} to {signed(cost[2])})" if cost else ""


def _times(ratio: Interval | None) -> str:
    return f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})" if ratio else ""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
