"""What `open_source`, and so `FaceLandmarker.track`, takes; anything else is one sentence that says what came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pil
from toy_face import scene

from sdfl import FaceLandmarker, open_source
from sdfl.errors import SourceError
from sdfl.runtime.sources import FrameSource, MemorySource
from sdfl.types import Frame, Image

FACE = (160, 120, 40)
COUNT = 3
WriteVideo = Callable[..., Path]


def clip() -> list[Image]:
    return [scene((150 + index, 120, 40)) for index in range(COUNT)]


def generated() -> Iterator[Image]:
    yield from clip()


def pictures(folder: Path) -> list[Path]:
    paths = [folder / f"{index}.png" for index in range(COUNT)]
    for path, image in zip(paths, clip(), strict=True):
        cv2.imwrite(str(path), image)
    return paths


def folder_of(paths: list[Path]) -> Path:
    return paths[0].parent


class Camera(FrameSource):
    """A live source of the clip."""

    name, live = "camera", True

    def __iter__(self) -> Iterator[Frame]:
        for index, image in enumerate(clip()):
            yield Frame(image, index, 100.0 + index)


MakeSource = Callable[[WriteVideo, Path], Any]
SOURCES: list[Any] = [
    pytest.param(lambda video, _: str(video(num_frames=COUNT)), id="a video's path as text"),
    pytest.param(lambda video, _: video(num_frames=COUNT), id="a video's Path"),
    pytest.param(lambda _, folder: folder_of(pictures(folder)), id="a folder"),
    pytest.param(lambda _, folder: pictures(folder), id="a list of Paths"),
    pytest.param(lambda _, folder: [str(path) for path in pictures(folder)], id="a list of paths as text"),
    pytest.param(lambda *_: clip(), id="a list of arrays"),
    pytest.param(lambda *_: tuple(clip()), id="a tuple of arrays"),
    pytest.param(lambda *_: [Pil.fromarray(image[:, :, ::-1]) for image in clip()], id="a list of PIL pictures"),
    pytest.param(lambda *_: iter(clip()), id="an iterator of arrays"),
    pytest.param(lambda *_: generated(), id="a generator"),
    pytest.param(lambda *_: (image.astype(np.uint16) * 257 for image in clip()), id="16 bits"),
    pytest.param(lambda _, folder: iter(pictures(folder)), id="an iterator of Paths"),
    pytest.param(lambda *_: (Frame(image, 5 + i, i / 2) for i, image in enumerate(clip())), id="frames"),
    pytest.param(lambda *_: [Frame(image, 5 + i, i / 2) for i, image in enumerate(clip())], id="a list of frames"),
    pytest.param(lambda video, _: cv2.VideoCapture(str(video(num_frames=COUNT))), id="cv2.VideoCapture"),
    pytest.param(lambda *_: MemorySource(clip()), id="a FrameSource"),
    pytest.param(lambda *_: Camera(), id="a live FrameSource"),
]


@pytest.mark.parametrize("make", SOURCES)
def test_track_takes_every_kind_of_source(
    landmarker: FaceLandmarker, write_video: WriteVideo, tmp_path: Path, make: MakeSource
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    tracked = list(landmarker.track(make(write_video, folder)))
    assert len(tracked) == COUNT
    assert [len(faces) for _, faces in tracked] == [1] * COUNT
    times_s = [frame.timestamp_s for frame, _ in tracked]
    assert times_s == sorted(set(times_s))
    assert all(frame.image.dtype == np.uint8 for frame, _ in tracked)


def test_frames_keep_their_numbers_and_times() -> None:
    frames = [Frame(image, 5 + index, index / 2) for index, image in enumerate(clip())]
    for source in (iter(frames), frames):
        with open_source(source) as opened:
            assert [(frame.index, frame.timestamp_s) for frame in opened] == [(5, 0.0), (6, 0.5), (7, 1.0)]


@pytest.mark.parametrize("number", [2, "2", np.int64(2)], ids=["a number", "text", "a number of numpy"])
def test_a_number_is_a_camera(monkeypatch: pytest.MonkeyPatch, number: Any) -> None:
    opened: list[int] = []

    def open_camera(index: int, *_: object, **__: object) -> FrameSource:
        opened.append(index)
        return Camera()

    monkeypatch.setattr("sdfl.runtime.sources.open_camera", open_camera)
    assert open_source(number).live
    assert opened == [2]


def test_a_list_of_paths_is_of_pictures_that_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    assert open_source(pictures(tmp_path)).stills
    assert not open_source(clip()).stills


def test_a_capture_of_the_program_goes_on_where_it_stands_and_stays_open(write_video: WriteVideo) -> None:
    capture = cv2.VideoCapture(str(write_video(num_frames=COUNT)))
    capture.read()
    with open_source(capture) as source:
        assert len(list(source)) == COUNT - 1
        assert source.fps == pytest.approx(30)
    assert capture.isOpened()
    capture.release()
    with pytest.raises(SourceError, match=r"cv2\.VideoCapture: is not open; is the path or camera number right"):
        open_source(capture)


def test_what_track_opens_it_closes_and_what_it_is_given_it_does_not(
    landmarker: FaceLandmarker, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[FrameSource] = []
    monkeypatch.setattr(MemorySource, "close", lambda self: closed.append(self))
    given = MemorySource(clip())
    list(landmarker.track(given))
    assert closed == []
    frames = landmarker.track(clip())
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert len(closed) == 1, "also where the program stops early"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(None, "the source is None; give a camera number", id="None"),
        pytest.param(-1, "a camera number must not be negative, got -1", id="a negative number"),
        pytest.param(True, "the source is bool;", id="a truth"),
        pytest.param(1.5, "the source is float;", id="a float"),
        pytest.param(b"\xff\xd8", "the source is bytes;", id="bytes"),
        pytest.param({"a": 1}, "the source is dict;", id="a dict"),
        pytest.param(np.zeros((4, 4, 3), np.uint8), "the source is one picture: use detect, or give a list", id="one"),
        pytest.param(np.zeros((2, 4, 4, 3), np.uint8), "an array of 2 pictures: give list(array)", id="a stack"),
        pytest.param(Pil.new("RGB", (4, 4)), "the source is one picture: use detect, or give a list", id="PIL"),
        pytest.param("", "the source is an empty text;", id="no name"),
        pytest.param("nowhere.mp4", "nowhere.mp4: no such file", id="a missing video"),
        pytest.param(["nowhere.png"], "nowhere.png: no such picture", id="a missing picture in a list"),
        pytest.param([None], "memory[0] is None; cv2.imread returns None", id="None in a list"),
        pytest.param(iter([np.zeros((4, 4, 3))]), "iterator[0]: pictures must be uint8 or uint16", id="floats"),
        pytest.param([[1, 2]], "memory[0] must be a path, an array", id="numbers in a list"),
        pytest.param([scene(), "nowhere.png"], "nowhere.png", id="a missing picture among arrays"),
    ],
)
def test_what_is_no_source_is_one_sentence_that_says_what_came(
    landmarker: FaceLandmarker, source: Any, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        list(landmarker.track(source))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
