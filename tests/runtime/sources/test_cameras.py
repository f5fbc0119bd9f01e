"""What a camera is asked for, which ones there are, and the mirror."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sdfl.cli import app
from sdfl.errors import ConfigError
from sdfl.runtime.sources import MemorySource, capture
from sdfl.runtime.sources.capture import CameraMode
from sdfl.runtime.sources.mirror import MirrorSource


@pytest.mark.parametrize(
    ("resolution", "fps", "message"),
    [
        pytest.param("720p", None, "--resolution must be WIDTHxHEIGHT", id="a name"),
        pytest.param("1280", None, "got '1280'", id="no height"),
        pytest.param("0x720", None, "got '0x720'", id="no width"),
        pytest.param("-1280x720", None, "got '-1280x720'", id="negative"),
        pytest.param(None, 0.0, "--fps must lie in 1..1000, got 0", id="standing still"),
        pytest.param(None, float("nan"), "--fps must lie in 1..1000, got nan", id="not a number"),
    ],
)
def test_a_wrong_mode_is_one_line(resolution: str | None, fps: float | None, message: str) -> None:
    with pytest.raises(ConfigError) as failure:
        CameraMode.parse(resolution, fps, mjpg=False)
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)


@given(st.integers(10, 99_999), st.integers(10, 99_999), st.sampled_from("x×X"), st.sampled_from(["", " ", "\t"]))
def test_every_resolution_of_two_numbers_is_read(width: int, height: int, sign: str, space: str) -> None:
    mode = CameraMode.parse(f"{space}{width}{sign}{height}{space}", None, mjpg=False)
    assert (mode.width, mode.height) == (width, height)


@given(st.text() | st.from_regex(r"\d+x\d+"), st.floats() | st.none())
def test_any_text_is_a_mode_or_one_sentence(resolution: str, fps: float | None) -> None:
    try:
        mode = CameraMode.parse(resolution, fps, mjpg=False)
    except ConfigError:
        return
    assert mode.width is not None
    assert mode.height is not None
    assert min(mode.width, mode.height) >= 10
    assert max(mode.width, mode.height) <= 99_999
    assert mode.fps is None or 1 <= mode.fps <= 1000


class AskedCapture:
    """A reader that remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: dict[int, float] = {}

    def set(self, key: int, value: float) -> bool:
        self.asked[key] = value
        return True

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return True

    def read(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((4, 4, 3), np.uint8)


def test_the_camera_is_asked_for_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = AskedCapture()
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: asked)
    opened: object = capture.open_device(0, CameraMode.parse("1280x720", 60, mjpg=True))
    assert opened is asked
    keys = list(asked.asked)
    assert (asked.asked[cv2.CAP_PROP_FRAME_WIDTH], asked.asked[cv2.CAP_PROP_FRAME_HEIGHT]) == (1280, 720)
    assert asked.asked[cv2.CAP_PROP_FPS] == 60
    assert asked.asked[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    # a driver picks the size among those of the pixel format
    assert keys.index(cv2.CAP_PROP_FOURCC) < keys.index(cv2.CAP_PROP_FRAME_WIDTH)


@pytest.mark.parametrize(
    ("indices", "printed"),
    [
        pytest.param([], "no camera found\n", id="none"),
        pytest.param([0, 2], "0  Front camera\n2\n", id="one with a name and one without"),
    ],
)
def test_cameras_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, indices: list[int], printed: str) -> None:
    (tmp_path / "video0").mkdir()
    (tmp_path / "video0" / "name").write_text("Front camera\n")
    monkeypatch.setattr(capture, "NAMES", tmp_path)
    monkeypatch.setattr(capture, "camera_indices", lambda: indices)
    result = CliRunner().invoke(app, ["demo", "--list-cameras"])
    assert (result.exit_code, result.stdout) == (0, printed)


def test_a_mirror_exchanges_left_and_right_and_nothing_else() -> None:
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    source = MemorySource([picture, picture], fps=20)
    plain, mirrored = list(source), list(MirrorSource(source))
    for before, after in zip(plain, mirrored, strict=True):
        np.testing.assert_array_equal(after.image, before.image[:, ::-1])
        assert (after.index, after.timestamp_s) == (before.index, before.timestamp_s)


@pytest.mark.parametrize("at_top", [True, False], ids=["OpenCV 4.10 to 4.12", "before and after"])
def test_opencv_is_silenced_in_every_version(at_top: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENCV_LOG_LEVEL", raising=False)
    levels: list[int] = []
    fake = SimpleNamespace(setLogLevel=levels.append) if at_top else SimpleNamespace(
        utils=SimpleNamespace(logging=SimpleNamespace(setLogLevel=levels.append))
    )  # fmt: skip
    monkeypatch.setattr(capture, "cv2", fake)
    capture.quiet_opencv()
    assert levels == [0]
