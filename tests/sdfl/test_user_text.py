"""Text as editors, spreadsheets and shells of all systems write it: every reader takes it, or names file and line."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sdfl.artifacts.passport import Passport, read_passport
from sdfl.benchmarks.records import Record, RecordsError, Subject, append_record, read_records
from sdfl.config import read_toml
from sdfl.datasets import load_coco, load_list, load_split, read_pts
from sdfl.errors import ArtifactError, ConfigError, DataError, SdflError
from sdfl.files import read_json, read_text

POINTS = np.arange(136, dtype=np.float32).reshape(68, 2) / 4 + 1
RECORD = Record("latency", Subject("ä", "openvino"), {}, {}, {"p50_ms": 2.5})
PASSPORT = Passport("openvino", "int8", {"a": "ü"}, "ü.onnx", "0", "", "0", "1")
Reader = Callable[[Path], Any]


def as_text(points: np.ndarray) -> str:
    return " ".join(f"{value:.2f}" for value in points.ravel())


def pts(points: np.ndarray = POINTS) -> str:
    rows = "".join(f"{x:.2f} {y:.2f}\n" for x, y in points + 1)
    return f"version: 1\nn_points: {len(points)}\n{{\n{rows}}}\n"


def coco(*flags: float, points: np.ndarray = POINTS) -> dict[str, Any]:
    """One annotation a flag, which is the v of point 3; the others are visible."""
    keypoints = [[[x, y, 2.0] for x, y in points.tolist()] for _ in flags]
    for rows, flag in zip(keypoints, flags, strict=True):
        rows[3][2] = flag
    annotations = [{"image_id": 7, "keypoints": [value for row in rows for value in row]} for rows in keypoints]
    return {"images": [{"id": 7, "file_name": "ä.png"}], "annotations": annotations}


def wflw(root: Path) -> np.ndarray:
    """Points of a WFLW whose test list is `root`/list_98pt_rect_attr_test.txt."""
    return np.asarray(load_split(root.parent, "wflw:test")[0].points)


WFLW = f"{as_text(np.arange(196))} 1 1 9 9 0 0 0 0 0 0 ä.png\n"
READERS: dict[str, tuple[str, str, Reader, Any]] = {
    "text": ("a.txt", "ä\nb\n", read_text, "ä\nb\n"),
    "json": ("a.json", '{"ä":\n1}', read_json, {"ä": 1}),
    "pts": ("a.pts", pts(), lambda path: read_pts(path).tolist(), POINTS.tolist()),
    "list": (
        "a.txt", f"# ä\nä.png {as_text(POINTS)}\n\n\n", lambda path: load_list(path)[0].points.tolist(), POINTS.tolist()
    ),
    "COCO": (
        "a.json", json.dumps(coco(2), indent=1, ensure_ascii=False),
        lambda path: load_coco(path)[0].points.tolist(), POINTS.tolist(),
    ),
    "WFLW": (
        "list_98pt_rect_attr_test.txt", WFLW, lambda path: wflw(path).tolist(),
        np.arange(196, dtype=np.float32).reshape(98, 2).tolist(),
    ),
    "TOML": ("a.toml", "# ä\n[a]\nb = 'ü'\n", read_toml, {"a": {"b": "ü"}}),
    "records": ("a.jsonl", RECORD.to_json() + "\n", lambda path: read_records([path]).records, (RECORD,)),
    "passport": ("a.engine.json", PASSPORT.to_json(), lambda path: read_passport(path.with_suffix("")), PASSPORT),
}  # fmt: skip
BYTES: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "UTF-16 LE, as PowerShell writes": lambda text: (
        codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le")
    ),
    "UTF-16 BE": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "blank lines at the end": lambda text: f"{text}\n\n \n".encode(),
}
REFUSED: dict[str, tuple[Callable[[str], bytes], str]] = {
    "Latin-1": (lambda text: f"{text}\nÄ".encode("latin-1"), r":\d+: is not text in UTF-8; save the file as UTF-8"),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), r":\d+: (holds a zero byte|is not text in UTF-8)"),
    "UTF-16 cut off": (lambda text: text.encode("utf-16")[:-1], r":\d+: is not text in UTF-16, although"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds the picture that the labels name; it can be taken for a WFLW too."""
    root = tmp_path / "wflw"
    (root / "WFLW_images").mkdir(parents=True)
    content = cv2.imencode(".png", np.zeros((90, 120, 3), np.uint8))[1].tobytes()
    for path in (root / "ä.png", root / "WFLW_images" / "ä.png"):
        path.write_bytes(content)
    return root


@pytest.mark.parametrize("written", BYTES)
@pytest.mark.parametrize("kind", READERS)
def test_text_of_all_systems_is_read(folder: Path, kind: str, written: str) -> None:
    name, text, read, wanted = READERS[kind]
    (folder / name).write_bytes(BYTES[written](text))
    found = read(folder / name)
    assert (found.strip("\n ") if kind == "text" else found) == (wanted.strip() if kind == "text" else wanted)


@pytest.mark.parametrize("written", REFUSED)
@pytest.mark.parametrize("kind", READERS)
def test_text_in_other_encodings_is_refused_with_its_place(folder: Path, kind: str, written: str) -> None:
    name, text, read, _ = READERS[kind]
    encode, message = REFUSED[written]
    (folder / name).write_bytes(encode(text))
    with pytest.raises(SdflError, match=re.escape(str(folder / name)) + message) as caught:
        read(folder / name)
    assert "\n" not in str(caught.value)


def test_the_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\rM\xfcller\n")
    with pytest.raises(DataError, match=r"a\.txt:3: is not text in UTF-8"):
        read_text(tmp_path / "a.txt")


def test_byte_order_marks_of_joined_files_are_no_part_of_names(folder: Path) -> None:
    line = f"ä.png {as_text(POINTS)}\n".encode()
    (folder / "a.txt").write_bytes((codecs.BOM_UTF8 + line) * 2)
    assert [sample.image_path.name for sample in load_list(folder / "a.txt")] == ["ä.png"] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{\n "a": 1,\n}', r"a\.json:3: is not valid JSON", id="a comma too many"),
        pytest.param("[" * 200_000, r"a\.json: is not valid JSON", id="brackets without end"),
        pytest.param("9" * 5000, r"a\.json: is not valid JSON", id="a number without end"),
    ],
)
def test_what_is_no_json_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_json(tmp_path / "a.json")


def test_toml_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(ConfigError, match=r"a\.toml: is not valid TOML"):
        read_toml(tmp_path / "a.toml")


def test_a_passport_that_is_no_text_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "a.engine.json").write_bytes(b"\xff")
    with pytest.raises(ArtifactError, match=r"a\.engine\.json:1: is not text in UTF-8; .* build the engine again"):
        read_passport(tmp_path / "a.engine")


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        pytest.param(RECORD.to_json() + "\n", 1, id="a finished line"),
        pytest.param(RECORD.to_json(), 1, id="a finished line whose end an editor removed"),
        pytest.param(RECORD.to_json() + "\r", 1, id="lines that end in CR"),
        pytest.param(RECORD.to_json() + "\n" + RECORD.to_json()[:40], 1, id="an unfinished line"),
        pytest.param('{"ki', 0, id="only an unfinished line"),
    ],
)
def test_records_are_added_behind_whatever_a_file_ends_in(tmp_path: Path, left: str, kept: int) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(left.encode())
    assert len(read_records([path]).records if kept else ()) == kept
    append_record(path, Record("latency", Subject("b", "openvino"), {}, {}))
    assert [record.subject.name for record in read_records([path]).records] == ["ä"] * kept + ["b"]


def test_nothing_is_added_to_records_in_utf16(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(RECORD.to_json() + "\n", encoding="utf-16")
    before = path.read_bytes()
    with pytest.raises(RecordsError, match=r"r\.jsonl: is in UTF-16, to which no record can be added"):
        append_record(path, RECORD)
    assert path.read_bytes() == before
