"""The programs in examples/ run, and do what they say."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import faces
import numpy as np
import pytest

from sdfl.runtime.sources.sample import astronaut
from sdfl.types import Box, Face, Frame, Landmarks

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted(EXAMPLES.glob("*.py"))
LONGEST = 64


def load(name: str) -> ModuleType:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Scripted:
    """A landmarker that sees what a test wrote down, 30 frames a second."""

    def __init__(self, shapes: list[np.ndarray]) -> None:
        self.shapes = shapes

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def track(self, _: object) -> Iterator[tuple[Frame, list[Face]]]:
        for index, shape in enumerate(self.shapes):
            landmarks = Landmarks(shape.astype(np.float32), "ibug68")
            face = Face(1, Box(np.zeros(4, np.float32)), landmarks, 1.0, index)
            yield Frame(np.zeros((4, 4, 3), np.uint8), index, index / 30), [face]


def shape(*, eyes_open: bool = True, mouth_open: bool = False, turned_deg: float = 0.0) -> np.ndarray:
    """(68, 2) px of a face 200 px wide."""
    points = faces.template() * 100 + 200
    for pair in ((37, 41), (38, 40), (43, 47), (44, 46)):
        middle = points[list(pair)].mean(axis=0)
        half = np.array([0, 6.0 if eyes_open else 0.5])
        points[pair[0]], points[pair[1]] = middle - half, middle + half
    width = abs(points[64, 0] - points[60, 0])
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        points[lower] = points[upper] + np.array([0, (0.9 if mouth_open else 0.05) * width])
    points[27:36, 0] += np.tan(np.radians(turned_deg)) * 60
    return points


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_an_example_fits_on_a_page(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_there_are_five() -> None:
    assert [path.stem for path in PROGRAMS] == ["blinks", "folder_to_csv", "head_pose_keys", "own_parts", "web_api"]


def test_blinks_and_yawns_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("blinks")
    calm, shut, wide = shape(), shape(eyes_open=False), shape(mouth_open=True)
    clip = [calm] * 10 + [shut] * 4 + [calm] * 10 + [shut] * 3 + [calm] * 5 + [wide] * 60 + [calm] * 5
    monkeypatch.setattr(example, "FaceLandmarker", lambda: Scripted(clip))
    example.main("0")
    lines = [line.split(maxsplit=2)[-1] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["blink 1", "blink 2", "yawn", "blinks"]


def test_a_turned_head_presses_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("head_pose_keys")
    clip = [shape()] * 5 + [shape(turned_deg=20)] * 5 + [shape()] * 5 + [shape(mouth_open=True)] * 5 + [shape()] * 5
    monkeypatch.setattr(example, "FaceLandmarker", lambda: Scripted(clip))
    example.main("0")
    events = [line.split(maxsplit=2)[-1] for line in capsys.readouterr().out.splitlines()]
    assert events == ["press left", "release left", "press space", "release space"]


def test_a_folder_becomes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    image = astronaut()
    cv2.imwrite(str(pictures / "a.png"), image)
    cv2.imwrite(str(pictures / "b.png"), np.hstack([image, image[:, ::-1]]))
    (pictures / "c.jpg").write_bytes(b"no picture")
    load("folder_to_csv").main(pictures, tmp_path / "faces.csv")
    with (tmp_path / "faces.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["a.png", "b.png", "b.png"]
    assert max(len(row[name].partition(".")[2]) for row in rows for name in row if name != "picture") <= 2, "digits"
    assert abs(float(rows[1]["left"]) - float(rows[2]["left"])) > 30, "the second picture holds the face twice"
    assert "c.jpg" in capsys.readouterr().err


def test_own_parts_find_the_face(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "portrait.png"), astronaut()[30:210, 140:310])
    load("own_parts").main(str(tmp_path / "portrait.png"))
    face, time_line = capsys.readouterr().out.splitlines()
    assert face.startswith("Face(id=1, box=[")
    assert time_line.startswith("the network took ")


def test_the_web_api_answers(tmp_path: Path) -> None:
    client_of: Any = pytest.importorskip("starlette.testclient", reason="needs httpx").TestClient
    from sdfl import FaceLandmarker

    with FaceLandmarker("nano", max_faces=20) as landmarker:
        client = client_of(load("web_api").make_app(landmarker))
        picture = cv2.imencode(".jpg", astronaut())[1].tobytes()
        (face,) = client.post("/faces", content=picture).json()["faces"]
        assert len(face["points"]) == 68
        answer = client.post("/faces", content=b"no picture")
        assert answer.status_code == 400
        assert answer.json() == {"error": "image: is not a picture that can be decoded; replace or remove it"}
        huge = cv2.imencode(".png", np.zeros((5000, 5000), np.uint8))[1].tobytes()
        assert "5000 x 5000" in client.post("/faces", content=huge).json()["error"]
        assert client.post("/faces", content=bytes(9 << 20)).status_code == 413


@pytest.mark.parametrize("name", ["blinks", "folder_to_csv", "head_pose_keys", "own_parts"])
def test_a_missing_input_is_one_line(name: str, tmp_path: Path) -> None:
    missing = [str(tmp_path / "missing"), *([str(tmp_path / "faces.csv")] if name == "folder_to_csv" else [])]
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *missing], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "missing" in line
    assert list(tmp_path.iterdir()) == []


def test_an_example_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "folder_to_csv.py"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "python examples/folder_to_csv.py pictures/ faces.csv" in done.stderr
