"""The face detector in figures, beside YuNet where its file is at hand.

    python -m sdfl.benchmarks.detector.figures --data DIR [--yunet FILE] [--model FILE] [--json FILE]

It prints recall, false detections and time. DIR is a folder with 300w/ and ytf/.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sdfl.datasets import find_samples
from sdfl.datasets.faceless import faceless_crops, faceless_split
from sdfl.detector_evaluation import false_scores, labelled_scores, pasted_scores, share_above
from sdfl.files import atomic_path
from sdfl.runtime.detector.network import FACES, NetworkDetector
from sdfl.runtime.detector.yunet import YuNetDetector
from sdfl.types import Detector, FloatArray

SIZES_PX = (20, 40, 80, 160)
LOWEST = 0.02  # score that detectors are asked for, so that thresholds can be compared afterwards
YUNET_THRESHOLD = 0.6
SPEED_PX = (256, 320)
WARMUP = 10
PAIRS = (("own", "YuNet in OpenCV"), ("own, network alone", "YuNet in OpenVINO, network alone"))


@dataclass(frozen=True)
class Figures:
    """Percentages at `threshold`. recall_by_size_percent: of pasted faces, by the longer side of the face in px."""

    name: str
    threshold: float
    recall_helen_test_percent: float
    recall_ytf_percent: float
    recall_by_size_percent: dict[int, float]
    false_percent: float


def measure(name: str, detector: Detector, threshold: float, data: Path) -> Figures:
    """`detector` answers from a lower score than `threshold` on."""
    crops, test = faceless_crops(data, "test"), faceless_split(data, "test")
    ytf = find_samples(data / "ytf", "ibug68")

    def percent(scores: FloatArray) -> float:
        return round(100 * share_above(scores, threshold), 2)

    by_size = {px: percent(pasted_scores(detector, test, crops, px, _bar(f"{name}: {px} px"))) for px in SIZES_PX}
    return Figures(
        name,
        threshold,
        percent(labelled_scores(detector, test, _bar(f"{name}: HELEN test"))),
        percent(labelled_scores(detector, ytf, _bar(f"{name}: ytf"))),
        by_size,
        percent(false_scores(detector, crops, _bar(f"{name}: no face"))),
    )


def speed(model: Path, yunet: Path, rounds: int) -> dict[str, list[float]]:
    """p10, p50 and p90 CPU ms of a picture of 320 x 256 px, one thread, in turns; YuNet in OpenCV and in OpenVINO."""
    picture = np.random.default_rng(0).integers(0, 256, (*SPEED_PX, 3), dtype=np.uint8)
    own, cv = NetworkDetector(model, threads=1), YuNetDetector(yunet, threads=1)
    forms = {
        "own": lambda: own.detect(picture),
        "YuNet in OpenCV": lambda: cv.detect(picture),
        "own, network alone": _in_openvino(model, picture[None]),
        "YuNet in OpenVINO, network alone": _in_openvino(yunet, picture.transpose(2, 0, 1)[None].astype(np.float32)),
    }
    times_ms: dict[str, list[float]] = {name: [] for name in forms}
    for index in range(WARMUP + rounds):
        for name, run in forms.items():
            start_s = time.process_time()
            run()
            if index >= WARMUP:
                times_ms[name].append((time.process_time() - start_s) * 1000)
    return {
        name: [round(float(value), 3) for value in np.percentile(ms, (10, 50, 90))] for name, ms in times_ms.items()
    }


def _in_openvino(path: Path, pixels: npt.NDArray[np.generic]) -> Callable[[], object]:
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(list(pixels.shape))
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}
    request = core.compile_model(model, "CPU", config).create_infer_request()
    return lambda: request.infer({0: pixels}, share_inputs=True)


def _table(figures: Sequence[Figures], times_ms: dict[str, list[float]]) -> str:
    lines = ["| | " + " | ".join(f"{each.name} at {each.threshold:.2f}" for each in figures) + " |"]
    lines.append("|---" * (len(figures) + 1) + "|")
    rows: dict[str, Callable[[Figures], float]] = {
        "recall HELEN test, %": lambda each: each.recall_helen_test_percent,
        "recall ytf, %": lambda each: each.recall_ytf_percent,
        **{f"recall at {px} px, %": lambda each, px=px: each.recall_by_size_percent[px] for px in SIZES_PX},  # type: ignore[misc]
        "false detections, %": lambda each: each.false_percent,
    }
    lines += [f"| {name} | " + " | ".join(f"{row(each):.2f}" for each in figures) + " |" for name, row in rows.items()]
    for name, (low, middle, high) in times_ms.items():
        lines.append(f"{name}: p10 {low:.2f}, p50 {middle:.2f}, p90 {high:.2f} CPU ms")
    lines += [f"{own} / {other}: {times_ms[own][1] / times_ms[other][1]:.2f}" for own, other in PAIRS if times_ms]
    return "\n".join(lines)


def _bar(title: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return lambda steps: track(list(steps), title, console=console, transient=True, disable=not console.is_terminal)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sdfl.benchmarks.detector.figures",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=FACES)
    parser.add_argument("--yunet", type=Path)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    own = NetworkDetector(options.model, threshold=LOWEST)
    figures = [measure(own.spec.name, own, own.spec.threshold, options.data)]
    times_ms: dict[str, list[float]] = {}
    if options.yunet:
        yunet = YuNetDetector(options.yunet, threshold=LOWEST)
        figures.append(measure("YuNet", yunet, YUNET_THRESHOLD, options.data))
        times_ms = speed(options.model, options.yunet, options.rounds)
    print(_table(figures, times_ms))
    if options.json:
        with atomic_path(options.json) as temporary:
            content = {"figures": [asdict(each) for each in figures], "times_ms": times_ms}
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
