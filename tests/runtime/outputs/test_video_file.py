"""What was recorded is there at the end, whatever ended it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from toy_face import scene

from sdfl.errors import ConfigError
from sdfl.runtime.outputs.video_file import MAX_REPEATS_S, Recorder
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


def test_dropped_frames_are_filled_so_that_time_is_right(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with Recorder(path, 30) as recorder:
        for timestamp_s in (100.0, 100.1, 100.2, 100.2001, 100.5):
            recorder.write(scene(), timestamp_s)
    assert count_frames(path) == 16


def test_a_stream_that_changes_size_is_scaled(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with Recorder(path, 30) as recorder:
        recorder.write(np.zeros((240, 320, 3), np.uint8), 0.0)
        recorder.write(np.zeros((480, 640, 3), np.uint8), 1 / 30)
    assert [frame.image.shape for frame in VideoSource(path)] == [(240, 320, 3)] * 2


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
    assert count_frames(path) == 1 + round(MAX_REPEATS_S * 10) + 3


def test_what_comes_after_the_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    recorder = Recorder(path, 30)
    recorder.write(scene(), 0.0)
    recorder.close()
    recorder.write(scene(), 1.0)  # of a thread that had not heard of it
    assert count_frames(path) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
