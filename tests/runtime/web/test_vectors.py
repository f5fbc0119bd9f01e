"""The browser's library beside Python: the same crops, canvases, boxes, regions, smoothed points, poses and matches."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sdfl.artifacts.detector_spec import read_detector_spec
from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.geometry import box_iou, crop_affine, cut_crop, evaluation_affine, landmark_box
from sdfl.layouts import LAYOUTS
from sdfl.pose import RIGID, VIEW_DISTANCE, head_pose, openness
from sdfl.runtime.detector import network as detector_network
from sdfl.runtime.detector.canvas import lay_out
from sdfl.runtime.tracking.assignment import assign, distance
from sdfl.runtime.tracking.observation import Observation
from sdfl.runtime.tracking.region import region_of_landmarks
from sdfl.runtime.tracking.smoothing import Smoother
from sdfl.runtime.tracking.track import FaceTrack
from sdfl.runtime.zoo import zoo_models
from sdfl.types import FloatArray, Image, Landmarks

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs node, which runs the browser's library")
PROGRAM = Path(__file__).with_name("compute.mjs")
SPEC = read_spec(zoo_models()["small"])
AS_JSON = {"name": SPEC.name, "layout": SPEC.layout, "inputSize": SPEC.input_size, "cropScale": SPEC.crop_scale}


def in_javascript(tmp_path: Path, asked: list[tuple[str, list[Any]]]) -> list[Any]:
    """The results of functions of compute.mjs, each with its arguments."""
    (tmp_path / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    words = [str(NODE), str(PROGRAM), str(tmp_path / "asked.json"), str(tmp_path / "answered.json")]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads((tmp_path / "answered.json").read_text(encoding="utf-8"))
    for result in results:
        assert not (isinstance(result, dict) and "error" in result), result
    return results


def as_rgba(image: Image) -> dict[str, Any]:
    rgba = cv2.cvtColor(image, cv2.COLOR_BGR2RGBA)
    return {"data": base64.b64encode(rgba.tobytes()).decode(), "width": image.shape[1], "height": image.shape[0]}


def bytes_of(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), np.uint8)


def textured(width: int, height: int, seed: int = 0) -> Image:
    """A picture with detail of every size, so that any shift shows."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.asarray(cv2.normalize(smooth, np.empty_like(smooth), 0, 255, cv2.NORM_MINMAX) // 2 + noise // 2, np.uint8)


def face_points(rng: np.random.Generator, size: float = 120, angle_deg: float = 0.0) -> FloatArray:
    """68 points of a generic face, moved, turned and disturbed."""
    layout = LAYOUTS["ibug68"]
    points = rng.normal(0, 0.25, (68, 2))
    points[list(layout.rigid)] = RIGID[:, :2] * (VIEW_DISTANCE / (VIEW_DISTANCE + RIGID[:, 2:]))
    turn = np.deg2rad(angle_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.asarray(points @ rotation.T * size + rng.uniform(200, 400, 2), np.float32)


@pytest.mark.parametrize(
    ("frame", "centre", "side", "angle"),
    [
        pytest.param((640, 480), (320, 240), 200, 0, id="upright"),
        pytest.param((640, 480), (320.3, 240.7), 100, 17.3, id="enlarged and turned"),
        pytest.param((640, 480), (30, 240), 180, -9, id="beyond the left border"),
        pytest.param((640, 480), (625, 460), 250, 33, id="beyond the lower right corner"),
        pytest.param((640, 480), (-300, -300), 90, 5, id="beside the picture"),
        pytest.param((1280, 720), (640, 360), 400, 12, id="averaged by 3"),
        pytest.param((1920, 1080), (1000, 500), 900, -40, id="averaged by 7, taller than the picture"),
        pytest.param((301, 203), (150, 100), 700, 3, id="larger than the picture"),
        pytest.param((5, 3), (2, 1), 300, 0, id="a tiny picture"),
    ],
)
def test_crops_have_the_same_pixels(
    frame: tuple[int, int], centre: tuple[float, float], side: float, angle: float, tmp_path: Path
) -> None:
    image = textured(*frame)
    affine = crop_affine(centre, side, 128, angle_deg=angle)
    [result] = in_javascript(tmp_path, [("crop", [as_rgba(image), affine.ravel().tolist(), 128])])
    wanted = cut_crop(image, affine, 128).image
    off = np.abs(bytes_of(result).reshape(wanted.shape).astype(int) - wanted)
    assert off.max() <= 1, "sums of float32 may round the other way where areas are no whole pixels"
    assert np.mean(off > 0) < 0.002


@pytest.mark.parametrize(
    "size",
    [(640, 480), (480, 640), (1280, 720), (1920, 1080), (848, 480), (333, 1000), (320, 180), (100, 80), (1, 1)],
    ids="{0[0]} x {0[1]}".format,
)
def test_the_detectors_canvas_is_the_same(size: tuple[int, int], tmp_path: Path) -> None:
    image = textured(*size)
    wanted = lay_out(image)
    [result] = in_javascript(tmp_path, [("canvas", [as_rgba(image)])])
    assert (result["height"], result["width"]) == wanted.image.shape[:2]
    assert (result["scaleX"], result["scaleY"]) == pytest.approx((wanted.scale_x, wanted.scale_y))
    off = np.abs(bytes_of(result["data"]).reshape(wanted.image.shape).astype(int) - wanted.image)
    assert off.max() <= 1, "sums of float32 may round the other way"
    assert np.mean(off > 0) < 0.002


def test_decoded_boxes_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    image = textured(900, 700)
    canvas = lay_out(image)
    height, width = canvas.image.shape[:2]
    centres, _ = detector_network.cell_grid(height, width)
    cells = rng.normal(0, 1, (len(centres), 15)).astype(np.float32)
    detector = detector_network.NetworkDetector(threshold=0.7)

    class Drawn:
        def run(self, _: Image) -> dict[str, FloatArray]:
            return {"cells": cells[None]}

    monkeypatch.setattr(detector, "_network", Drawn())
    wanted = detector.detect(image)
    arguments = [cells.ravel().tolist(), width, height, 0.7, canvas.scale_x, canvas.scale_y]
    [result] = in_javascript(tmp_path, [("decode", arguments)])
    assert len(wanted) > 20
    assert [box["score"] for box in result] == pytest.approx([box.score for box in wanted], abs=1e-6)
    np.testing.assert_allclose([box["xyxy"] for box in result], [box.xyxy for box in wanted], atol=0.01)


def test_regions_are_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    faces = [face_points(rng, size, angle) for size, angle in [(40, 0), (120, 25), (300, -80), (90, 179)]]
    asked: list[tuple[str, list[Any]]] = [("region", [face.ravel().tolist(), AS_JSON]) for face in faces]
    asked += [("boxAffine", [landmark_box(face).tolist(), AS_JSON]) for face in faces]
    wanted = [region_of_landmarks(Landmarks(face, "ibug68"), SPEC) for face in faces]
    wanted += [evaluation_affine(landmark_box(face), SPEC.input_size, SPEC.crop_scale) for face in faces]
    results = in_javascript(tmp_path, asked)
    np.testing.assert_allclose(results, [affine.ravel() for affine in wanted], atol=1e-4)


def test_smoothed_points_are_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    face, frames, now = face_points(rng), [], 0.0
    for index in range(120):
        now += [1 / 30, 1 / 15, 0.0, 0.7][0 if index % 40 else index // 40]  # drops, a repeated time and a long gap
        move = np.array([40 * np.sin(index / 9), 3 * index * (index % 50 > 40)])
        points = np.asarray(face * (1 + 0.1 * np.sin(index / 20)) + move + rng.normal(0, 0.4, face.shape), np.float32)
        frames.append((points, rng.uniform(0.2, 5, 68).astype(np.float32), now))
    smoother = Smoother()
    wanted = [smoother.update(*frame).ravel() for frame in frames]
    as_json = [{"points": p.ravel().tolist(), "spread": s.tolist(), "now": t} for p, s, t in frames]
    [result] = in_javascript(tmp_path, [("smooth", [as_json])])
    np.testing.assert_allclose(result, wanted, atol=0.001)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_poses_and_openness_are_the_same(layout: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    table = LAYOUTS[layout]
    faces = []
    for yaw, pitch, roll in [(0, 0, 0), (35, -20, 10), (-70, 15, -30), (10, 40, 100), (80, 5, 0)]:
        points = rng.uniform(100, 300, (table.num_points, 2)).astype(np.float32)
        if table.rigid:
            turn = np.asarray(cv2.Rodrigues(np.deg2rad(np.array([pitch, yaw, roll], float)))[0])
            seen = RIGID @ turn.T + [0.1, 0.05, VIEW_DISTANCE]
            points[list(table.rigid)] = 500 * seen[:, :2] / seen[:, 2:] + 200 + rng.normal(0, 0.3, (11, 2))
        faces.append(points)
    arguments = [[face.ravel().tolist(), layout] for face in faces]
    results = in_javascript(tmp_path, [(name, each) for name in ("pose", "openness") for each in arguments])
    poses = [[*vars(head_pose(Landmarks(face, layout))).values()] for face in faces]
    ratios = [[*vars(openness(Landmarks(face, layout))).values()] for face in faces]
    assert np.isnan(poses).all() == (not table.rigid)
    found = np.array([[np.nan if v is None else v for v in each.values()] for each in results])  # JSON has no NaN
    np.testing.assert_allclose(found[: len(faces)], poses, atol=0.01)  # degrees
    np.testing.assert_allclose(found[len(faces) :], ratios, atol=1e-5)


def test_matches_are_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    asked, wanted = [], []
    for _ in range(100):
        corners = rng.uniform(0, 80, (2, 6, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(40, 90, (2, 6, 1))], axis=2).astype(np.float32)
        known, seen = [*boxes[0][: rng.integers(0, 6)]], [*boxes[1][: rng.integers(0, 6)]]
        penalty = [0.2 * int(rng.integers(2)) for _ in known]
        wanted.append(assign(known, seen, 0.8, penalty))
        asked.append(("assign", [[k.tolist() for k in known], [s.tolist() for s in seen], 0.8, penalty]))
    results = in_javascript(tmp_path, asked)
    assert [dict(map(tuple, result)) for result in results] == wanted
    assert sum(map(len, wanted)) > 50
    a, b = boxes[0][0], boxes[1][0]
    [apart] = in_javascript(tmp_path, [("distance", [a.tolist(), b.tolist()])])
    assert apart == pytest.approx(distance(a, b))
    assert box_iou(a, a) == 1


def test_faces_are_expected_in_the_same_places(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    track, steps, wanted, now = None, [], [], 0.0
    for index in range(30):
        now += float(rng.choice([1 / 30, 0.2, 1.0]))
        points = face_points(rng)
        seen = Observation(Landmarks(points, "ibug68"), 1.0, np.ones(68, np.float32), landmark_box(points))
        contested = index % 7 == 3
        if track is not None:
            landmarks, box = track.expected(now)
            wanted.append(np.concatenate([landmarks.points.ravel(), box]))
        track = track.seen(seen, now, contested=contested) if track else FaceTrack(1, seen, now)
        where = {"points": points.ravel().tolist(), "box": seen.box.tolist()}
        steps.append({**where, "now": now, "contested": contested})
    [result] = in_javascript(tmp_path, [("expected", [steps])])
    np.testing.assert_allclose([each["points"] + each["box"] for each in result[1:]], wanted, atol=0.01)


def test_layouts_and_what_files_say_are_the_same(tmp_path: Path) -> None:
    models = {**zoo_models()}
    asked: list[tuple[str, list[Any]]] = [("spec", [str(path)]) for path in models.values()]
    detector = detector_network.FACES
    layouts, threshold, *specs = in_javascript(tmp_path, [("layouts", []), ("threshold", [str(detector)]), *asked])
    assert threshold == read_detector_spec(detector).threshold
    for path, spec in zip(models.values(), specs, strict=True):
        read = read_spec(path)
        wanted = {"name": read.name, "layout": read.layout}
        assert spec == wanted | {"inputSize": read.input_size, "cropScale": read.crop_scale}
    for name, layout in LAYOUTS.items():
        lids = [*layout.eyelids, layout.inner_lips] if layout.eyelids else []
        assert layouts[name] == json.loads(
            json.dumps(
                {
                    "numPoints": layout.num_points,
                    "eyeCorners": layout.eye_corners,
                    "curves": layout.curves,
                    "regions": layout.regions,
                    "rigid": layout.rigid,
                    "lids": lids,
                }
            )
        )
