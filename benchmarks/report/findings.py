"""One plain sentence for each thing that the data support.

A difference within the measurement error is said to be none.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sdfl.benchmarks.records import OWN_CROPS, threads_name
from sdfl.benchmarks.report.comparison import (
    NEGLIGIBLE_POINTS,
    accuracy_cost,
    cost_words,
    cpu_ratio,
    is_within_error,
    paired_difference,
    rounds_ratio,
    speed_change_words,
    speed_ratio,
    speed_words,
)
from sdfl.benchmarks.report.data import Entry, ReportData, changes, threads_of

BUSY = 0.5  # share by which 90th percentiles exceed undisturbed runs; on an idle machine it is below a fifth
FRONTAL_PERCENT, TURNED_PERCENT = 10, 20  # offset of the nose tip, in percent of the inter-ocular distance
CLEAR_GROWTH = 0.25


def sentences(data: ReportData) -> Iterator[str]:
    """The findings, in the order of their weight for somebody who chooses a model."""
    for device in data.devices():
        entries = data.of(device)
        yield from _best(entries, device)
        yield from _changes(entries, device)
        if _delay(entries) <= BUSY:
            yield from _threads(entries, device)
        yield from _peers(entries, device)
    for entry in data.distinct()[:1]:
        yield from _detection(entry)
        yield from _pose(entry)
        yield from _robustness(entry)
    yield from _stability(data)
    yield from _cpu_time(data)
    yield from _noise(data)
    if data.failures:
        count = len(data.failures)
        failed = "1 measurement failed" if count == 1 else f"{count} measurements failed"
        yield f"{failed}; the table of failures gives the reason{'s' if count > 1 else ''}."


def _best(entries: list[Entry], device: str) -> Iterator[str]:
    if _delay(entries) > BUSY:
        return
    own = [e for e in entries if not e.subject.peer and e.result("network") and e.accuracy_result()]
    if len(own) < 2:
        return
    fastest = min(own, key=lambda e: e.result("network")["p50_ms"])  # type: ignore[index]
    best = min(own, key=lambda e: (round(_nme(e), 2), e is not fastest))
    level = [e.label for e in own if e is not fastest and is_within_error(speed_ratio(e, fastest, "network"))]
    yield f"{fastest.label} is the fastest model on {device}: {_time_and_nme(fastest)}."
    if level:
        yield f"The speed of {_listed(level)} on {device} does not differ measurably from that of {fastest.label}."
    cost = accuracy_cost(best, fastest)
    if best is not fastest and cost and cost[0] > NEGLIGIBLE_POINTS and cost[1] > 0:
        yield f"{best.label} is the most accurate model on {device}: {_time_and_nme(best)}."
    else:
        yield f"No model on {device} is measurably more accurate than {fastest.label}."


def _changes(entries: list[Entry], device: str) -> Iterator[str]:
    for change in changes(entries):
        for threads in threads_of(entries)[:1]:
            parts = []
            cost = accuracy_cost(change.before, change.after)
            if cost:
                parts.append(cost_words(cost))
            ratio = None if _delay(entries) > BUSY else speed_ratio(change.before, change.after, "network", threads)
            if ratio:
                parts.append(f"{speed_change_words(ratio)} on {device} with {threads_name(threads)}")
            if parts:
                yield f"Switching {change} {' and '.join(parts)}."


def _threads(entries: list[Entry], device: str) -> Iterator[str]:
    counts = threads_of(entries)
    if len(counts) < 2:
        return
    for entry in entries:
        ratio = rounds_ratio(entry.result("network", counts[0]), entry.result("network", counts[-1]))
        if ratio is None:
            continue
        yield f"With {counts[-1]} threads, {entry.label} {speed_words(ratio)} with {counts[0]} on {device}."


def _peers(entries: list[Entry], device: str) -> Iterator[str]:
    own = [e for e in entries if not e.subject.peer and e.result("frame")]
    if not own:
        return
    ours = min(own, key=lambda e: e.result("frame")["p50_ms"])  # type: ignore[index]
    for peer in (e for e in entries if e.subject.peer):
        ratio = None if _delay(entries) > BUSY else speed_ratio(peer, ours, "frame")
        if ratio:
            yield f"For a frame with one tracked face on {device}, {ours.name} {speed_words(ratio)} {peer.name}."
        theirs, mine = peer.accuracy.get(OWN_CROPS), ours.accuracy.get("detected")
        if not theirs or not mine:
            continue
        gap = paired_difference(theirs.result["pictures"], mine.result["pictures"], "common_nme_percent")
        if gap:
            verb = "higher" if gap[0] > 0 else "lower"
            unsure = "" if gap[1] * gap[2] > 0 else ", a difference within the measurement error"
            yield (
                f"The NME of {ours.name} over the 31 points of brows, nose and eyes is {abs(gap[0]):.2f} percentage "
                f"points {verb} than that of {peer.name} on the pictures in which both find the face{unsure}."
            )


def _detection(entry: Entry) -> Iterator[str]:
    true, detected, tracked = (entry.accuracy_result(crops) for crops in ("true", "detected", "tracked"))
    if not true or not detected:
        return
    missed = detected["num_images"] - detected["num_found"]
    yield (
        f"{entry.label} has an NME of {true['nme_percent']:.2f} % with ground-truth boxes and of "
        f"{detected['nme_percent']:.2f} % with the boxes of the built-in detector, which misses {missed} of "
        f"{detected['num_images']} faces."
    )
    if tracked:
        yield (
            f"If {entry.label} predicts once more from a crop around its first landmarks, as it does in tracking, its "
            f"NME is {tracked['nme_percent']:.2f} %."
        )


def _pose(entry: Entry) -> Iterator[str]:
    result = entry.accuracy_result()
    if not result:
        return
    turn = np.asarray(result["pictures"]["turn_percent"], float)
    errors = np.asarray([np.nan if v is None else v for v in result["pictures"]["nme_percent"]], float)
    frontal = errors[(turn < FRONTAL_PERCENT) & np.isfinite(errors)]
    turned = errors[(turn >= TURNED_PERCENT) & np.isfinite(errors)]
    if len(frontal) > 10 and len(turned) > 10:
        yield (
            f"{entry.label} has an NME of {turned.mean():.2f} % on the {len(turned)} pictures of turned heads (nose "
            f"tip off the centre by at least {TURNED_PERCENT} % of the inter-ocular distance) and of "
            f"{frontal.mean():.2f} % on the {len(frontal)} frontal ones (less than {FRONTAL_PERCENT} %)."
        )


def _robustness(entry: Entry) -> Iterator[str]:
    if not entry.sweep:
        return
    words = {
        "shift": "the crop is shifted by {} % of its side",
        "rotation_deg": "the face is rolled by {} degrees",
        "occlusion": "{} % of the face is hidden",
    }
    parts = []
    for axis, text in words.items():
        row = entry.sweep.result["axes"].get(axis)
        if not row:
            continue
        growth = np.asarray(row["nme_percent"]) / row["nme_percent"][0] - 1
        beyond = np.flatnonzero(growth > CLEAR_GROWTH)
        if len(beyond):
            amount = row["amount"][beyond[0]] * (1 if axis == "rotation_deg" else 100)
            parts.append(f"{text.format(round(amount))} (+{100 * growth[beyond[0]]:.0f} %)")
    if parts:
        yield f"The NME of {entry.label} grows by more than {100 * CLEAR_GROWTH:.0f} % when {_listed(parts, 'or')}."


def _stability(data: ReportData) -> Iterator[str]:
    shown = [e for e in data.entries if e.video and e.video.result.get("jitter_percent") is not None]
    if not shown:
        return
    steadiest = min(shown, key=lambda e: e.video.result["jitter_percent"])  # type: ignore[union-attr]
    result = steadiest.video.result  # type: ignore[union-attr]
    text = (
        f"The points of {steadiest.label} jitter least: on a face at rest, filmed with camera noise, they move by "
        f"{result['jitter_percent']:.2f} % of the inter-ocular distance from frame to frame"
    )
    lag = result.get("lag_ms")
    yield text + ("." if lag is None else f"; behind a moving face they lag by {lag:.0f} ms.")


def _cpu_time(data: ReportData) -> Iterator[str]:
    """Each own model in the back end that needs the least CPU time, beside every other project's model."""
    shown = [entry for entry in data.entries if entry.video and entry.video.result.get("cpu_ms_p50")]
    own: dict[str, Entry] = {}
    for entry in sorted(shown, key=lambda e: e.video.result["cpu_ms_p50"]):  # type: ignore[union-attr]
        if not entry.subject.peer:
            own.setdefault(entry.name, entry)
    for peer in (entry for entry in shown if entry.subject.peer):
        for entry in own.values():
            ratio = cpu_ratio(entry, peer)
            if ratio:
                value, low, high = (100 * each for each in ratio)
                share = f"{value:.0f} % ({low:.0f} to {high:.0f} %)"
                several = sum(other.name == entry.name for other in shown) > 1
                name = entry.label if several else entry.name
                yield f"{name} needs {share} of the CPU time of {peer.name} for a tracked frame."


def _noise(data: ReportData) -> Iterator[str]:
    for device in data.devices():
        delay = _delay(data.of(device))
        if delay > BUSY:
            load = data.environments[device].get("load_average")  # Windows does not count it
            told = "" if load is None else f" (load average {load})"
            yield (
                f"{device} was busy during the measurement{told}: the 90th percentile of the times "
                f"lies {100 * delay:.0f} % above undisturbed runs. Accuracy is not affected, but times are upper "
                "bounds, and this report does not compare speeds on this device. Measure again on an idle machine."
            )


def _delay(entries: list[Entry]) -> float:
    """How far the 90th percentile lies above undisturbed runs in the median case: how busy the machine was."""
    delays = [
        record.result["p90_ms"] / float(np.median(record.result["round_p10_ms"])) - 1
        for entry in entries
        for record in entry.latency.values()
    ]
    return float(np.median(delays)) if delays else 0.0


def _nme(entry: Entry) -> float:
    result = entry.accuracy_result()
    return float(result["nme_percent"]) if result else float("inf")


def _time_and_nme(entry: Entry) -> str:
    result = entry.result("network")
    return f"{result['p50_ms']:.2f} ms (median) for the network alone, NME {_nme(entry):.2f} %" if result else ""


def _listed(words: list[str], last: str = "and") -> str:
    """Words as a list in a sentence: "a, b and c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
