"""A video is called cut off only where its container proves it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("av", reason="videos are made with PyAV")
pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")

import av
from clips import cut, encode, remux, sample_images

from sdfl.errors import SourceError
from sdfl.runtime.sources import VideoSource
from sdfl.runtime.sources.video.truncation import declared_size, missing_bytes

WHOLE = [
    pytest.param("a.mp4", {}, id="mp4"),
    pytest.param("a.mp4", {"movflags": "faststart"}, id="mp4 with the index in front"),
    pytest.param("a.mov", {}, id="mov"),
    pytest.param("a.mkv", {}, id="mkv"),
    pytest.param("a.avi", {}, id="avi"),
]


@pytest.mark.parametrize(("name", "options"), WHOLE)
def test_a_whole_file_has_the_size_that_it_declares(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    path = encode(tmp_path / name, sample_images(30), container_options=options)
    assert declared_size(path) == path.stat().st_size
    path.write_bytes(path.read_bytes() + bytes(100))
    assert missing_bytes(path) == 0


@pytest.mark.parametrize("name", ["a.ts", "a.flv"])
def test_other_containers_declare_nothing(tmp_path: Path, name: str) -> None:
    assert declared_size(encode(tmp_path / name, sample_images(5))) is None


@pytest.mark.parametrize(("name", "options"), WHOLE[1:])
def test_a_file_that_is_cut_off_gives_what_it_has_then_says_so(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    if name == "a.mov":
        options = {"movflags": "faststart"}
    path = cut(encode(tmp_path / name, sample_images(60), container_options=options, options={"g": "10"}))
    seen: list[int] = []

    def read_all() -> None:
        for frame in VideoSource(path):
            seen.append(frame.index)

    with pytest.raises(SourceError, match=rf"{name}: is cut off after frame \d+; the frames before"):
        read_all()
    assert 10 < len(seen) < 60


def test_an_mp4_that_lost_its_index_says_what_is_missing(tmp_path: Path) -> None:
    path = cut(encode(tmp_path / "a.mp4", sample_images(30)))
    with pytest.raises(SourceError, match=r"a\.mp4: is cut off: its last \d+ bytes are missing, .*copy it again"):
        VideoSource(path)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
def test_sound_that_goes_on_after_the_picture_is_normal(tmp_path: Path, suffix: str) -> None:
    path = encode(tmp_path / f"long.{suffix}", sample_images(30), sound_s=5.0)
    said: list[str] = []
    assert len(list(VideoSource(path, say=said.append))) == 30
    assert said == []


def test_a_trimmed_video_gives_what_is_left_of_it(tmp_path: Path) -> None:
    """Trimming without encoding keeps all frames in the file, and an edit list says which are shown."""
    whole = encode(tmp_path / "whole.mp4", sample_images(60), options={"bf": "0"})
    path = tmp_path / "trimmed.mp4"
    with av.open(str(whole)) as old, av.open(str(path), "w", options={"use_editlist": "1"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.pts -= 20 * 512  # of 15,360 a second: 20 frames lie before the start
                packet.dts -= 20 * 512
                packet.stream = stream
                new.mux(packet)
    source = VideoSource(path)
    frames = list(source)
    assert [frame.timestamp_s for frame in frames] == pytest.approx([index / 30 for index in range(len(frames))])
    assert 40 <= len(frames) <= 60


@pytest.mark.parametrize("kind", ["ts", "h264", "fragmented mp4"])
def test_containers_without_a_length_get_a_remark(tmp_path: Path, kind: str) -> None:
    whole = encode(tmp_path / "whole.mp4", sample_images(60), options={"bf": "0"})
    if kind == "fragmented mp4":
        path = remux(whole, tmp_path / "cut.mp4", movflags="frag_keyframe+empty_moov")
    else:
        path = remux(whole, tmp_path / f"cut.{kind}", container_format="mpegts" if kind == "ts" else kind)
    cut(path)
    said: list[str] = []
    count = len(list(VideoSource(path, say=said.append)))
    assert 10 < count < 60
    assert said == [
        f"{path}: 1 frame is damaged and was left out, {count} were used; the file ends in a damaged frame and is "
        "probably cut off"
    ]
