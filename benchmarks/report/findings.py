"""One plain sentence for each thing that the data support. A difference within the noise is said to be none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sdfl.benchmarks.intervals import mean_interval, median_interval
from sdfl.benchmarks.report.entries import CROPS, Entry, Material, pairs, threads_of

Interval = tuple[float, float, float]  # value, low, high
NEGLIGIBLE_POINTS = 0.005
BUSY = 0.5  # share by which 90th percentiles exceed undisturbed runs; on an idle machine it is below a fifth


def sentences(material: Material) -> Iterator[str]:
    """In the order of their weight for somebody who chooses."""
    for device in material.devices():
        entries = material.of(device)
        yield from _best(entries, device)
        yield from _pairs(entries, device)
        if _delay(entries) <= BUSY:
            yield from _threads(entries, device)
        yield from _peers(entries, device)
    for entry in material.distinct()[:1]:
        yield from _detection(entry)
        yield from _pose(entry)
        yield from _robustness(entry)
    yield from _stability(material)
    yield from _noise(material)
    if material.failures:
        count = len(material.failures)
        yield f"{count} measurement{'s' if count > 1 else ''} failed; the table of failures says why."


def speed_ratio(slow: Entry, fast: Entry, stage: str, threads: int = 1, batch: int = 1) -> Interval | None:
    """How many times as fast `fast` is, from rounds that were taken in turns; None where they were not."""
    a, b = slow.result(stage, threads, batch), fast.result(stage, threads, batch)
    if not a or not b or a["interleaved"] != b["interleaved"]:
        return None
    ratios = np.asarray(a["round_p10_ms"]) / np.asarray(b["round_p10_ms"])
    return (float(np.median(ratios)), *median_interval(ratios))


def accuracy_cost(plain: Entry, changed: Entry, column: str = "nme_percent") -> Interval | None:
    """Points of NME that `changed` adds, over the pictures that both found, with the crops nearest to use."""
    for crops in CROPS[:3]:
        a, b = plain.accuracy.get(crops), changed.accuracy.get(crops)
        if a and b and a.settings["dataset"] == b.settings["dataset"]:
            return paired_difference(a.result["pictures"], b.result["pictures"], column)
    return None


def paired_difference(a: dict[str, Any], b: dict[str, Any], column: str) -> Interval | None:
    """Mean of b - a with its 95 % interval, over pictures of the same name that have a value in both."""
    first = dict(zip(a["name"], a[column], strict=True))
    gaps = [
        value - first[name]
        for name, value in zip(b["name"], b[column], strict=True)
        if value is not None and first.get(name) is not None
    ]
    return (float(np.mean(gaps)), *mean_interval(np.asarray(gaps))) if gaps else None


def in_words(ratio: Interval | None) -> str:
    """ "1.9x as fast", "1.3x as slow", or that no difference can be measured."""
    if ratio is None:
        return ""
    value, low, high = ratio
    if low <= 1 <= high:
        return "is not measurably faster or slower"
    return f"is {value:.2f}x as fast" if value > 1 else f"takes {1 / value:.2f}x as long"


def cost_in_words(cost: Interval | None) -> str:
    if cost is None:
        return ""
    value, low, high = cost
    if abs(value) < NEGLIGIBLE_POINTS and max(abs(low), abs(high)) < 3 * NEGLIGIBLE_POINTS:
        return f"changes the NME by less than {NEGLIGIBLE_POINTS} points"
    if low <= 0 <= high:
        return f"changes the NME by {value:+.3f} points, which is no measurable difference ({low:+.3f} to {high:+.3f})"
    verb = "costs" if value > 0 else "gains"
    return f"{verb} {abs(value):.2f} points of NME (95 % interval {low:+.2f} to {high:+.2f})"


def _best(entries: list[Entry], device: str) -> Iterator[str]:
    if _delay(entries) > BUSY:
        return
    own = [e for e in entries if not e.subject.peer and e.result("network") and e.accuracy_result()]
    if len(own) < 2:
        return
    fastest = min(own, key=lambda e: e.result("network")["p50_ms"])  # type: ignore[index]
    best = min(own, key=lambda e: (round(_nme(e), 2), e is not fastest))
    level = [e.label for e in own if e is not fastest and _is_level(speed_ratio(e, fastest, "network"))]
    same = f", level within the noise with {' and '.join(level)}" if level else ""
    yield f"On {device}, the fastest is {fastest.label} ({_both(fastest)}){same}."
    cost = accuracy_cost(best, fastest)
    if best is not fastest and cost and cost[0] > NEGLIGIBLE_POINTS and cost[1] > 0:
        yield f"On {device}, the most accurate is {best.label} ({_both(best)})."
    else:
        yield f"On {device}, none is measurably more accurate than {fastest.label}."


def _is_level(ratio: Interval | None) -> bool:
    return ratio is not None and ratio[1] <= 1 <= ratio[2]


def _pairs(entries: list[Entry], device: str) -> Iterator[str]:
    for plain, changed, what in pairs(entries):
        for threads in threads_of(entries)[:1]:
            speed = "" if _delay(entries) > BUSY else in_words(speed_ratio(plain, changed, "network", threads))
            cost = cost_in_words(accuracy_cost(plain, changed))
            if speed or cost:
                where = f" on {device} with {_count(threads)}" if speed else ""
                yield f"{plain.subject.name}: {what} {' and '.join(part for part in (cost, speed) if part)}{where}."


def _threads(entries: list[Entry], device: str) -> Iterator[str]:
    counts = threads_of(entries)
    for entry in entries:
        one, many = (
            entry.result("network", counts[0]) if counts else None,
            entry.result("network", counts[-1]) if counts else None,
        )
        if len(counts) < 2 or not one or not many or one["interleaved"] != many["interleaved"]:
            continue
        ratios = np.asarray(one["round_p10_ms"]) / np.asarray(many["round_p10_ms"])
        words = in_words((float(np.median(ratios)), *median_interval(ratios)))
        yield f"With {_count(counts[-1])} instead of {counts[0]}, {entry.label} {words} on {device}."


def _peers(entries: list[Entry], device: str) -> Iterator[str]:
    own = [e for e in entries if not e.subject.peer and e.result("frame")]
    if not own:
        return
    ours = min(own, key=lambda e: e.result("frame")["p50_ms"])  # type: ignore[index]
    for peer in (e for e in entries if e.subject.peer):
        parts = []
        ratio = None if _delay(entries) > BUSY else speed_ratio(peer, ours, "frame")
        if ratio:
            parts.append(f"{in_words(ratio)} for a frame with one tracked face")
        theirs, mine = peer.accuracy.get("its own"), ours.accuracy.get("detected")
        gap = (
            paired_difference(theirs.result["pictures"], mine.result["pictures"], "common_nme_percent")
            if theirs and mine
            else None
        )
        if gap:
            verb = "higher" if gap[0] > 0 else "lower"
            sure = "" if gap[1] * gap[2] > 0 else ", which is within the noise"
            parts.append(
                f"its NME over the 31 points of brows, nose and eyes is {abs(gap[0]):.2f} points {verb} "
                f"on the pictures where both find the face{sure}"
            )
        if parts:
            yield f"Beside {peer.label} on {device}, {ours.label}: {'; '.join(parts)}."


def _detection(entry: Entry) -> Iterator[str]:
    true, detected, tracked = (entry.accuracy_result(crops) for crops in ("true", "detected", "tracked"))
    if true and detected:
        missed = detected["num_images"] - detected["num_found"]
        text = (
            f"With the detector's boxes instead of the labels', {entry.label} has NME {detected['nme_percent']:.2f} % "
            f"instead of {true['nme_percent']:.2f} %, and {missed} of {detected['num_images']} faces are missed"
        )
        yield text + (f"; one tracked look later it is {tracked['nme_percent']:.2f} %." if tracked else ".")


def _pose(entry: Entry) -> Iterator[str]:
    result = entry.accuracy_result()
    if not result:
        return
    turn = np.asarray(result["pictures"]["turn_percent"], float)
    errors = np.asarray([np.nan if v is None else v for v in result["pictures"]["nme_percent"]], float)
    straight, turned = errors[(turn < 10) & np.isfinite(errors)], errors[(turn >= 20) & np.isfinite(errors)]
    if len(straight) > 10 and len(turned) > 10:
        yield (
            f"Turned heads ({entry.label}): NME {turned.mean():.2f} % over the {len(turned)} pictures whose "
            f"nose tip lies "
            f"at least a fifth of the eye distance off the middle, {straight.mean():.2f} % over "
            f"{len(straight)} frontal "
            "ones."
        )


def _robustness(entry: Entry) -> Iterator[str]:
    if not entry.sweep:
        return
    words = {"shift": "a crop shifted by {:.0%} of its side", "rotation_deg": "a face rolled by {:.0f} degrees",
             "occlusion": "{:.0%} of the face hidden"}  # fmt: skip
    parts = []
    for axis, text in words.items():
        row = entry.sweep.result["axes"][axis]
        growth = np.asarray(row["nme_percent"]) / row["nme_percent"][0] - 1
        beyond = np.flatnonzero(growth > 0.25)
        if len(beyond):
            parts.append(f"{text.format(row['amount'][beyond[0]])} (+{growth[beyond[0]]:.0%})")
    if parts:
        yield f"The error of {entry.label} first grows by more than a quarter with " + ", ".join(parts) + "."


def _stability(material: Material) -> Iterator[str]:
    shown = [e for e in material.entries if e.video and e.video.result.get("jitter_percent") is not None]
    if not shown:
        return
    calm = min(shown, key=lambda e: e.video.result["jitter_percent"])  # type: ignore[union-attr]
    result = calm.video.result  # type: ignore[union-attr]
    yield (
        f"On a still face with camera noise, the points of {calm.label} move least: "
        f"{result['jitter_percent']:.2f} % of the inter-ocular distance a frame; on a moving face they lag by "
        f"{result['lag_ms']:.0f} ms."
    )
    own = [entry for entry in shown if not entry.subject.peer]
    for peer in (entry for entry in shown if entry.subject.peer):
        for entry in own:
            ratio = cpu_ratio(entry, peer)
            if ratio:
                value, low, high = ratio
                times = f"{value:.2f} ({low:.2f} to {high:.2f}) times the CPU time"
                yield f"A tracked frame costs {entry.label} {times} that {peer.label} takes."


def cpu_ratio(entry: Entry, peer: Entry) -> Interval | None:
    """CPU time of a tracked frame over that of `peer`, turn by turn; None where they took no turns."""
    a, b = ((each.video.result if each.video else {}) for each in (entry, peer))
    if not a.get("round_p10_cpu_ms") or a.get("interleaved") != b.get("interleaved"):
        return None
    ratios = np.asarray(a["round_p10_cpu_ms"]) / np.asarray(b["round_p10_cpu_ms"])
    return (float(np.median(ratios)), *median_interval(ratios))


def _noise(material: Material) -> Iterator[str]:
    for device in material.devices():
        delay = _delay(material.of(device))
        if delay > BUSY:
            load = material.environments[device].get("load_average")
            yield (
                f"{device} was busy while it was measured (load average {load}): p90 lies {delay:.0%} above "
                "undisturbed runs. Accuracy does not suffer, but times are upper bounds, and nothing is said here "
                "about what is faster. Measure again on an idle machine."
            )


def _delay(entries: list[Entry]) -> float:
    """How far p90 lies above undisturbed runs, as a rule: how busy the machine was."""
    delays = [
        record.result["p90_ms"] / float(np.median(record.result["round_p10_ms"])) - 1
        for entry in entries
        for record in entry.latency.values()
    ]
    return float(np.median(delays)) if delays else 0.0


def _nme(entry: Entry) -> float:
    result = entry.accuracy_result()
    return float(result["nme_percent"]) if result else float("inf")


def _both(entry: Entry) -> str:
    result = entry.result("network")
    return f"{result['p50_ms']:.2f} ms, NME {_nme(entry):.2f} %" if result else ""


def _count(threads: int) -> str:
    return "one thread" if threads == 1 else f"{threads} threads"
