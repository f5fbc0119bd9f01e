"""`FaceLandmarker` as a program uses it: what it takes, what it refuses and how, and what is left after `close`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pil
from toy_face import box_of, scene, toy_network, truth
from typer.testing import CliRunner

from sdfl import FaceLandmarker, SdflError, open_source
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.cli import app
from sdfl.errors import ClosedError, SourceError
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.runtime.sources import MemorySource
from sdfl.types import Backend, Image

FACE = (160, 120, 40)
THREE = ((60, 60, 30), (160, 180, 30), (260, 60, 30))
Picture = Callable[[Path], Any]


@pytest.fixture
def three_faces(spec: ModelSpec) -> Callable[..., FaceLandmarker]:
    """three_faces(**options): its detector points at three faces."""

    def make(**options: Any) -> FaceLandmarker:
        detector = FakeDetector([box_of(*face) for face in THREE])
        return FaceLandmarker(backend=FakeBackend(spec, toy_network), detector=detector, **options)

    return make


def saved(folder: Path) -> Path:
    path = folder / "face.png"
    cv2.imwrite(str(path), scene(FACE))
    return path


PICTURES: list[Any] = [
    pytest.param(lambda folder: str(saved(folder)), id="a path as text"),
    pytest.param(saved, id="a Path"),
    pytest.param(lambda _: scene(FACE), id="BGR, as cv2.imread gives it"),
    pytest.param(lambda _: cv2.cvtColor(scene(FACE), cv2.COLOR_BGR2BGRA), id="BGRA"),
    pytest.param(lambda _: scene(FACE).astype(np.uint16) * 257, id="16 bits"),
    pytest.param(lambda _: Pil.fromarray(scene(FACE)[:, :, ::-1]), id="a PIL picture"),
    pytest.param(lambda _: Pil.fromarray(scene(FACE)[:, :, ::-1]).convert("RGBA"), id="PIL with transparency"),
    pytest.param(lambda folder: saved(folder).read_bytes(), id="the bytes of a file"),
    pytest.param(lambda _: scene(FACE)[:, ::-1][:, ::-1], id="an array that is a view"),
    pytest.param(lambda _: np.asfortranarray(scene(FACE)), id="an array in another order of memory"),
]


@pytest.mark.parametrize("make", PICTURES)
def test_detect_takes_every_kind_of_picture(landmarker: FaceLandmarker, tmp_path: Path, make: Picture) -> None:
    (face,) = landmarker.detect(make(tmp_path))
    np.testing.assert_allclose(face.landmarks.points, truth(*FACE), atol=1.5)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.zeros((48, 64), np.uint8), id="grey"),
        pytest.param(np.zeros((48, 64, 1), np.uint8), id="grey with a channel"),
        pytest.param(np.zeros((48, 64), np.uint16), id="grey of 16 bits"),
        pytest.param(Pil.new("L", (64, 48)), id="grey of PIL"),
        pytest.param(Pil.new("I;16", (64, 48)), id="grey of 16 bits of PIL"),
        pytest.param(Pil.new("P", (64, 48)), id="a palette"),
        pytest.param(Pil.new("1", (64, 48)), id="black and white"),
        pytest.param(np.zeros((1, 1, 3), np.uint8), id="one pixel"),
    ],
)
def test_a_picture_without_a_face_gives_an_empty_list(landmarker: FaceLandmarker, picture: Any) -> None:
    assert landmarker.detect(picture) == []


def test_16_bits_of_pil_are_scaled_as_those_of_an_array(spec: ModelSpec) -> None:
    seen: list[int] = []

    class Detector(FakeDetector):
        def detect(self, image: Image) -> list[Any]:
            seen.append(int(image[0, 0, 0]))
            return []

    grey = np.full((48, 64), 100 * 257, np.uint16)
    landmarker = FaceLandmarker(backend=FakeBackend(spec, toy_network), detector=Detector([]))
    for picture in (grey, Pil.fromarray(grey)):
        landmarker.detect(picture)
    assert seen == [100, 100]


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        pytest.param(None, "image is None; cv2.imread returns None where it cannot read", id="None"),
        pytest.param(
            [[1, 2], [3, 4]], "got list; use track for a list of pictures, or call detect for each", id="a list"
        ),
        pytest.param(b"\xff\xd8\xff", "this JPEG is cut off in its header or damaged", id="bytes of half a file"),
        pytest.param(b"", "image: is not a picture that can be decoded: the file is empty", id="no bytes"),
        pytest.param(np.zeros((4, 4, 3), np.float32), "uint8 or uint16, got float32; multiply by 255", id="floats"),
        pytest.param(np.zeros((4, 4, 3), np.int64), "got shape (4, 4, 3) and type int64", id="long integers"),
        pytest.param(np.zeros((4, 4), bool), "type bool", id="a mask"),
        pytest.param(np.array(7, np.uint8), "got shape ()", id="a 0-d array"),
        pytest.param(np.zeros((0, 4, 3), np.uint8), "an empty picture of shape (0, 4, 3)", id="an empty array"),
        pytest.param(np.zeros((3, 48, 64), np.uint8), "got shape (3, 48, 64)", id="channels first"),
        pytest.param(np.zeros((1, 48, 64, 3), np.uint8), "got shape (1, 48, 64, 3)", id="a batch"),
        pytest.param(np.zeros((2, 40_000), np.uint8), "at most 32766 px a side, got 40000 x 2", id="a long strip"),
        pytest.param(7, "got int", id="a number"),
        pytest.param(Pil.new("F", (4, 4)), "got float32", id="floats of PIL"),
        pytest.param("nowhere.jpg", "nowhere.jpg", id="a missing file"),
        pytest.param(Path("nowhere.jpg"), "nowhere.jpg", id="a missing Path"),
    ],
)
def test_what_is_no_picture_is_one_sentence_that_says_what_came(
    landmarker: FaceLandmarker, picture: Any, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        landmarker.detect(picture)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, 3, id="all by default"),
        pytest.param({"max_faces": 2}, 2, id="at most two"),
        pytest.param({"max_faces": np.int64(2)}, 2, id="a whole number of numpy"),
        pytest.param({"max_faces": 9}, 3, id="more than there are"),
    ],
)
def test_detect_finds_every_face(
    three_faces: Callable[..., FaceLandmarker], options: dict[str, Any], expected: int
) -> None:
    faces = three_faces(**options).detect(scene(*THREE))
    assert len(faces) == expected
    for face, place in zip(faces, THREE, strict=False):
        np.testing.assert_allclose(face.landmarks.points, truth(*place), atol=1.5)


def test_track_follows_one_face_by_default_and_more_where_asked(three_faces: Callable[..., FaceLandmarker]) -> None:
    clip = [scene(*THREE)] * 2
    assert [len(faces) for _, faces in three_faces().track(clip)] == [1, 1]
    assert [len(faces) for _, faces in three_faces(max_faces=3).track(clip)] == [3, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"max_faces": 1.5}, "max_faces must be a whole number of at least 1, got 1.5", id="half a face"),
        pytest.param({"max_faces": 0}, "max_faces must be a whole number of at least 1, got 0", id="no face"),
        pytest.param({"max_faces": True}, "max_faces must be a whole number of at least 1, got True", id="a truth"),
        pytest.param({"max_faces": "2"}, "max_faces must be a whole number of at least 1, got '2'", id="text"),
        pytest.param({"precision": "int4"}, "precision must be one of fp32, int8, fp16 for small", id="no precision"),
        pytest.param(
            {"backend": "tf"}, "backend must be one of openvino, onnxruntime, tensorrt, litert, got 'tf'", id="tf"
        ),
        pytest.param(
            {"backend": 3}, "backend must be a name or have the methods infer and close, got int", id="no backend"
        ),
        pytest.param({"threads": 0}, "threads must be a whole number of at least 1, got 0", id="no thread"),
        pytest.param({"threads": "2"}, "threads must be a whole number of at least 1, got '2'", id="threads as text"),
        pytest.param({"detector": "haar"}, "detector must be sdfl:FILE or yunet:FILE, got 'haar'", id="no detector"),
        pytest.param({"detector": 3}, "detector must be KIND:FILE or have the method detect, got int", id="a number"),
        pytest.param(
            {"detection_threshold": 1}, "detection_threshold must be a number between 0 and 1, got 1", id="certainty"
        ),
        pytest.param({"detection_threshold": "low"}, "must be a number between 0 and 1, got 'low'", id="a word"),
        pytest.param(
            {"detector": FakeDetector([]), "detection_threshold": 0.3},
            "detection_threshold is for the built-in detector and those from files",
            id="a threshold for a detector of one's own",
        ),
        pytest.param({"model": "huge"}, "huge: no such model; choose free, free_int8, large", id="no model"),
        pytest.param({"model": 7}, "model must be a name or a path, got int", id="a number for a model"),
    ],
)
def test_a_wrong_argument_is_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SdflError) as caught:
        FaceLandmarker(**options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def crops(backend: Backend) -> Image:
    size = backend.spec.input_size
    return np.zeros((1, size, size, 3), np.uint8)


def test_a_closed_back_end_says_so_and_may_be_closed_again(any_backend: Backend) -> None:
    any_backend.infer(crops(any_backend))
    any_backend.close()
    any_backend.close()
    with pytest.raises(ClosedError, match="was closed"):
        any_backend.infer(crops(any_backend))


def test_a_landmarker_on_a_closed_back_end_says_so(any_backend: Backend) -> None:
    landmarker = FaceLandmarker(backend=any_backend, detector=FakeDetector([box_of(*FACE)]))
    any_backend.close()
    with pytest.raises(ClosedError, match="was closed"):
        landmarker.detect(scene(FACE))


def test_a_back_end_that_was_given_open_stays_open(any_backend: Backend) -> None:
    with FaceLandmarker(backend=any_backend, detector=FakeDetector([])):
        pass
    assert len(any_backend.infer(crops(any_backend)).points) == 1


CALLS: dict[str, Callable[[FaceLandmarker], object]] = {
    "detect": lambda landmarker: landmarker.detect(scene(FACE)),
    "track": lambda landmarker: list(landmarker.track([scene(FACE)])),
    "follow": lambda landmarker: landmarker.follow(MemorySource([scene(FACE)])),
    "new_tracker": lambda landmarker: landmarker.new_tracker(),
    "track of no frames": lambda landmarker: list(landmarker.track([])),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("name", ["small", "a given back end"])
def test_after_close_every_call_says_so(spec: ModelSpec, name: str, call: Callable[[FaceLandmarker], object]) -> None:
    detector = FakeDetector([])  # so that nothing reaches the back end
    if name == "small":
        landmarker = FaceLandmarker(name, detector=detector, threads=1)
    else:
        landmarker = FaceLandmarker(backend=FakeBackend(spec, toy_network), detector=detector)
    with landmarker:
        assert landmarker.detect(scene()) == []
    landmarker.close()
    with pytest.raises(ClosedError, match="this FaceLandmarker was closed; open a new one"):
        call(landmarker)


@pytest.mark.parametrize("stills", [True, False], ids=["pictures", "a video"])
def test_closing_in_the_middle_ends_the_tracking(spec: ModelSpec, stills: bool) -> None:
    landmarker = FaceLandmarker(backend=FakeBackend(spec, toy_network), detector=FakeDetector([]))
    source = MemorySource([scene()] * 3)
    source.stills = stills
    frames = landmarker.track(source)
    next(frames)
    landmarker.close()
    with pytest.raises(ClosedError):
        next(frames)


def test_an_error_inside_the_with_block_still_closes(spec: ModelSpec) -> None:
    with pytest.raises(KeyError), FaceLandmarker("nano", threads=1, detector=FakeDetector([])) as landmarker:
        raise KeyError
    with pytest.raises(ClosedError):
        landmarker.detect(scene(FACE))


def test_python_and_the_command_line_choose_the_same_file(tmp_path: Path) -> None:
    opened: list[FaceLandmarker] = []

    def noted(*arguments: Any, **options: Any) -> FaceLandmarker:
        opened.append(FaceLandmarker(*arguments, **options))
        return opened[0]

    result = CliRunner().invoke(app, ["track", str(saved(tmp_path)), "--model", "small"], obj=noted)
    assert result.exit_code == 0, result.output
    with FaceLandmarker("small") as landmarker:
        assert landmarker.spec == opened[0].spec
        assert landmarker.spec.precision == "int8"


def test_a_closed_landmarker_cannot_be_entered(landmarker: FaceLandmarker) -> None:
    landmarker.close()
    with pytest.raises(ClosedError, match="was closed"), landmarker:
        pass


def test_an_iterator_of_paths_is_a_list_of_paths(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((60, 80, 3), np.uint8))
    paths = sorted(tmp_path.glob("*.png"))
    with open_source(iter(paths)) as source:
        assert source.stills
        assert [frame.image.shape for frame in source] == [(60, 80, 3)] * 2
    assert list(open_source(iter([]))) == []


def test_a_folder_is_no_picture(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder; use track, or call detect for each picture in it"):
        landmarker.detect(tmp_path)
