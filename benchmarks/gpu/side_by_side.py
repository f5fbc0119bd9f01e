"""`python -m sdfl.benchmarks.gpu.side_by_side ENGINE ...`: a model's engines in turns, with and without a CUDA graph.

Prints one JSON object: times of the network through the back end, copies to and from the GPU included; where the same
precision is there in both forms, how far the plugin's points are from those of standard operators; and a Jetson's
clocks. Exits with 1 where the forms differ by more than `sdfl verify` allows an engine.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.artifacts.passport import read_passport
from sdfl.benchmarks.latency.jetson import Watch
from sdfl.convert.compare.artifact import LIMITS, distances_px
from sdfl.convert.compare.runtimes import generated_crops
from sdfl.runtime.backends.tensorrt.backend import TensorRtBackend

ROUNDS, WARMUP = 500, 30
LONGEST_S = 60.0
STANDARD, PLUGIN = "standard operators", "plugin"
GRAPH, ENQUEUED = "CUDA graph", "enqueued"


@dataclass(frozen=True, eq=False)
class Case:
    """One engine, opened in one way.

    Attributes:
        precision: that it computes in.
        form: of the graph operator, STANDARD or PLUGIN.
        launch: GRAPH or ENQUEUED.
        backend: the engine.
    """

    precision: str
    form: str
    launch: str
    backend: TensorRtBackend


def open_cases(engines: Sequence[Path]) -> list[Case]:
    """Every engine, enqueued each time and as a CUDA graph where that is possible."""
    cases = []
    for path in engines:
        passport = read_passport(path)
        form = PLUGIN if passport.plugin_sha256 else STANDARD
        for graphs in (False, True):
            backend = TensorRtBackend(path, graphs=graphs)
            if graphs and not backend.is_graph:
                backend.close()
                continue
            cases.append(Case(passport.precision, form, GRAPH if graphs else ENQUEUED, backend))
    return cases


def measure(cases: Sequence[Case], rounds: int = ROUNDS, longest_s: float = LONGEST_S) -> list[dict[str, Any]]:
    """Run every case once a round, so that whatever else slows the GPU slows all of them alike.

    Args:
        cases: of one model.
        rounds: after the warm-up.
        longest_s: no round begins later than that.

    Returns:
        One row for each case, with the percentiles of its times in ms.
    """
    crop = generated_crops(cases[0].backend.spec.input_size, 1)
    times_ms: list[list[float]] = [[] for _ in cases]
    end_s = time.monotonic() + longest_s
    for index in range(-WARMUP, rounds):
        if index > 0 and time.monotonic() > end_s:
            break
        for case, taken in zip(cases, times_ms, strict=True):
            start_s = time.perf_counter()
            case.backend.infer(crop)
            if index >= 0:
                taken.append(1000 * (time.perf_counter() - start_s))
    return [_row(case, taken) for case, taken in zip(cases, times_ms, strict=True)]


def _row(case: Case, taken: Sequence[float]) -> dict[str, Any]:
    percentiles = {f"p{part}_ms": round(float(np.percentile(taken, part)), 4) for part in (10, 50, 90, 99)}
    names = {"precision": case.precision, "form": case.form, "launch": case.launch, "rounds": len(taken)}
    return names | percentiles


def compare_forms(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """How far the plugin is from standard operators, for each precision that is there in both forms.

    Returns:
        One row for each precision, distances in px of a crop of 256 px.
    """
    crops = generated_crops(cases[0].backend.spec.input_size)
    rows = []
    for precision in dict.fromkeys(case.precision for case in cases):
        forms = {case.form: case.backend for case in cases if case.precision == precision}
        if len(forms) == 2:
            rows.append(_difference(precision, forms, crops))
    return rows


def _difference(precision: str, forms: Mapping[str, TensorRtBackend], crops: Any) -> dict[str, Any]:
    size = crops.shape[1]
    distances = distances_px(forms[STANDARD].infer(crops), forms[PLUGIN].infer(crops), size)
    found = {"mean": distances.mean(), "p99": np.percentile(distances, 99), "max": distances.max()}
    limits = LIMITS[precision][1]
    return {
        "precision": precision,
        **{f"{name}_px": round(float(value), 5) for name, value in found.items()},
        "limited": limits.statistic,
        "limit_px": limits.points_px,
        "passed": bool(found[limits.statistic] <= limits.points_px),
    }


def main(arguments: Sequence[str]) -> int:
    """Measure the engines that are named, and print the result."""
    cases = open_cases([Path(name) for name in arguments])
    watch = Watch()
    watch.start()
    try:
        times, compared = measure(cases), compare_forms(cases)
        result = {"times": times, "plugin_against_standard": compared, "state": watch.summary()}
    finally:
        for case in cases:
            case.backend.close()
    print(json.dumps(result))
    far = [row["precision"] for row in compared if not row["passed"]]
    if far:
        print(f"FAIL  plugin and standard operators differ in {', '.join(far)} by more than the limit", file=sys.stderr)
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
