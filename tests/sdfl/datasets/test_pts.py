from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.datasets import find_samples, read_image, read_pts
from sdfl.errors import DataError


def write_pts(path: Path, points: np.ndarray, declared: int | None = None) -> None:
    rows = "\n".join(f"{x:.3f} {y:.3f}" for x, y in points)
    path.write_text(f"version: 1\nn_points:  {declared or len(points)}\n{{\n{rows}\n}}\n")


def write_face(folder: Path, name: str, num_points: int = 68) -> Path:
    path = folder / f"{name}.jpg"
    cv2.imwrite(str(path), np.full((60, 80, 3), 90, np.uint8))
    write_pts(path.with_suffix(".pts"), np.full((num_points, 2), 5.0))
    return path


def test_points_become_zero_based(tmp_path: Path) -> None:
    write_pts(tmp_path / "a.pts", np.array([[1.0, 1.0], [11.5, 3.0]]))
    assert read_pts(tmp_path / "a.pts").tolist() == [[0.0, 0.0], [10.5, 2.0]]


def test_finds_pictures_in_sub_folders_sorted(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write_face(tmp_path / "b", "1")
    write_face(tmp_path, "a")
    samples = find_samples(tmp_path)
    assert [sample.image_path.name for sample in samples] == ["a.jpg", "1.jpg"]
    assert {sample.layout for sample in samples} == {"ibug68"}


def _missing_points(folder: Path) -> None:
    write_face(folder, "face").with_suffix(".pts").unlink()


def _missing_picture(folder: Path) -> None:
    write_face(folder, "other")
    write_face(folder, "face").unlink()


def _too_few_points(folder: Path) -> None:
    write_face(folder, "face", num_points=67)


def _cut_off(folder: Path) -> None:
    write_face(folder, "face")
    write_pts(folder / "face.pts", np.zeros((40, 2)), declared=68)


def _no_braces(folder: Path) -> None:
    write_face(folder, "face")
    (folder / "face.pts").write_text("version: 1\nn_points: 68\n")


def _words(folder: Path) -> None:
    write_face(folder, "face")
    (folder / "face.pts").write_text("version: 1\nn_points: 2\n{\n1 2\nthree four\n}\n")


def _not_finite(folder: Path) -> None:
    write_face(folder, "face")
    write_pts(folder / "face.pts", np.full((68, 2), np.nan))


def _two_faces(folder: Path) -> None:
    write_face(folder, "face")
    (folder / "face.pts").write_text((folder / "face.pts").read_text() * 2)


def _not_two(folder: Path) -> None:
    write_face(folder, "face")
    (folder / "face.pts").write_text("version: 1\nn_points: 1\n{\n\n1,5 2,5\n}\n")


def _binary(folder: Path) -> None:
    write_face(folder, "face")
    (folder / "face.pts").write_bytes(b"\x80\x00\xff\xfe")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(_missing_points, r"face\.jpg: has no \.pts file", id="a picture without points"),
        pytest.param(_missing_picture, r"face\.pts: has no picture", id="points without a picture"),
        pytest.param(_too_few_points, r"face\.pts: has 67 points, expected 68 \(ibug68\)", id="67 points"),
        pytest.param(_cut_off, r"face\.pts: declares 68 points but holds 40", id="cut off"),
        pytest.param(_no_braces, r"face\.pts: declares 68 points but holds 0", id="no braces"),
        pytest.param(_words, r"face\.pts:5: must be x and y of one point, got 'three four'", id="words"),
        pytest.param(_two_faces, r"face\.pts: holds more than one block of points", id="two faces"),
        pytest.param(_not_two, r"face\.pts:5: must be x and y of one point, got '1,5 2,5'", id="decimal commas"),
        pytest.param(_not_finite, r"face\.pts: holds a coordinate .* finite number \(point 1\)", id="not a number"),
        pytest.param(_binary, r"face\.pts:1: is not text in UTF-8; save the file as UTF-8", id="binary"),
        pytest.param(lambda folder: None, r"holds no pictures", id="an empty folder"),
        pytest.param(lambda folder: folder.rmdir(), r"is not a folder", id="a missing folder"),
    ],
)
def test_bad_folders_get_one_line_naming_the_file(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        find_samples(tmp_path, "ibug68")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [pytest.param(b"", id="empty"), pytest.param(b"\xff\xd8\xff\xe0 no picture", id="an unreadable JPEG")],
)
def test_unreadable_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.jpg: is not a picture"):
        read_image(tmp_path / "bad.jpg")


@pytest.mark.parametrize("flags", [pytest.param(np.uint8, id="grey"), pytest.param(np.uint16, id="16 bit")])
def test_any_picture_becomes_three_channels_of_bytes(tmp_path: Path, flags: type) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 6), np.iinfo(flags).max, dtype=flags))
    image = read_image(tmp_path / "a.png")
    assert image.shape == (4, 6, 3)
    assert image.dtype == np.uint8
    assert image.min() == 255


@pytest.mark.data
@pytest.mark.parametrize(("folder", "count"), [("afw", 337), ("helen/trainset", 870), ("helen/testset", 330)])
def test_real_folders_are_complete(data_dir: Path, folder: str, count: int) -> None:
    samples = find_samples(data_dir / "300w" / folder, "ibug68")
    assert len(samples) == count
    image = read_image(samples[0].image_path)
    centre = samples[0].points.mean(axis=0)
    assert (centre > 0).all()
    assert (centre < image.shape[1::-1]).all()
