"""Whatever bytes a file holds, a reader returns or says in one line what is wrong with that file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdfl.artifacts.litert_file import with_passport
from sdfl.artifacts.model_file import read_spec
from sdfl.artifacts.onnx_metadata import read_metadata
from sdfl.artifacts.passport import Passport, read_passport
from sdfl.benchmarks.records import read_records
from sdfl.config import override, read_toml
from sdfl.datasets.coco import load_coco
from sdfl.datasets.lists import load_list
from sdfl.datasets.pictures import read_image
from sdfl.datasets.pts import read_pts
from sdfl.errors import SdflError
from sdfl.runtime.detector.network import FACES
from sdfl.runtime.zoo import ZOO
from sdfl.train.recipe import find_recipe, load_recipe

MANY = settings(
    max_examples=int(os.environ.get("SDFL_EXAMPLES", "100")),  # raise it to search on, with other inputs each time
    derandomize="SDFL_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PTS = b"version: 1\nn_points: 68\n{\n" + b"".join(b"%d.5 %d\n" % (i, 2 * i) for i in range(68)) + b"}\n"
LIST = b"a.png " + b" ".join(b"%d" % i for i in range(136)) + b"\n"
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "keypoints": [1.0, 2.0, 2] * 68}],
    }
).encode()
LITERT = with_passport(b"TFL3" * 9, Passport("litert", "fp32", {}, "a.onnx", "0" * 64, "", "1" * 64, "0.10.0"))
RECORD = b'{"kind":"latency","protocol":2,"subject":{"name":"a","backend":"b"},"settings":{},"environment":{}}\n'


def _recipe(path: Path) -> object:
    return load_recipe(path)


READERS: dict[str, tuple[str, Callable[[Path], object], bytes]] = {
    "pts": ("a.pts", read_pts, PTS),
    "list": ("a.txt", load_list, LIST),
    "coco": ("a.json", load_coco, COCO),
    "picture": ("a.png", read_image, b"\x89PNG\r\n\x1a\n"),
    "onnx": ("a.onnx", read_spec, (ZOO / "nano_int8.onnx").read_bytes()[-4000:]),
    "detector": ("a.onnx", read_metadata, FACES.read_bytes()[-4000:]),
    "IR": ("a.xml", read_spec, b'<net><rt_info><sdfl><passport value="{}"/></sdfl></rt_info></net>'),
    "engine": ("a.engine", read_passport, b"{}"),
    "LiteRT": ("a.tflite", read_spec, LITERT),
    "records": ("a.jsonl", lambda path: read_records([path]), RECORD),
    "TOML": ("a.toml", read_toml, b"[a]\nb = 1\n"),
    "recipe": ("a.toml", _recipe, find_recipe(Path("smoke")).read_bytes()),
}


@st.composite
def mutated(draw: st.DrawFn, seed: bytes) -> bytes:
    """`seed` cut off, with bytes replaced, repeated or put in; or no relation of it."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.binary(max_size=400))
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["cut", "replace", "insert", "repeat"]))
        if kind == "cut":
            del data[at : at + draw(st.integers(1, 200))]
        elif kind == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 40))]
        else:
            new = draw(st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(_TOKENS)))
            data[at : at + (len(new) if kind == "replace" else 0)] = new
    return bytes(data)


_TOKENS = (b"nan", b"1e999", b"-1", b"\x00", b"\xff\xfe", b"{}", b"[]", b"null", b'"', b"\n", b"99999999999999999999")


def check(name: str, data: bytes, tmp_path: Path) -> None:
    file, reader, _ = READERS[name]
    path = tmp_path / file
    path.write_bytes(data)
    beside = path.with_name(f"{path.name}.json")
    if name == "engine":
        beside.write_bytes(data)
    try:
        reader(path)
    except SdflError as error:
        message = str(error)
        assert "\n" not in message, message
        assert str(path) in message, message


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    @MANY
    @given(mutated(READERS[name][2]))
    def run(data: bytes) -> None:
        check(name, data, tmp_path)

    run()


@MANY
@given(st.lists(st.text(max_size=30), max_size=3))
def test_any_assignment_is_taken_or_refused_in_one_line(assignments: list[str]) -> None:
    table: dict[str, Any] = {"train": {"epochs": 1}}
    try:
        override(table, assignments)
    except SdflError as error:
        message = str(error)
    else:
        return
    assert message.startswith("--set ")
