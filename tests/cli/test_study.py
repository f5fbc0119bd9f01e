"""The studies as verbs, on generated faces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from faces import write_faces
from toy_face import scene, truth
from typer.testing import CliRunner

from sdfl.benchmarks.detector import measure
from sdfl.benchmarks.studies import smoothing
from sdfl.benchmarks.video.clips import Still, plan_clip
from sdfl.cli import app
from sdfl.datasets import Sample, find_samples
from sdfl.errors import ConfigError
from sdfl.geometry import landmark_box, transform_points

pytestmark = pytest.mark.slow

PLACE = (160, 120, 60)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["study", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return find_samples(write_faces(tmp_path_factory.mktemp("faces"), 6))


def recordings() -> Iterator[smoothing.Recording]:
    """What a network with a little noise would see in every scene."""
    rng = np.random.default_rng(0)
    for name in smoothing.SCENES:
        clip = plan_clip(name, Still(scene(PLACE), landmark_box(truth(*PLACE))), Path("unwritten"))
        points = [transform_points(clip.place(0, frame), truth(*PLACE)) for frame in range(clip.num_frames)]
        noisy = [each + rng.normal(0, 0.3, each.shape).astype(np.float32) for each in points]
        yield smoothing.Recording(clip, noisy, [np.full(68, 1.0, np.float32)] * clip.num_frames)


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch, samples: list[Sample]) -> None:
    monkeypatch.setattr(smoothing, "FaceLandmarker", lambda *_, **__: nullcontext())
    monkeypatch.setattr(smoothing, "find_samples", lambda _: samples)
    monkeypatch.setattr(smoothing, "labelled_stills", lambda *_: [])
    monkeypatch.setattr(smoothing, "record", lambda *_: recordings())
    few = [pair for pair in smoothing.settings() if pair[0] in ("unsmoothed", "cutoffs x 0.1", "cutoffs x 1")]
    monkeypatch.setattr(smoothing, "settings", lambda: few)


@pytest.mark.usefixtures("tracked")
def test_smoothing_prints_a_table_of_all_settings_and_draws_them(tmp_path: Path) -> None:
    pytest.importorskip("altair", reason="altair is not installed")
    pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    text = run("smoothing", "--data", "faces", "--plot", str(tmp_path / "curve.svg"))
    head, _, *rows = text.splitlines()
    assert head.startswith("| | jitter % | rms % |")
    jitter = {row.split(" | ")[0].strip("| "): float(row.split(" | ")[1]) for row in rows}
    assert jitter["cutoffs x 0.1"] < jitter["cutoffs x 1"] < jitter["unsmoothed"]
    assert "lag, ms" in (tmp_path / "curve.svg").read_text()


@pytest.mark.usefixtures("tracked")
def test_smoothing_prints_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoothing, "settings", lambda: [("unsmoothed", None)])
    result = json.loads(run("smoothing", "--data", "faces", "--json"))
    assert {"jitter_percent", "lag_ms", "blink_depth"} <= set(result["unsmoothed"])


def test_a_chart_of_another_kind_is_refused_before_anything_is_measured() -> None:
    with pytest.raises(ConfigError, match=r"--plot x\.jpg: the name must end in \.png or \.svg"):
        run("smoothing", "--data", "faces", "--plot", "x.jpg")


def test_the_detector_is_measured(monkeypatch: pytest.MonkeyPatch, samples: list[Sample]) -> None:
    grey = [np.full((80, 90, 3), 90, np.uint8)] * len(samples)
    monkeypatch.setattr(measure, "faceless_crops", lambda *_: grey)
    monkeypatch.setattr(measure, "faceless_split", lambda *_: samples)
    monkeypatch.setattr(measure, "find_samples", lambda *_: samples)
    assert "| false detections, % | 0.00 |" in run("detector", "--data", "faces")
    result = json.loads(run("detector", "--data", "faces", "--json"))
    assert set(result["detectors"][0]["recall_by_size_percent"]) == {"20", "40", "80", "160"}
    assert result["times_ms"] == {}


def test_the_detector_is_measured_on_further_pictures(
    monkeypatch: pytest.MonkeyPatch, samples: list[Sample], face_root: Path
) -> None:
    monkeypatch.setattr(measure, "faceless_crops", lambda *_: [np.full((80, 90, 3), 90, np.uint8)])
    monkeypatch.setattr(measure, "faceless_split", lambda *_: samples)
    monkeypatch.setattr(measure, "find_samples", lambda *_: samples)
    place = str(face_root / "train")
    monkeypatch.setattr(measure, "labelled_scores", lambda _, those, *__: np.array([0.9] * len(those) + [0.0]))
    (result,) = json.loads(run("detector", "--data", "faces", "--also", place, "--json"))["detectors"]
    there = len(find_samples(face_root / "train"))
    assert result["recall_elsewhere_percent"] == {place: round(100 * there / (there + 1), 2)}
    assert f"| recall on {place}, % |" in run("detector", "--data", "faces", "--also", place)


def test_crops_without_a_face_are_drawn(monkeypatch: pytest.MonkeyPatch, samples: list[Sample], tmp_path: Path) -> None:
    faceless = pytest.importorskip("sdfl.benchmarks.detector.faceless", reason="needs the extra train")
    monkeypatch.setattr(faceless, "faceless_split", lambda *_: samples)
    monkeypatch.setattr(faceless, "further_faces", lambda them, *_: [np.zeros((0, 4), np.float32)] * len(them))
    monkeypatch.setattr(faceless, "COUNT", 4)
    monkeypatch.setattr(faceless, "LEAST_PX", 8)
    out = tmp_path / "list.json"
    assert run("faceless", "--data", "faces", "--yunet", "yunet.onnx", "-o", str(out)) == f"{out}: written\n"
    table = json.loads(out.read_text())
    assert set(table) == {"validation", "test"}
    names = {sample.image_path.name for sample in samples}
    assert all(len(rows) == 4 and {row[0] for row in rows} <= names for rows in table.values())


def test_an_unknown_study_is_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["study", "nothing"]).exit_code == 2
