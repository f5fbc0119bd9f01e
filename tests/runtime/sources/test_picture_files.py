"""Files and folders of pictures as sources: order, names, what is skipped, and what is said about damaged ones."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pil
from toy_face import scene
from typer.testing import Result

from sdfl import FaceLandmarker, open_source
from sdfl.datasets import find_pictures
from sdfl.errors import SourceError
from sdfl.runtime.sources import AnimationSource, PictureSource
from sdfl.runtime.sources.mirror import MirrorSource
from sdfl.runtime.sources.sample import astronaut

FACE = (150, 120, 40)


def save(path: Path, kind: str = "PNG") -> Path:
    Pil.fromarray(np.ascontiguousarray(scene(FACE)[:, :, ::-1])).save(path, kind)
    return path


def save_animation(path: Path) -> Path:
    first, *rest = (Pil.fromarray(scene((150 + index, 120, 40))) for index in range(20))
    first.save(path, "GIF", save_all=True, append_images=rest, duration=100)
    return path


def mixed_folder(folder: Path) -> Path:
    for name in ("img10.png", "img2.jfif", "IMG1.webp", "noname"):
        save(folder / name, {".jfif": "JPEG", ".webp": "WEBP"}.get(Path(name).suffix, "PNG"))
    save(folder / "._img2.jpg")
    (folder / "x.jpg").mkdir()
    (folder / "__MACOSX").mkdir()
    save(folder / "__MACOSX" / "img2.jpg")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_a_folder_gives_all_its_pictures_in_natural_order(tmp_path: Path) -> None:
    with open_source(mixed_folder(tmp_path)) as source:
        frames = list(source)
    assert [frame.source for frame in frames] == [
        tmp_path / name for name in ("IMG1.webp", "img2.jfif", "img10.png", "noname")
    ]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert [frame.source for frame in MirrorSource(source)] == [frame.source for frame in frames]


def test_calibration_skips_hidden_files_and_folders_with_names_of_pictures(tmp_path: Path) -> None:
    names = [path.name for path in find_pictures(mixed_folder(tmp_path))]
    assert names == ["IMG1.webp", "img10.png", "img2.jfif", "noname"]


def test_a_folder_with_the_name_of_a_picture_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "x.jpg"
    folder.mkdir()
    save(folder / "a.png")
    assert [frame.source for frame in open_source(folder)] == [folder / "a.png"]


def test_damaged_pictures_are_reported_counted_and_skipped(run_sdfl: Callable[..., Result], tmp_path: Path) -> None:
    folder, lines, rows = tmp_path / "in", tmp_path / "f.jsonl", tmp_path / "f.csv"
    folder.mkdir()
    for name in ("a.png", "c.png"):
        save(folder / name)
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:500])
    (folder / "d.jpg").write_bytes(b"")
    result = run_sdfl("track", folder, "--jsonl", lines, "--csv", rows)
    assert isinstance(result.exception, SourceError)
    assert str(result.exception) == f"{folder}: 2 of 4 pictures could not be read; the others were used"
    assert "b.png: this PNG picture is cut off or damaged; copy or save it again; skipped" in result.stderr
    assert "d.jpg: is not a picture that can be decoded" in result.stderr
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [line["source"] for line in told] == [str(folder / "a.png"), str(folder / "c.png")]
    assert [line["frame"] for line in told] == [0, 2]
    with rows.open(encoding="utf-8", newline="") as file:
        assert [row["source"] for row in csv.DictReader(file)] == [line["source"] for line in told]


def test_a_list_of_paths_names_its_files(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    paths = [save(tmp_path / "b.png"), save(tmp_path / "a.png")]
    assert [frame.source for frame, _ in landmarker.track(paths)] == paths


def test_a_single_damaged_picture_is_an_error_and_never_a_video(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"no picture at all")
    with pytest.raises(SourceError, match=r"a\.tif: is not a picture that can be decoded"):
        list(open_source(tmp_path / "a.tif"))


def test_a_picture_is_known_by_its_content(tmp_path: Path) -> None:
    assert isinstance(open_source(save(tmp_path / "a.mp4")), PictureSource)
    assert isinstance(open_source(save_animation(tmp_path / "a.jpg")), AnimationSource)


def test_an_animation_is_a_video_but_in_a_folder_or_detect_its_first_frame_counts(
    landmarker: FaceLandmarker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_animation(tmp_path / "a.gif")
    source = open_source(path)
    frames = list(source)
    assert (len(frames), source.num_frames, source.stills) == (20, 20, False)
    assert source.fps == pytest.approx(10)
    assert [frame.timestamp_s for frame in frames] == pytest.approx([index / 10 for index in range(20)])
    said: list[str] = []
    assert len(list(open_source(tmp_path, say=said.append))) == 1
    assert said == [f"{path}: is an animation; the first frame was taken"]
    assert len(landmarker.detect(path)) == 1
    assert capsys.readouterr().err == f"{said[0]}\n"


def test_the_limit_of_pixels_is_an_option_and_a_keyword(
    run_sdfl: Callable[..., Result], landmarker: FaceLandmarker, tmp_path: Path
) -> None:
    path = save(tmp_path / "a.png")
    message = "has 320 x 240 px, more than 0.05 megapixels"
    for verb in (("track", path), ("demo", "--view", "none", "--source", path)):
        result = run_sdfl(*verb, "--max-pixels", 50_000)
        assert isinstance(result.exception, SourceError)
        assert message in str(result.exception)
    with pytest.raises(SourceError, match=message):
        landmarker.detect(path, max_pixels=50_000)
    with pytest.raises(SourceError, match=message):
        list(landmarker.track(path, max_pixels=50_000))
    assert len(landmarker.detect(path)) == 1


@pytest.mark.slow
def test_points_are_those_of_the_upright_jpeg(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")
    upright = Pil.fromarray(np.ascontiguousarray(astronaut()[:, :, ::-1]))
    turned, table = upright.transpose(Pil.Transpose.ROTATE_90), Pil.Exif()
    table[0x0112] = 6
    upright.save(tmp_path / "a.jpg", quality=95)
    turned.save(tmp_path / "b.jfif", "JPEG", quality=95, exif=table)
    turned.save(tmp_path / "c.tif", exif=table)
    with FaceLandmarker("small") as landmarker:
        points = [landmarker.detect(path)[0].landmarks.points for path in sorted(tmp_path.iterdir())]
    for other in points[1:]:
        # px: compression changes pixels by a few values, by which another cell of the detector may give the box
        assert np.abs(other - points[0]).max() < 0.6


def test_a_video_goes_on_as_before(write_video: Callable[..., Path]) -> None:
    assert not open_source(write_video()).stills
    assert cv2.VideoCapture(str(write_video())).isOpened()
