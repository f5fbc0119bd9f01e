"""What a camera is asked for, which ones there are, and the mirror."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sdfl.cli import app
from sdfl.errors import ConfigError, SourceError
from sdfl.runtime.sources import SHOWING_SAMPLE, MemorySource, capture, default_source, open_source
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

    def __init__(self, *, there: bool = True, late_by: int = 0) -> None:
        self.asked: dict[int, float] = {}
        self.released = False
        self._there, self._late_by = there, late_by

    def set(self, key: int, value: float) -> bool:
        self.asked[key] = value
        return True

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return self._there

    def read(self) -> tuple[bool, np.ndarray]:
        self._late_by -= 1
        return self._late_by < 0, np.zeros((4, 4, 3), np.uint8)

    def release(self) -> None:
        self.released = True


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
    ("system", "back_end"),
    [
        pytest.param("linux", cv2.CAP_V4L2, id="Linux"),
        pytest.param("darwin", cv2.CAP_AVFOUNDATION, id="macOS"),
        pytest.param("win32", cv2.CAP_MSMF, id="Windows"),
        pytest.param("freebsd14", cv2.CAP_ANY, id="another system"),
    ],
)
def test_each_system_has_its_back_end(system: str, back_end: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened_with: list[tuple[int, ...]] = []
    monkeypatch.setattr("sys.platform", system)

    def opened(*arguments: int) -> AskedCapture:
        opened_with.append(arguments)
        return AskedCapture()

    monkeypatch.setattr(cv2, "VideoCapture", opened)
    assert capture.open_device(2) is not None
    assert opened_with == [(2, back_end)]


def test_media_foundation_starts_without_hardware_transforms() -> None:
    """They take up to minutes. OpenCV may read the variable when it is loaded, so it is set before."""
    code = "import sdfl, sys, os; print('cv2' in sys.modules, os.environ['OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS'])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True, text=True)
    assert done.stdout.split() == ["False", "0"]


@pytest.mark.parametrize(
    ("system", "late_by", "opens"),
    [
        pytest.param("darwin", 3, True, id="macOS, a few pictures late"),
        pytest.param("win32", 10_000, False, id="Windows, never"),
        pytest.param("linux", 1, False, id="V4L2 has waited already"),
    ],
)
def test_the_first_picture_is_waited_for(
    system: str, late_by: int, opens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(capture, "FIRST_READS_PAUSE_S", 0)
    asked = AskedCapture(late_by=late_by)
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: asked)
    assert (capture.open_device(0) is not None) == opens
    assert asked.released != opens


@pytest.mark.parametrize(
    ("system", "advice"),
    [
        pytest.param("darwin", "System Settings > Privacy & Security > Camera", id="macOS"),
        pytest.param("win32", "Settings > Privacy & security > Camera", id="Windows"),
    ],
)
def test_where_cameras_are_no_files_the_system_says_what_to_do(
    system: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(Path, "glob", lambda *_: pytest.fail("/dev was listed"))
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: AskedCapture(there=False))
    with pytest.raises(SourceError, match=f"^camera 1 does not exist or gives no picture; .*{advice}") as failure:
        open_source("1")
    assert "/dev" not in str(failure.value)
    assert "usermod" not in str(failure.value)
    pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")
    said: list[str] = []
    assert default_source(say=said.append).name == "sample"
    assert advice in said[0]
    assert said[0].endswith(SHOWING_SAMPLE)


def test_where_cameras_are_no_files_those_that_open_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    captures = {index: AskedCapture(there=index in (0, 2)) for index in range(10)}
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(cv2, "VideoCapture", lambda index, _: captures[index])
    result = CliRunner().invoke(app, ["demo", "--list-cameras"])
    assert (result.exit_code, result.stdout) == (0, "0\n2\n")
    assert all(capture.released for capture in captures.values() if capture.asked), "a light that stays on alarms"


@pytest.mark.parametrize(
    ("indices", "printed"),
    [
        pytest.param([], "no camera found\n", id="none"),
        pytest.param([0, 2], "0  Front camera\n2\n", id="one with a name and one without"),
    ],
)
def test_cameras_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, indices: list[int], printed: str) -> None:
    monkeypatch.setattr("sys.platform", "linux")
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
