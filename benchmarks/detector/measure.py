"""Recall, false detections and time of the face detector, beside those of YuNet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sdfl.benchmarks.progress import StartBar, silent, wrapped
from sdfl.datasets import Sample, find_samples, load_labelled
from sdfl.datasets.faceless import faceless_crops, faceless_split
from sdfl.detector_evaluation import false_scores, labelled_scores, pasted_scores, share_above
from sdfl.runtime.backends.openvino.library import load_openvino
from sdfl.runtime.detector.network import FACES, NetworkDetector
from sdfl.runtime.detector.yunet import YuNetDetector
from sdfl.types import Detector, FloatArray

SIZES_PX = (20, 40, 80, 160)
LOWEST = 0.02  # score that detectors are asked for, so that thresholds can be compared afterwards
YUNET_THRESHOLD = 0.6
SPEED_PX = (256, 320)  # height, width
WARMUP = 10
OWN, YUNET_CV = "sdfl", "YuNet in OpenCV"
OWN_NETWORK, YUNET_NETWORK = "sdfl, network alone", "YuNet in OpenVINO, network alone"
PAIRS = ((OWN, YUNET_CV), (OWN_NETWORK, YUNET_NETWORK))


@dataclass(frozen=True)
class DetectorResult:
    """What one detector finds, in percent at `threshold`.

    Attributes:
        recall_by_size_percent: of pasted faces, by the longer side of the face in px.
        false_percent: share of the crops without a face in which a face is detected.
        recall_elsewhere_percent: on further labelled pictures, by their name.
    """

    name: str
    threshold: float
    recall_helen_test_percent: float
    recall_ytf_percent: float
    recall_by_size_percent: dict[int, float]
    false_percent: float
    recall_elsewhere_percent: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class DetectorStudy:
    """All results of the study.

    Attributes:
        detectors: sdfl's, then YuNet where it was given.
        times_ms: what was timed -> p10, p50 and p90 of the CPU time of a picture.
    """

    detectors: tuple[DetectorResult, ...]
    times_ms: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def study(
    data: Path,
    *,
    model: Path = FACES,
    yunet: Path | None = None,
    also: Sequence[Path] = (),
    rounds: int = 300,
    start_bar: StartBar = silent,
) -> DetectorStudy:
    """Measure the detector.

    Args:
        data: folder that holds 300w/helen and ytf.
        model: a detector of this project, .onnx.
        yunet: a YuNet .onnx file; None leaves it and all times out.
        also: folders or lists of further labelled pictures, see `load_labelled`.
        rounds: pictures that each is timed on.
        start_bar: for progress.

    Raises:
        DataError: pictures are missing.
    """
    own, more = NetworkDetector(model, threshold=LOWEST), {str(path): load_labelled(path) for path in also}
    results = [measure(own.spec.name, own, own.spec.threshold, data, more, start_bar)]
    if yunet is None:
        return DetectorStudy(tuple(results))
    results.append(measure("YuNet", YuNetDetector(yunet, threshold=LOWEST), YUNET_THRESHOLD, data, more, start_bar))
    return DetectorStudy(tuple(results), speed(model, yunet, rounds))


def measure(
    name: str,
    detector: Detector,
    threshold: float,
    data: Path,
    more: Mapping[str, Sequence[Sample]] = MappingProxyType({}),
    start_bar: StartBar = silent,
) -> DetectorResult:
    """Measure one detector.

    Args:
        name: for the table and the progress.
        detector: answers with scores far below `threshold` as well.
        threshold: from which score on a box counts.
        data: folder that holds 300w/helen and ytf.
        more: further labelled pictures, by name.
        start_bar: for progress.
    """
    crops, test = faceless_crops(data, "test"), faceless_split(data, "test")
    ytf = find_samples(data / "ytf", "ibug68")

    def percent(scores: FloatArray) -> float:
        return round(100 * share_above(scores, threshold), 2)

    def recall(samples: Sequence[Sample], place: str) -> float:
        return percent(labelled_scores(detector, samples, wrapped(start_bar, f"{name}: {place}")))

    by_size = {
        px: percent(pasted_scores(detector, test, crops, px, wrapped(start_bar, f"{name}: {px} px"))) for px in SIZES_PX
    }
    return DetectorResult(
        name,
        threshold,
        recall(test, "HELEN test"),
        recall(ytf, "YTF"),
        by_size,
        percent(false_scores(detector, crops, wrapped(start_bar, f"{name}: no face"))),
        {place: recall(samples, place) for place, samples in more.items()},
    )


def speed(model: Path, yunet: Path, rounds: int) -> dict[str, tuple[float, float, float]]:
    """CPU time of a picture of 320 x 256 px on one thread, taken in turns.

    Args:
        model: a detector of this project, .onnx.
        yunet: a YuNet .onnx file; it runs in OpenCV and in OpenVINO.
        rounds: pictures for each.

    Returns:
        What was timed -> p10, p50 and p90 in ms.
    """
    picture = np.random.default_rng(0).integers(0, 256, (*SPEED_PX, 3), dtype=np.uint8)
    own, cv = NetworkDetector(model, threads=1), YuNetDetector(yunet, threads=1)
    forms = {
        OWN: lambda: own.detect(picture),
        YUNET_CV: lambda: cv.detect(picture),
        OWN_NETWORK: _in_openvino(model, picture[None]),
        YUNET_NETWORK: _in_openvino(yunet, picture.transpose(2, 0, 1)[None].astype(np.float32)),
    }
    times_ms: dict[str, list[float]] = {name: [] for name in forms}
    for index in range(WARMUP + rounds):
        for name, run in forms.items():
            start_s = time.process_time()
            run()
            if index >= WARMUP:
                times_ms[name].append((time.process_time() - start_s) * 1000)
    return {name: _percentiles(values) for name, values in times_ms.items()}


def _percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = (round(float(value), 3) for value in np.percentile(values, (10, 50, 90)))
    return low, middle, high


def _in_openvino(path: Path, pixels: npt.NDArray[np.generic]) -> Callable[[], object]:
    openvino = load_openvino()

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(list(pixels.shape))
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}
    request = core.compile_model(model, "CPU", config).create_infer_request()
    return lambda: request.infer({0: pixels}, share_inputs=True)


def as_markdown(result: DetectorStudy) -> str:
    """A table of the detectors, then one line for each time and ratio of times."""
    detectors, times_ms = result.detectors, result.times_ms
    lines = ["| | " + " | ".join(f"{each.name} at {each.threshold:.2f}" for each in detectors) + " |"]
    lines.append("|---" * (len(detectors) + 1) + "|")
    rows: dict[str, list[float]] = {
        "recall on HELEN test, %": [each.recall_helen_test_percent for each in detectors],
        "recall on YTF, %": [each.recall_ytf_percent for each in detectors],
        **{f"recall at {px} px, %": [each.recall_by_size_percent[px] for each in detectors] for px in SIZES_PX},
        **{
            f"recall on {place}, %": [each.recall_elsewhere_percent[place] for each in detectors]
            for place in detectors[0].recall_elsewhere_percent
        },
        "false detections, %": [each.false_percent for each in detectors],
    }
    lines += [f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |" for name, row in rows.items()]
    for name, (low, middle, high) in times_ms.items():
        lines.append(f"{name}: p10 {low:.2f}, p50 {middle:.2f}, p90 {high:.2f} ms of CPU time")
    lines += [f"{own} / {other}: {times_ms[own][1] / times_ms[other][1]:.2f}" for own, other in PAIRS if times_ms]
    return "\n".join(lines)
