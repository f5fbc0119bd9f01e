"""Videos of every kind give the frames, times and shapes that a good player shows."""

from __future__ import annotations

import gc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="videos are made with PyAV")
pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")

import av
import cv2
from clips import encode, overwrite, packets, remux, sample_images, woven

from sdfl import FaceLandmarker
from sdfl.errors import SourceError
from sdfl.runtime.sources import VideoSource
from sdfl.runtime.sources.video import pyav
from sdfl.runtime.sources.video.geometry import orientation_of
from sdfl.types import Frame

ONE = 1 << 16  # 1 in a display matrix
INTERLACED = {"dv": "dvvideo", "mpg": "mpeg2video", "mp4": "libx264"}


def frames_of(path: Path, said: list[str] | None = None) -> list[Frame]:
    return list(VideoSource(path, say=(said if said is not None else []).append))


def times_of(path: Path) -> list[float]:
    return [frame.timestamp_s for frame in frames_of(path)]


def sized(width: int, height: int, count: int) -> list[Any]:
    return [cv2.resize(image, (width, height)) for image in sample_images(count)]


def test_interlaced_h264_gives_the_face_of_the_sample(tmp_path: Path) -> None:
    path = encode(tmp_path / "i.mp4", woven(sample_images(30)), rate=15, options={"x264-params": "tff=1"})
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    frames = frames_of(path)
    assert len(frames) == 15
    with FaceLandmarker() as landmarker:
        (face,) = landmarker.detect(frames[0].image)
    # Between the first two frames of the sample, whose boxes are 2 px apart; what encoding costs is included.
    assert face.to_dict()["box"] == pytest.approx([226.1, 162.9, 421.4, 355.4], abs=1.5)


@pytest.mark.parametrize("suffix", INTERLACED)
def test_interlaced_frames_are_those_that_were_encoded(tmp_path: Path, suffix: str) -> None:
    images = list(woven(sized(720, 576, 8)))
    path = encode(tmp_path / f"i.{suffix}", images, codec=INTERLACED[suffix], rate=25, options={"flags": "+ilme+ildct"})
    with av.open(str(path)) as container:
        assert all(frame.interlaced_frame for frame in container.decode(video=0))
    frames = frames_of(path)
    assert len(frames) == 4
    for frame, image in zip(frames, images, strict=True):
        shown = cv2.resize(frame.image, (720, 576))  # pixels of DV are not square
        assert np.corrcoef(shown.ravel(), image.ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    ("sar", "shape"),
    [
        pytest.param(Fraction(16, 9), (480, 640, 3), id="wide pixels"),
        pytest.param(Fraction(3, 4), (640, 360, 3), id="narrow pixels: no column is lost"),
        pytest.param(Fraction(1), (480, 360, 3), id="square pixels"),
        pytest.param(Fraction(100, 1), (480, 360, 3), id="a damaged header"),
    ],
)
def test_pixels_become_square(tmp_path: Path, sar: Fraction, shape: tuple[int, ...]) -> None:
    path = encode(tmp_path / "sar.mp4", sized(360, 480, 2), sar=sar)
    assert frames_of(path)[0].image.shape == shape


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        pytest.param((1, 0, 0, 1), lambda i: i, id="upright"),
        pytest.param((0, 1, -1, 0), lambda i: np.rot90(i, -1), id="a quarter turn clockwise"),
        pytest.param((-1, 0, 0, -1), lambda i: np.rot90(i, 2), id="upside down"),
        pytest.param((0, -1, 1, 0), np.rot90, id="a quarter turn anticlockwise"),
        pytest.param((-1, 0, 0, 1), lambda i: i[:, ::-1], id="mirrored"),
        pytest.param((1, 0, 0, -1), lambda i: i[::-1], id="mirrored upside down"),
        pytest.param((0, 1, 1, 0), lambda i: i.swapaxes(0, 1), id="mirrored along the diagonal"),
        pytest.param((0, -1, -1, 0), lambda i: np.rot90(i, 2).swapaxes(0, 1), id="mirrored along the other diagonal"),
    ],
)
def test_every_rotation_and_mirror_is_undone(
    tmp_path: Path, matrix: tuple[int, ...], turned: Callable[[Any], Any]
) -> None:
    a, b, c, d = (ONE * each for each in matrix)
    image = np.full((48, 64, 3), 40, np.uint8)
    image[4:20, 4:12] = 220  # in a corner, longer one way than the other
    path = encode(tmp_path / "turned.mp4", [image] * 2, matrix=[a, b, 0, c, d, 0, 0, 0, 1 << 30])
    expected = turned(image)
    shown = frames_of(path)[0].image
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).max() < 60


def test_avi_with_b_frames_has_an_even_time(tmp_path: Path) -> None:
    path = encode(tmp_path / "b.avi", sample_images(40), options={"bf": "3"})
    assert times_of(path) == pytest.approx([index / 30 for index in range(40)], abs=1e-6)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
def test_time_starts_with_the_picture(tmp_path: Path, suffix: str) -> None:
    path = encode(tmp_path / f"late.{suffix}", sample_images(20), offset_s=2.5, sound_s=4.0)
    assert times_of(path) == pytest.approx([index / 30 for index in range(20)], abs=1e-3)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_an_uneven_rate_is_kept(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.04, 0.1, 0.25, 0.3, 0.9]
    path = encode(tmp_path / f"uneven.{suffix}", sample_images(6), times=times)
    assert times_of(path) == pytest.approx(times, abs=1.1e-3)


def test_raw_h264_has_the_time_of_its_rate(tmp_path: Path) -> None:
    source = encode(tmp_path / "a.mp4", sample_images(12))
    path = remux(source, tmp_path / "a.h264", container_format="h264")
    assert times_of(path) == pytest.approx([index / 30 for index in range(12)])


def test_mjpeg_loses_exactly_the_frames_that_are_damaged(tmp_path: Path) -> None:
    path = encode(tmp_path / "blank.avi", sample_images(60), codec="mjpeg", options={"q": "3"})
    gone = range(5, 55, 5)
    places = packets(path)
    overwrite(path, [places[index] for index in gone])
    said: list[str] = []
    frames = frames_of(path, said)
    left = [index for index in range(60) if index not in gone]
    assert [frame.index for frame in frames] == left
    assert [frame.timestamp_s for frame in frames] == pytest.approx([index / 30 for index in left])
    assert said == [f"{path}: 10 frames are damaged and were left out, 50 were used"]


def test_half_a_jpeg_is_not_shown(tmp_path: Path) -> None:
    path = encode(tmp_path / "tail.avi", sample_images(8), codec="mjpeg", options={"q": "3"})
    start, length = packets(path)[3]
    overwrite(path, [(start + length // 2, length - length // 2)])
    assert [frame.index for frame in frames_of(path)] == [0, 1, 2, 4, 5, 6, 7]


def test_h264_is_left_out_from_the_damage_to_the_next_key_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "gop.mp4", sample_images(60), options={"g": "20", "bf": "0"})
    overwrite(path, [packets(path)[25]])
    said: list[str] = []
    assert [round(frame.timestamp_s * 30) for frame in frames_of(path, said)] == [*range(25), *range(40, 60)]
    assert said == [f"{path}: 15 frames are damaged and were left out, 45 were used"]


def test_damage_right_behind_a_key_frame_is_not_forgotten(tmp_path: Path) -> None:
    """The decoder reports it while it still holds the key frame, which comes later and is good."""
    images = sample_images(60)
    path = encode(tmp_path / "gop.mp4", images, options={"g": "20", "bf": "2", "x264-params": "scenecut=0"})
    clean = frames_of(path)
    overwrite(path, [packets(path)[21]])
    shown = {round(frame.timestamp_s * 30): frame.image for frame in frames_of(path)}
    assert set(range(19)) | set(range(40, 60)) <= set(shown)
    for index, image in shown.items():
        assert np.abs(image.astype(int) - clean[index].image).mean() < 1, index


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "mpeg4"), ("a.wmv", "wmv2"), ("a.ts", "libx264")])
def test_nothing_is_made_up_before_the_first_key_frame(tmp_path: Path, name: str, codec: str) -> None:
    whole = encode(
        tmp_path / f"whole{Path(name).suffix}", sample_images(60), codec=codec, options={"g": "20", "bf": "0"}
    )
    clean = frames_of(whole)
    path = remux(whole, tmp_path / name, skip=5)
    frames = frames_of(path)
    assert len(frames) == 40
    assert np.abs(frames[0].image.astype(int) - clean[20].image).mean() < 1


def test_the_angle_is_known_beside_data_that_pyav_has_no_name_for() -> None:
    """JPEG with EXIF in a video is such data; asking PyAV for any of it is then an error."""

    class Frame:
        rotation = -90

        @property
        def side_data(self) -> object:
            raise ValueError("31 is not a valid Type")

    assert pyav._orientation(Frame()) == orientation_of(np.array([0, ONE, 0, -ONE, 0, 0, 0, 0, 1], np.int32).tobytes())


def test_the_picture_on_the_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match=r"song\.mp4: holds no video"):
        VideoSource(path)


def test_a_name_with_a_colon_is_no_address(tmp_path: Path) -> None:
    path = encode(tmp_path / "10:30.mp4", sample_images(3))
    assert len(frames_of(path)) == 3


def test_recordings_that_were_joined_lose_nothing(tmp_path: Path) -> None:
    """Their sizes differ, their clocks start again, and MPEG-TS calls the place where they meet corrupt."""
    first = encode(tmp_path / "first.ts", sample_images(24))
    second = encode(tmp_path / "second.ts", sized(320, 240, 24))
    path = tmp_path / "joined.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    frames = frames_of(path)
    assert [frame.image.shape[0] for frame in frames] == [480] * 24 + [240] * 24
    assert [frame.timestamp_s for frame in frames] == pytest.approx([index / 30 for index in range(48)])


@pytest.mark.parametrize(
    ("codec", "pixel_format", "name"),
    [
        ("libx265", "yuv420p10le", "a.mp4"),
        ("libvpx-vp9", "yuva420p", "a.webm"),
        ("ffv1", "gray16le", "a.mkv"),
        ("rawvideo", "bgr24", "a.avi"),
        ("prores_ks", "yuv422p10le", "a.mov"),
        ("mpeg2video", "yuv420p", "a.mxf"),
        ("wmv2", "yuv420p", "a.wmv"),
        ("libx264", "yuv420p", "a.m3u8"),
        ("libx264", "yuv444p", "percent%03d.mp4"),
    ],
)
def test_other_codecs_and_containers(tmp_path: Path, codec: str, pixel_format: str, name: str) -> None:
    images = sized(320, 240, 10)
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    frames = frames_of(
        encode(tmp_path / name, images, codec=codec, pixel_format=pixel_format, rate=25, options=options)
    )
    assert [frame.timestamp_s for frame in frames] == pytest.approx([index / 25 for index in range(10)], abs=1e-3)
    grey = (images[0].mean(axis=2), frames[0].image.mean(axis=2))
    assert np.abs(grey[0] - grey[1]).mean() < 4


def test_an_empty_file_and_a_pipe_say_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match=r"empty\.mp4: is empty"):
        VideoSource(tmp_path / "empty.mp4")
    with pytest.raises(SourceError, match=r"/dev/null: is a pipe or a device"):
        VideoSource(Path("/dev/null"))


def test_frames_have_a_budget(tmp_path: Path) -> None:
    path = encode(tmp_path / "large.mp4", sample_images(1))
    with pytest.raises(SourceError, match=r"large\.mp4: has 640 x 480 px, more than 0\.3 megapixels"):
        VideoSource(path, max_pixels=300_000)
    assert len(list(VideoSource(path, max_pixels=640 * 480))) == 1


def test_frames_are_freed_at_once(tmp_path: Path) -> None:
    """They hold megabytes, and Python counts objects, not bytes, before it looks for circles of references."""
    path = encode(tmp_path / "a.mp4", sample_images(30))
    gc.collect()
    gc.disable()
    try:
        for _ in VideoSource(path):
            pass
        alive = [each for each in gc.get_objects() if isinstance(each, av.VideoFrame)]
    finally:
        gc.enable()
    assert len(alive) <= 2
