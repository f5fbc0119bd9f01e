"""What was recorded is there at the end, whatever ended it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from toy_face import scene

from sdfl.errors import ConfigError
from sdfl.runtime.outputs import video_encoder
from sdfl.runtime.outputs.video_file import MAX_GAP_S, Recorder
from sdfl.runtime.sources import VideoSource


def count_frames(path: Path) -> int:
    return sum(1 for _ in VideoSource(path))


def record(path: Path, num_frames: int, *, failure: BaseException | None = None) -> None:
    with Recorder(path, 30) as recorder:
        for index in range(num_frames):
            recorder.write(scene((160, 120, 40)), index / 30)
        if failure:
            raise failure


@pytest.mark.parametrize("name", ["out.mp4", "out.avi", "out.mkv", "new/folder/out.MP4"])
def test_every_frame_is_recorded(tmp_path: Path, name: str) -> None:
    record(tmp_path / name, 25)
    assert count_frames(tmp_path / name) == 25


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("the camera caught fire")], ids=repr)
def test_what_was_recorded_is_kept(tmp_path: Path, failure: BaseException) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(type(failure)):
        record(path, 12, failure=failure)
    assert count_frames(path) == 12
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"], "no temporary file is left"


def test_an_older_recording_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    record(path, 5)
    with Recorder(path, 30) as recorder:
        recorder.write(scene(), 0.0)
        assert count_frames(path) == 5
    assert count_frames(path) == 1


def test_nothing_recorded_leaves_no_file(tmp_path: Path) -> None:
    record(tmp_path / "out.mp4", 0)
    assert list(tmp_path.iterdir()) == []


def test_times_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with Recorder(path, 30) as recorder:
        for timestamp_s in (100.0, 100.1, 100.2, 100.2001, 100.5):
            recorder.write(scene(), timestamp_s)
    assert [frame.timestamp_s for frame in VideoSource(path)] == pytest.approx([0.0, 0.1, 0.2, 0.2001, 0.5], abs=2e-5)


@pytest.mark.parametrize("name", ["out.mp4", "out.avi"])
def test_dropped_frames_are_filled_without_h264_so_that_time_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(video_encoder, "h264_encoder", lambda: None)
    path = tmp_path / name
    with Recorder(path, 30) as recorder:
        for timestamp_s in (100.0, 100.1, 100.2, 100.2001, 100.5):
            recorder.write(scene(), timestamp_s)
    assert count_frames(path) == 16


def test_another_size_is_fitted_without_changing_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with Recorder(path, 30) as recorder:
        recorder.write(np.full((240, 320, 3), 200, np.uint8), 0.0)
        recorder.write(np.full((480, 240, 3), 200, np.uint8), 1 / 30)
    first, second = (frame.image for frame in VideoSource(path))
    assert first.shape == second.shape == (240, 320, 3)
    columns = second[120, :, 0].astype(int)
    assert np.flatnonzero(columns > 100).tolist() == pytest.approx(range(100, 220), abs=1)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.avi"])
@pytest.mark.parametrize("h264", [True, False], ids=["H.264", "without PyAV"])
@pytest.mark.parametrize("size", [(641, 481), (3, 100), (640, 2), (1, 1)], ids=str)
def test_every_row_and_column_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, h264: bool, size: tuple[int, int]
) -> None:
    if not h264:
        monkeypatch.setattr(video_encoder, "h264_encoder", lambda: None)
    width, height = size
    image = np.full((height, width, 3), 40, np.uint8)
    image[-1:] = image[:, -1:] = 220
    with Recorder(tmp_path / name, 30) as recorder:
        for index in range(3):
            recorder.write(image, index / 30)
    shown = list(VideoSource(tmp_path / name))[-1].image
    assert shown.shape == (max(16, height + height % 2), max(16, width + width % 2), 3)
    assert shown[height - 1, width // 2].min() > 120
    assert shown[height // 2, width - 1].min() > 120


def test_a_recording_has_the_rate_and_the_codec_that_browsers_want(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with Recorder(path, 30000 / 1001) as recorder:
        for index in range(30):
            recorder.write(scene(), index * 1001 / 30000)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == Fraction(30000, 1001)
        assert stream.frames == 30
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat"), "it plays while it is loaded"


def test_colours_survive_a_recording(tmp_path: Path) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, :32], image[:, 32:64], image[:, 64:] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
    with Recorder(tmp_path / "out.mp4", 30) as recorder:
        recorder.write(image, 0.0)
    (frame,) = VideoSource(tmp_path / "out.mp4")
    for column in (16, 48, 80):
        assert np.abs(frame.image[32, column].astype(int) - image[32, column]).max() < 8


def test_an_unknown_suffix_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"out\.gif: the name must end in one of \.mp4, \.avi, \.mkv"):
        Recorder(tmp_path / "out.gif", 30)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written") as caught:
        Recorder(tmp_path / "file" / "out.mp4", 30)
    assert "\n" not in str(caught.value)


def test_a_codec_that_is_missing_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2.VideoWriter, "isOpened", lambda _: False, raising=False)
    monkeypatch.setattr(video_encoder, "h264_encoder", lambda: None)
    with pytest.raises(ConfigError, match=r"try a name ending in \.avi"), Recorder(tmp_path / "a.mp4", 30) as recorder:
        recorder.write(scene(), 0.0)
    assert list(tmp_path.iterdir()) == []


def test_the_picture_before_a_gap_fills_it(tmp_path: Path) -> None:
    path = tmp_path / "out.avi"
    with Recorder(path, 10) as recorder:
        recorder.write(np.zeros((64, 64, 3), np.uint8), 0.0)
        recorder.write(np.full((64, 64, 3), 255, np.uint8), 0.5)
    assert [int(frame.image.mean() > 128) for frame in VideoSource(path)] == [0] * 5 + [1]


def test_a_long_gap_is_cut_short_once(tmp_path: Path) -> None:
    path = tmp_path / "out.avi"
    with Recorder(path, 10) as recorder:
        for timestamp_s in (0.0, 600.0, 600.1, 600.2):
            recorder.write(np.zeros((64, 64, 3), np.uint8), timestamp_s)
    assert count_frames(path) == 1 + round(MAX_GAP_S * 10) + 2


def test_what_comes_after_the_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    recorder = Recorder(path, 30)
    recorder.write(scene(), 0.0)
    recorder.close()
    recorder.write(scene(), 1.0)  # of a thread that had not heard of it
    assert count_frames(path) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
