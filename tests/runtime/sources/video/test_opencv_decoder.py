"""Without PyAV, OpenCV decodes; what it would get wrong is refused."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("av", reason="videos are made with PyAV")
pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")

from clips import cut, encode, sample_images, woven

from sdfl.errors import SourceError
from sdfl.runtime.sources import VideoSource
from sdfl.runtime.sources.video import opencv, pyav

SAME_QUALITY = {"qmin": "3", "qmax": "3"}


@pytest.fixture(autouse=True)
def without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyav, "library", lambda: None)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_every_frame_comes_with_its_time(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / name, sample_images(20), options={"bf": "0"})
    frames = list(VideoSource(path))
    assert [frame.timestamp_s for frame in frames] == pytest.approx([index / 30 for index in range(20)], abs=1e-3)


def test_pixels_become_square(tmp_path: Path) -> None:
    images = [np.asarray(cv2.resize(image, (360, 480)), np.uint8) for image in sample_images(3)]
    assert next(iter(VideoSource(encode(tmp_path / "a.mp4", images, sar=Fraction(16, 9))))).image.shape == (480, 640, 3)


@pytest.mark.skipif(
    opencv._version() < opencv.FIRST_WITHOUT_INTERLACED, reason="this OpenCV converts interlaced frames"
)
def test_interlaced_video_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "i.mp4", woven(sample_images(30)), rate=15, options={"x264-params": "tff=1"})
    with pytest.raises(SourceError, match=r"i\.mp4: looks interlaced, and OpenCV .* pip install av, which reads it"):
        VideoSource(path)


@pytest.mark.parametrize("version", ["4.12.0", "4.13.0"])
def test_only_versions_that_are_known_to_fail_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    path = encode(tmp_path / "a.mp4", sample_images(3))
    monkeypatch.setattr(cv2, "__version__", version)
    monkeypatch.setattr(opencv, "gives_random_memory", lambda _: True)
    if version == "4.12.0":
        assert len(list(VideoSource(path))) == 3
    else:
        with pytest.raises(SourceError, match=r"OpenCV 4\.13\.0 gives random memory"):
            VideoSource(path)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: encode(path / "a.mp4", sample_images(1) * 10, options={"qp": "0"}), id="H.264"),
        pytest.param(
            lambda path: encode(path / "a.avi", sample_images(1) * 10, codec="mjpeg", options=SAME_QUALITY), id="MJPEG"
        ),
    ],
)
def test_a_still_picture_is_no_reason_to_refuse(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    frames = list(VideoSource(write(tmp_path)))
    assert len(frames) == 10
    assert np.array_equal(frames[0].image, frames[1].image)


def test_messages_name_the_library(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(SourceError, match=r"a\.mp4: is not a video that OpenCV can decode"):
        VideoSource(tmp_path / "a.mp4")


def test_a_file_that_is_cut_off_says_so(tmp_path: Path) -> None:
    path = cut(encode(tmp_path / "a.mkv", sample_images(40), options={"g": "5"}))
    with pytest.raises(SourceError, match=r"a\.mkv: is cut off after frame \d+"):
        list(VideoSource(path))
