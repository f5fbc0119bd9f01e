"""Every kind of source gives the frames it should, or one line that says what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.errors import MissingDependency, SourceError
from sdfl.runtime.sources import MemorySource, SampleSource, VideoSource, capture, default_source, open_source
from sdfl.runtime.sources.base import to_bgr8
from sdfl.runtime.sources.sample import FACE_CENTRE, sample_affine
from sdfl.runtime.sources.video.decoder import DecodedFrame, VideoDecoder

WriteVideo = Callable[..., Path]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])
def test_a_video_gives_every_frame_in_order(write_video: WriteVideo, name: str) -> None:
    with open_source(str(write_video(name, 20))) as source:
        frames = list(source)
        again = list(source)
    assert [frame.index for frame in frames] == list(range(20)) == [frame.index for frame in again]
    assert source.fps == pytest.approx(30)
    assert source.num_frames == 20
    assert frames[3].timestamp_s == pytest.approx(0.1)
    assert frames[0].image.shape == (240, 320, 3)
    assert not source.live


def test_a_cut_off_video_gives_what_it_has_then_says_so(write_video: WriteVideo) -> None:
    path = write_video("clip.avi", 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    seen: list[int] = []

    def read_all() -> None:
        for frame in open_source(str(path)):
            seen.append(frame.index)

    with pytest.raises(SourceError, match=r"clip\.avi: is cut off after frame \d+; the frames before that were used"):
        read_all()
    assert seen == list(range(len(seen)))
    assert 20 < len(seen) < 60


def _text_file(folder: Path) -> str:
    path = folder / "notes.mp4"
    path.write_text("not a video")
    return str(path)


def _cut_off_mp4(folder: Path) -> str:
    path = folder / "cut.mp4"
    path.write_bytes(b"\0\0\0\x20ftypisom" + bytes(400))
    return str(path)


def _empty_folder(folder: Path) -> str:
    (folder / "empty").mkdir()
    return str(folder / "empty")


def _broken_picture(folder: Path) -> str:
    path = folder / "broken.png"
    path.write_bytes(b"\x89PNG\r\n")
    return str(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda _: "nowhere.mp4", "no such file; give a camera number", id="missing file"),
        pytest.param(lambda _: "nowhere.png", "no such file; give a camera number", id="missing picture"),
        pytest.param(_text_file, "is not a video that PyAV can decode", id="text named mp4"),
        pytest.param(_cut_off_mp4, "is not a video that PyAV can decode", id="mp4 without its index"),
        pytest.param(_empty_folder, "holds no pictures", id="folder without pictures"),
        pytest.param(_broken_picture, "is not a picture that can be decoded", id="broken picture"),
        pytest.param(lambda _: "77", "camera 77 does not exist", id="missing camera"),
        pytest.param(lambda _: "/dev/video77", "camera 77 does not exist", id="missing camera by its file"),
        pytest.param(lambda _: "rtsp://127.0.0.1:9/x", "does not answer with video", id="stream without a server"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, make: Callable[[Path], str], message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught, open_source(make(tmp_path)) as source:
        list(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(_cut_off_mp4, id="mp4 without its index"),
        pytest.param(lambda _: "77", id="missing camera"),
        pytest.param(lambda _: "http://127.0.0.1:9/x", id="stream without a server"),
    ],
)
def test_opencv_adds_nothing_of_its_own(tmp_path: Path, make: Callable[[Path], str]) -> None:
    program = "import sys; from sdfl import open_source; open_source(sys.argv[1])"
    command = [sys.executable, "-c", program, make(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("sdfl.errors.SourceError"), done.stderr
    assert done.stderr.startswith("Traceback"), done.stderr


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(SourceError, match=r"rtsp://\*\*\*@127.0.0.1:9/x: does not answer") as caught:
        open_source("rtsp://me:secret@127.0.0.1:9/x")
    assert "secret" not in str(caught.value)


def test_a_folder_gives_its_pictures_by_name(tmp_path: Path) -> None:
    for name, size in (("b.png", 20), ("a.jpg", 30), ("c.txt", 0)):
        path = tmp_path / name
        if size:
            cv2.imwrite(str(path), np.zeros((size, 40, 3), np.uint8))
        else:
            path.write_text("no picture")
    with open_source(str(tmp_path)) as source:
        assert [frame.image.shape for frame in source] == [(30, 40, 3), (20, 40, 3)]
    assert source.stills
    assert source.num_frames == 2


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        pytest.param(np.full((8, 9), 100, np.uint8), 100, id="grey"),
        pytest.param(np.full((8, 9), 100 * 257, np.uint16), 100, id="16-bit grey"),
        pytest.param(np.full((8, 9, 3), 100 * 257, np.uint16), 100, id="16-bit colour"),
        pytest.param(np.full((8, 9, 4), 100, np.uint8), 100, id="with transparency"),
        pytest.param(np.full((1, 1, 3), 100, np.uint8), 100, id="one pixel"),
    ],
)
def test_unusual_pictures_become_8_bit_bgr(tmp_path: Path, pixels: np.ndarray, expected: int) -> None:
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), pixels)
    (frame,) = open_source(str(path))
    for image in (frame.image, to_bgr8(pixels, "memory")):
        assert image.dtype == np.uint8
        assert image.shape == (*pixels.shape[:2], 3)
        assert (image == expected).all()


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(np.zeros((4, 4, 3), np.float32), id="floats"),
        pytest.param(np.zeros((4, 4, 2), np.uint8), id="two channels"),
        pytest.param(np.zeros((0, 4, 3), np.uint8), id="empty"),
        pytest.param(np.zeros(4, np.uint8), id="one dimension"),
    ],
)
def test_what_is_no_picture_names_its_source(pixels: np.ndarray) -> None:
    with pytest.raises(SourceError, match="lens"):
        to_bgr8(pixels, "lens")


def test_memory_source_gives_its_pictures() -> None:
    with MemorySource([np.zeros((4, 4), np.uint8)] * 3, fps=10) as source:
        assert [frame.timestamp_s for frame in source] == pytest.approx([0.0, 0.1, 0.2])


def test_the_sample_moves_smoothly_and_closes_its_loop() -> None:
    pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")
    affines = np.stack([sample_affine(index) for index in range(301)])
    places = affines[:, :, :2] @ np.array(FACE_CENTRE) + affines[:, :, 2]
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 5  # px a frame
    np.testing.assert_allclose(affines[300], affines[0], atol=1e-3)
    source = open_source("sample")
    assert isinstance(source, SampleSource)
    first, second = next(iter(source)), next(iter(source))
    np.testing.assert_array_equal(first.image, second.image)


def test_the_sample_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    with pytest.raises(MissingDependency, match=r"pip install '.*\[demo\]'"):
        open_source("sample")


def test_without_a_webcam_one_line_and_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")
    monkeypatch.setattr("sdfl.runtime.sources.camera_indices", lambda: [])
    said: list[str] = []
    assert default_source(say=said.append).name == "sample"
    assert len(said) == 1
    assert "no webcam" in said[0]


@pytest.mark.parametrize(
    ("found", "accessible", "message"),
    [
        pytest.param([], True, "camera 3 does not exist .this computer has none", id="no camera at all"),
        pytest.param([0, 2], True, "this computer has 0, 2", id="another index"),
        pytest.param([3], False, "usermod -aG video", id="no permission"),
        pytest.param([3], True, "close the program that uses it", id="busy"),
    ],
)
def test_a_camera_that_does_not_open_says_why(
    monkeypatch: pytest.MonkeyPatch, found: list[int], accessible: bool, message: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(capture, "camera_indices", lambda: found)
    monkeypatch.setattr("os.access", lambda *_: accessible)
    with pytest.raises(SourceError, match=message):
        open_source("3")


def test_a_reader_is_released_when_the_consumer_stops() -> None:
    decoder = ScriptedDecoder([0.0, 0.1, 0.2], fps=10)
    iterator = iter(VideoSource(None, name="script", opening=lambda: decoder))
    next(iterator)
    before = decoder.closed
    iterator.close()  # type: ignore[attr-defined]
    assert decoder.closed == before + 1


class ScriptedDecoder(VideoDecoder):
    """A decoder whose frames lie at `times_s`."""

    library = "script"

    def __init__(self, times_s: list[float | None], *, fps: float) -> None:
        self.fps, self._times_s, self.closed = fps, times_s, 0

    def __iter__(self) -> Iterator[DecodedFrame]:
        for time_s in self._times_s:
            yield DecodedFrame(np.zeros((4, 4, 3), np.uint8), time_s)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("told_s", "expected_s"),
    [
        pytest.param([0.0, 0.1, 0.15, 0.4], [0.0, 0.1, 0.15, 0.4], id="uneven, as phones record"),
        pytest.param([0.0, 0.0333, 0.0667, 0.1], [0.0, 0.0333, 0.0667, 0.1], id="another rate than declared"),
        pytest.param([0.0, 0.1009, 0.1991], [0.0, 0.1, 0.2], id="rounded to milliseconds"),
        pytest.param([None, None, None], [0.0, 0.1, 0.2], id="a decoder that does not tell"),
        pytest.param([0.0, 0.0, 0.0], [0.0, 0.1, 0.2], id="a decoder that always says 0"),
        pytest.param([7.0, 7.1, 7.2], [0.0, 0.1, 0.2], id="a clock that does not start at 0"),
        pytest.param([3.0, 3.1, 0.0, 0.1, 0.25], [0.0, 0.1, 0.2, 0.3, 0.45], id="two recordings joined"),
        pytest.param([0.0, 0.1, None], [0.0, 0.1, 0.2], id="the last time is missing"),
    ],
)
def test_frames_lie_where_the_file_says(told_s: list[float | None], expected_s: list[float]) -> None:
    source = VideoSource(None, name="script", opening=lambda: ScriptedDecoder(told_s, fps=10))
    assert [frame.timestamp_s for frame in source] == pytest.approx(expected_s)
