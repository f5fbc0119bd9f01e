"""Labels of many pictures in one text file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.datasets import load_list
from sdfl.errors import DataError

rng = np.random.default_rng(0)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rng.integers(0, 255, (90, 120, 3), np.uint8))
    return path


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("{image} {points}", id="path first"),
        pytest.param("{points} {image}", id="path last, as in the released code"),
        pytest.param("{points} {weights} {image}", id="with weights, as the released code also takes them"),
        pytest.param("{image},{commas}", id="commas"),
    ],
)
def test_lists_give_pictures_and_points(tmp_path: Path, line: str) -> None:
    points = rng.uniform(20, 80, size=(29, 2))
    image = picture(tmp_path / "faces" / "a.png")
    numbers = " ".join(f"{value:.6f}" for value in points.ravel())
    text = line.format(
        image="faces/a.png", points=numbers, commas=numbers.replace(" ", ","), weights=" ".join(["1.0"] * 58)
    )
    (tmp_path / "list.txt").write_text(f"# a comment\n{text}\n\n")
    (sample,) = load_list(tmp_path / "list.txt")
    assert (sample.image_path, sample.layout) == (image, "cofw29")
    assert np.allclose(sample.points, points, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a.png 1 2 3", r"list\.txt:1: must hold a picture's path and x y", id="an odd number"),
        pytest.param("a.png 1 2 3 4", r"list\.txt:1: has 2 points, expected 68 or 98 or 29", id="two points"),
        pytest.param("b.png " + "1 " * 58, r"list\.txt:1: names the picture .*b\.png", id="no picture"),
        pytest.param("a.png " + "inf " * 58, r"list\.txt:1: .* not a finite number", id="infinite"),
        pytest.param("", r"list\.txt: holds no labelled picture", id="empty"),
    ],
)
def test_broken_lists_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        load_list(tmp_path / "list.txt")


@pytest.mark.parametrize(
    "form",
    [
        pytest.param('"{name}" {blanks}', id="quoted"),
        pytest.param("'{name}' {blanks}", id="single quotes"),
        pytest.param('{blanks} "{name}"', id="quoted, last"),
        pytest.param('"{name}",{commas}', id="CSV"),
        pytest.param('"{name}","{quoted}"', id="CSV with all fields quoted"),
        pytest.param("{name},{commas},,", id="commas at the end"),
        pytest.param("{name}\t{tabs}", id="tabs"),
        pytest.param("{name};{semicolons}", id="semicolons"),
        pytest.param("{name};{decimal_commas}", id="semicolons and decimals with a comma"),
        pytest.param("image,{header}\n{name},{commas}", id="CSV with a header"),
        pytest.param('"image";"{header_semicolons}"\n{name};{semicolons}', id="semicolons with a header"),
        pytest.param("# faces\nimage\t{header_tabs}\n\n{name}\t{tabs}\n\t\n \n", id="tabs, a header and blank lines"),
        pytest.param("{backslashes} {blanks}", id="Windows' separators"),
        pytest.param('"{backslashes}",{commas}', id="Windows' separators in CSV"),
    ],
)
def test_lists_of_all_programs_give_the_same_points(tmp_path: Path, form: str) -> None:
    points = rng.integers(20, 80, size=(68, 2)) + 0.25
    texts = [str(value) for value in points.ravel()]
    columns = [f"{axis}{index}" for index in range(68) for axis in "xy"]
    name = "./My faces/a 3.png"
    image = picture(tmp_path / name)
    text = form.format(
        name=name, backslashes=".\\My faces\\a 3.png",
        blanks=" ".join(texts), commas=",".join(texts), quoted='","'.join(texts), tabs="\t".join(texts),
        semicolons=";".join(texts), decimal_commas=";".join(texts).replace(".", ","),
        header=",".join(columns), header_semicolons='";"'.join(columns), header_tabs="\t".join(columns),
    )  # fmt: skip
    (tmp_path / "list.csv").write_text(text)
    (sample,) = load_list(tmp_path / "list.csv")
    assert sample.image_path == image
    assert sample.points.tolist() == points.tolist()


def test_a_name_that_exists_as_given_is_taken_as_given(tmp_path: Path) -> None:
    image = picture(tmp_path / "b.png").rename(tmp_path / "a\\b.png")
    picture(tmp_path / "a" / "b.png")
    (tmp_path / "list.txt").write_text("a\\b.png" + " 1 2" * 68)
    assert load_list(tmp_path / "list.txt")[0].image_path == image


def test_quotes_inside_a_quoted_name_are_doubled(tmp_path: Path) -> None:
    image = picture(tmp_path / "b.png").rename(tmp_path / 'a "b", c.png')
    (tmp_path / "list.csv").write_text('"a ""b"", c.png"' + ",1,2" * 68)
    assert load_list(tmp_path / "list.csv")[0].image_path == image


PIXELS = " ".join(["1.5"] * 136)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a.png " + PIXELS.replace(".", ","), r":1: has blanks and commas between", id="decimal commas"),
        pytest.param("a.png," + PIXELS.replace(".", ",").replace(" ", ","), r":1: has 136 points", id="commas"),
        pytest.param(f"a.png {PIXELS}\nb", r":2: must hold a picture's path and x y", id="a cut line"),
        pytest.param("a.png," + PIXELS.replace(" ", ",").replace("1.5", "", 1), r":1: must hold", id="an empty cell"),
        pytest.param("a.png " + PIXELS.replace("1.5", "nan", 1), r":1: .* finite number \(point 1\)", id="NaN"),
        pytest.param("a.png " + "1 " * 135 + "1e39", r":1: .* finite number \(point 68\)", id="too large for a float"),
        pytest.param("a.png " + PIXELS.replace("1.5", "1_5", 1), r":1: (has|must)", id="Python's digit groups"),
        pytest.param("a.png " + "1 " * 134, r":1: has 67 points, expected 68 or 98 or 29", id="67 points"),
        pytest.param(
            "image," + ",".join([f"x{i}" for i in range(68)] + [f"y{i}" for i in range(68)]) + "\na.png" + ",1" * 136,
            r":1: must hold .* name such columns", id="a header with all x in front of all y",
        ),
        pytest.param("x" * 5000 + " 1 2" * 68, r":1: names the picture .*xxx\.\.\.", id="a long name"),
        pytest.param("image,x0,y0\n", r"list\.txt: holds no labelled picture", id="only a header"),
    ],
)  # fmt: skip
def test_lists_that_could_be_misread_are_refused(tmp_path: Path, text: str, message: str) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        load_list(tmp_path / "list.txt")
    assert str(tmp_path / "list.txt") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_with_blanks_comes_back(tmp_path: Path) -> None:
    image = picture(tmp_path / "My Data, 2024" / "a b 3.png")
    points = rng.uniform(20, 80, size=(68, 2))
    (tmp_path / "list.txt").write_text(f"{image} {' '.join(f'{value:.2f}' for value in points.ravel())}\n")
    (sample,) = load_list(tmp_path / "list.txt")
    assert sample.image_path == image
    assert np.allclose(sample.points, points, atol=0.006)
