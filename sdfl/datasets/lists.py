"""Labels of many pictures in one text file: the path of a picture and its coordinates on each line."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

from sdfl.datasets.fields import existing_picture, finite_points, is_number, layout_of, number
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError
from sdfl.files import numbered_lines
from sdfl.layouts import layout_with

_BETWEEN = r"[\s,;]+"
_QUOTED_NUMBER = re.compile(r'"([-+.\deE]+)"')
_QUOTED_FIRST = re.compile(rf"""^(["'])(?P<name>.+)\1{_BETWEEN}(?P<numbers>[^"']*)$""")
_QUOTED_LAST = re.compile(rf"""^(?P<numbers>[^"']*){_BETWEEN}(["'])(?P<name>.+)\2$""")


def load_list(path: Path, images: Path | None = None) -> list[Sample]:
    r"""Read a text file with one face per line: a picture's path and 2N numbers x y x y ...

    The path comes first or last; blanks, commas or semicolons separate the fields, and behind semicolons decimals may
    have a comma. A path with blanks comes first or is quoted, and may have Windows' separators (`.\a.png`). A first
    line may name the columns. The lists of the paper's released code have this form, too; the 2N weights that these may
    hold behind the points are not used.

    Args:
        path: the list.
        images: the folder that paths are below, None for the list's own; coordinates are 0-based px.

    Raises:
        DataError: names the file and the line.
    """
    folder = images or path.parent
    lines = [(where, line.strip()) for where, line in numbered_lines(path) if not line.lstrip().startswith("#")]
    if lines and _names_columns(lines[0][1]):
        del lines[0]
    if not lines:
        raise DataError(f"{path}: holds no labelled picture")
    return [_sample(line, where, folder) for where, line in lines]


def _sample(line: str, where: str, folder: Path) -> Sample:
    name, numbers = _split(line)
    values = _values(numbers, where)
    count = len(values) // 2
    if count % 2 == 0 and layout_with(count) is None and layout_with(count // 2) and not re.search("[,;]", numbers):
        count //= 2  # weights follow; between commas they could as well be decimals with a comma
    layout = layout_of(count, where)
    return Sample(existing_picture(folder, name, where), finite_points(values[: 2 * count], where), layout)


def _split(line: str) -> tuple[str, str]:
    """The picture's path and the numbers of a line."""
    line = _QUOTED_NUMBER.sub(r"\1", line).strip(" \t,;")
    for form in (_QUOTED_FIRST, _QUOTED_LAST):
        if found := form.match(line):
            return found["name"].replace('""', '"'), found["numbers"]
    fields = re.split(_BETWEEN, line)
    if is_number(fields[0]) and not is_number(fields[-1]):
        count = len(list(takewhile(is_number, fields)))
        name = re.split(_BETWEEN, line, maxsplit=count)[-1]
        return name, line[: len(line) - len(name)]
    count = len(list(takewhile(is_number, reversed(fields))))
    name = re.split(_BETWEEN, line[::-1], maxsplit=count)[-1][::-1] if count else line
    return name, line[len(name) :]


def _values(numbers: str, where: str) -> list[float]:
    """The numbers of a line."""
    numbers = numbers.strip(" \t,;")
    separators = {separator.strip() for separator in re.findall(r"\s*[,;]\s*|\s+", numbers)}
    if separators == {"", ","}:
        raise DataError(f"{where}: has blanks and commas between numbers; use one of them, and a point in decimals")
    if ";" in separators:
        fields = [field.strip().replace(",", ".") for field in numbers.split(";")]
    else:
        fields = re.split(r"\s*,\s*" if "," in separators else r"\s+", numbers)
    if len(fields) % 2 or not all(map(is_number, fields)):
        raise DataError(
            f"{where}: must hold a picture's path and x y of every point; the first line may name such columns"
        )
    return [number(field) for field in fields]


def _names_columns(line: str) -> bool:
    """Whether a line is a header like "image,x0,y0,x1,y1,...": coordinates must stand in the order that lines have."""
    separator = next((mark for mark in ",;\t" if mark in line), None)
    columns = [column.strip(" \"'").lower() for column in line.split(separator)]
    return any(
        len(names) > 1
        and len(names) % 2 == 0
        and not any(map(is_number, names))
        and all(_is_axis(name, "xy"[index % 2]) for index, name in enumerate(names))
        for names in (columns[1:], columns[:-1])
    )


def _is_axis(column: str, axis: str) -> bool:
    return column.startswith(axis) or column.endswith(axis)
