"""The datasets' official files, generated in their published formats, whole and broken."""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.datasets import find_samples, load_coco, load_split, read_image
from sdfl.datasets.check import check, contact_sheet
from sdfl.errors import DataError, MissingDependency

rng = np.random.default_rng(0)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rng.integers(0, 255, (90, 120, 3), np.uint8))
    return path


def numbers(points: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in points.ravel())


def face(count: int) -> np.ndarray:
    return rng.uniform(20, 80, size=(count, 2))


def write_wflw(root: Path) -> Path:
    """Two training and three test pictures; returns the test list."""
    lists = root / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    lists.mkdir(parents=True)
    for split, attributes in (("train", ["000000"] * 2), ("test", ["100010", "000000", "000011"])):
        lines = []
        for index, flags in enumerate(attributes):
            name = f"7--Cheering/{split}_{index}.png"
            picture(root / "WFLW_images" / name)
            lines.append(f"{numbers(face(98))} 10 10 90 80 {' '.join(flags)} {name}")
        (lists / f"list_98pt_rect_attr_{split}.txt").write_text("\n".join(lines) + "\n")
    return lists / "list_98pt_rect_attr_test.txt"


def write_cofw(root: Path, count: int = 3) -> None:
    """As MATLAB v7.3 stores them: pictures as references, (3, W, H) or (W, H), and one column a face."""
    h5py = pytest.importorskip("h5py", reason="needs the extra datasets")
    root.mkdir(parents=True, exist_ok=True)
    for file, images, labels in (("train", "IsTr", "phisTr"), ("test", "IsT", "phisT")):
        with h5py.File(root / f"COFW_{file}_color.mat", "w") as out:
            cells = out.create_dataset(images, (1, count), dtype=h5py.ref_dtype)
            phis = np.zeros((87, count))
            for index in range(count):
                shape = (3, 50, 40) if index else (50, 40)
                content = np.zeros(shape, np.uint8)
                content[..., 7, 5] = (10, 20, 30) if index else 99  # x 7, y 5: red, green, blue
                cells[0, index] = out.create_dataset(f"#refs#/{images}{index}", data=content).ref
                phis[:29, index], phis[29:58, index] = np.arange(29) + 1, np.arange(29) + 6
                phis[58, index] = 1
            out.create_dataset(labels, data=phis)


def write_cofw68(root: Path, number: int = 2) -> Path:
    savemat = pytest.importorskip("scipy.io", reason="needs the extra datasets").savemat
    path = root / "test_annotations" / f"{number}_points.mat"
    path.parent.mkdir(parents=True)
    savemat(path, {"Points": np.full((68, 2), 4.0), "Occ": np.eye(1, 68, dtype=np.uint8)})
    return path


def write_300w(root: Path, parts: dict[str, int]) -> None:
    for part, count in parts.items():
        for index in range(count):
            image = picture(root / part / f"image_{index}.png")
            rows = "\n".join(numbers(point) for point in face(68))
            image.with_suffix(".pts").write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")


def test_wflw_with_its_subsets(tmp_path: Path) -> None:
    write_wflw(tmp_path / "wflw")
    test = load_split(tmp_path, "wflw:test")
    assert [sample.subsets for sample in test] == [("pose", "occlusion"), (), ("occlusion", "blur")]
    assert test[0].layout == "wflw98"
    assert read_image(test[0].image_path).shape == (90, 120, 3)
    assert len(load_split(tmp_path, "wflw:test/occlusion")) == 2
    assert len(load_split(tmp_path / "wflw", "wflw:train")) == 2, "the dataset's own root will do, too"


def test_wflw_coordinates_are_kept(tmp_path: Path) -> None:
    path = write_wflw(tmp_path)
    first = np.array(path.read_text().split()[:196], dtype=np.float32).reshape(98, 2)
    assert np.array_equal(load_split(tmp_path, "wflw:test")[0].points, first)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda t: t.replace(" 10 10", " 10", 1), r"test\.txt:1: has 206 fields, expected 207", id="short"),
        pytest.param(lambda t: t.replace(t.split()[3], "x", 1), r"test\.txt:1: holds a coordinate", id="words"),
        pytest.param(lambda t: t.replace(t.split()[3], "nan", 1), r"test\.txt:1: .* not a finite number", id="nan"),
        pytest.param(lambda t: t.replace("80 1 0", "80 2 0", 1), r"test\.txt:1: attributes must be 0 or 1", id="flag"),
        pytest.param(
            lambda t: t.replace("80 1 0", f"80 1{'[' * 10_000} 0", 1), r"test\.txt:1: attributes must", id="long flag"
        ),
        pytest.param(
            lambda t: t.replace("test_2", "gone"), r"test\.txt:3: names the picture .*gone\.png", id="no picture"
        ),
        pytest.param(lambda t: "\n", r"test\.txt: is empty", id="empty"),
    ],
)
def test_broken_wflw_lists_name_file_and_line(tmp_path: Path, spoil: Callable[[str], str], message: str) -> None:
    path = write_wflw(tmp_path)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(DataError, match=message) as caught:
        load_split(tmp_path, "wflw:test")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_300w_splits(tmp_path: Path) -> None:
    parts = {"afw": 2, "helen/trainset": 3, "lfpw/trainset": 1, "helen/testset": 2, "lfpw/testset": 1, "ibug": 2}
    write_300w(tmp_path / "300w", parts)
    sizes = {split: len(load_split(tmp_path, f"300w:{split}")) for split in ("train", "common", "challenging", "full")}
    assert sizes == {"train": 6, "common": 3, "challenging": 2, "full": 5}


def test_cofw_pictures_and_points(tmp_path: Path) -> None:
    write_cofw(tmp_path / "cofw")
    samples = load_split(tmp_path, "cofw:test")
    assert len(samples) == 3
    assert samples[0].points[:2].tolist() == [[0, 5], [1, 6]], "MATLAB counts from 1"
    assert samples[0].visible is not None
    assert samples[0].visible.tolist() == [False] + [True] * 28
    grey, colour = (read_image(sample.image_path) for sample in samples[:2])
    assert grey.shape == colour.shape == (40, 50, 3)
    assert grey[5, 7].tolist() == [99, 99, 99]
    assert colour[5, 7].tolist() == [30, 20, 10], "the file holds red, green, blue; OpenCV wants the reverse"


def test_cofw68_labels_belong_to_cofws_test_pictures(tmp_path: Path) -> None:
    write_cofw(tmp_path)
    write_cofw68(tmp_path, number=2)
    (sample,) = load_split(tmp_path, "cofw68:test")
    assert sample.image_path == tmp_path / "COFW_test_color.mat" / "1"
    assert sample.points.tolist() == [[3.0, 3.0]] * 68
    assert sample.visible is not None
    assert sample.visible.sum() == 67
    assert read_image(sample.image_path).shape == (40, 50, 3)


def _cut_cofw(root: Path) -> None:
    path = root / "COFW_test_color.mat"
    path.write_bytes(path.read_bytes()[:200])


def _rename_cofw(root: Path) -> None:
    import h5py

    with h5py.File(root / "COFW_test_color.mat", "a") as file:
        file.move("phisT", "phis")


def _reshape_cofw(root: Path) -> None:
    import h5py

    with h5py.File(root / "COFW_test_color.mat", "a") as file:
        del file["phisT"]
        file["phisT"] = np.zeros((58, 3))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(_cut_cofw, r"COFW_test_color\.mat: is not a complete MATLAB v7\.3 file", id="cut off"),
        pytest.param(_rename_cofw, r"COFW_test_color\.mat: has no phisT", id="another key"),
        pytest.param(_reshape_cofw, r"phisT must have shape \(87, 3\), got \(58, 3\)", id="another shape"),
    ],
)
def test_broken_cofw_files_are_named(tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    write_cofw(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=message):
        load_split(tmp_path, "cofw:test")


def test_broken_cofw68_labels_are_named(tmp_path: Path) -> None:
    write_cofw(tmp_path)
    write_cofw68(tmp_path).write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"2_points\.mat: is not a COFW-68 label"):
        load_split(tmp_path, "cofw68:test")


def test_without_h5py_the_pip_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cofw(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingDependency, match=r"h5py is not installed; .*pip install '.*\[datasets\]'"):
        load_split(tmp_path, "cofw:test")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "wflw:val", r"wflw:val: no such split; choose one of wflw:train, wflw:test, 300w:train", id="split"
        ),
        pytest.param("wflw:test", r"wflw:test: not found below .*; put WFLW_images/", id="not there"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_split(tmp_path, name)


def test_check_counts_against_the_official_numbers(tmp_path: Path) -> None:
    write_wflw(tmp_path / "wflw")
    write_300w(tmp_path / "300w", {"afw": 2})
    write_cofw(tmp_path / "cofw")
    result = check(tmp_path)
    rows = {finding.name: finding for finding in result.parts}
    assert (rows["wflw:test"].found, rows["wflw:test"].official) == (3, 2500)
    assert (rows["wflw:test/occlusion"].found, rows["wflw:test/occlusion"].official) == (2, 736)
    assert (rows["300w afw"].found, rows["300w afw"].official) == (2, 337)
    assert rows["300w ibug"].problem == "folder is missing"
    assert rows["cofw:train"].found == 3
    assert not any(finding.complete for finding in result.parts)
    contact_sheet(result.samples, tmp_path / "sheet.png", rows=2, columns=3, size=64)
    assert read_image(tmp_path / "sheet.png").shape == (128, 192, 3)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_check_goes_on_after_a_broken_part(tmp_path: Path) -> None:
    path = write_wflw(tmp_path)
    path.write_text("broken\n")
    rows = {finding.name: finding for finding in check(tmp_path).parts}
    assert "has 1 fields" in rows["wflw:test"].problem
    assert rows["wflw:train"].found == 2


@pytest.mark.data
@pytest.mark.parametrize(("name", "layout", "count"), [("wflw", "wflw98", 4), ("cofw", "cofw29", 2)])
def test_real_samples_in_coco_json(data_dir: Path, name: str, layout: str, count: int) -> None:
    samples = load_coco(data_dir / "samples" / name / f"test_{name}.json")
    assert len(samples) == count
    for sample in samples:
        height, width = read_image(sample.image_path).shape[:2]
        centre = sample.points.mean(axis=0)
        assert sample.layout == layout
        assert (centre > 0).all()
        assert (centre < (width, height)).all()
    assert check(data_dir / "samples" / name).parts[0].found == count


@pytest.mark.data
def test_the_part_of_300w_at_hand_is_called_a_part(data_dir: Path) -> None:
    rows = {finding.name: finding for finding in check(data_dir).parts}
    assert rows["300w afw"].complete
    assert rows["300w helen/testset"].complete
    assert (rows["300w helen/trainset"].found, rows["300w helen/trainset"].complete) == (870, False)
    with pytest.raises(DataError, match=r"lfpw/testset: is not a folder"):
        load_split(data_dir, "300w:common")
    assert len(find_samples(data_dir / "300w" / "helen" / "testset")) == 330
