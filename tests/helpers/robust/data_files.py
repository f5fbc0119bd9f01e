"""Undamaged labels, recipes and records, and their readers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np


def _picture(folder: Path) -> None:
    cv2.imwrite(str(folder / "a.png"), np.zeros((8, 8, 3), np.uint8))


def pts(_: Path) -> bytes:
    return b"version: 1\nn_points: 68\n{\n" + b"".join(b"%d.5 %d\n" % (i, 2 * i) for i in range(68)) + b"}\n"


def list_file(folder: Path) -> bytes:
    _picture(folder)
    return b"".join(b"a.png " + b" ".join(b"%d.25" % (i + j) for i in range(136)) + b"\n" for j in range(3))


def coco(folder: Path) -> bytes:
    _picture(folder)
    annotations = [{"image_id": i, "keypoints": [1.5, 2.0, 2] * 68} for i in (1, 2)]
    return json.dumps(
        {"images": [{"id": i, "file_name": "a.png"} for i in (1, 2)], "annotations": annotations}
    ).encode()


def wflw(folder: Path) -> bytes:
    (folder / "WFLW_images").mkdir()
    _picture(folder / "WFLW_images")
    return (" ".join([*(f"{i}.5" for i in range(196)), "0 0 9 9 0 1 0 0 0 1 a.png"]) + "\n").encode() * 2


def cofw(_: Path) -> bytes:
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["phisT"] = np.arange(87 * 2, dtype=np.float64).reshape(87, 2)
        cells = file.create_dataset("IsT", (1, 2), dtype=h5py.ref_dtype)
        for index in range(2):
            file[f"picture{index}"] = np.full((3, 9, 8), index, np.uint8)
            cells[0, index] = file[f"picture{index}"].ref
    return content.getvalue()


def cofw_68(folder: Path) -> bytes:
    from scipy.io import savemat

    (folder / "COFW_test_color.mat").write_bytes(b"")
    content = io.BytesIO()
    savemat(content, {"Points": np.arange(136.0).reshape(68, 2), "Occ": np.zeros((68, 1))}, do_compression=True)
    (folder / "test_annotations").mkdir()
    return content.getvalue()


def read_cofw(path: Path) -> Any:
    from sdfl.datasets import cofw

    return cofw.load(path.parent, "test"), cofw.read_picture(path / "1")


def read_cofw_68(path: Path) -> Any:
    from sdfl.datasets import cofw

    return cofw.load_68(path.parents[1])


def read_pts(path: Path) -> Any:
    from sdfl.datasets import read_pts

    return read_pts(path)


def read_labels(path: Path) -> Any:
    from sdfl.datasets import load_labels

    return load_labels(path)


def read_wflw(path: Path) -> Any:
    from sdfl.datasets import wflw

    return wflw.load(path.parent, "test")


def recipe(name: str) -> Callable[[Path], bytes]:
    def make(_: Path) -> bytes:
        from sdfl.train.recipe import find_recipe

        return find_recipe(Path(name)).read_bytes()

    return make


def read_recipe(path: Path) -> Any:
    from sdfl.train.recipe import load_recipe

    return load_recipe(path)


def suite(_: Path) -> bytes:
    from sdfl.benchmarks.suite import HERE

    return b"rounds = 10\nthreads = [1, 2]\nsweep_pictures = 5\n" + (HERE / "suites" / "ci.toml").read_bytes().replace(
        b"rounds = 10\n", b""
    )


def read_suite(path: Path) -> Any:
    from sdfl.benchmarks.suite import load_suite

    return load_suite(str(path))


def records(_: Path) -> bytes:
    from sdfl.benchmarks.records import Record, Subject

    subject = Subject("a", "openvino", "int8", file_bytes=9, input_size=64)
    records = [
        Record("latency", subject, {"threads": threads}, {"machine": "m"}, {"p50_ms": 1.5}) for threads in (1, 2, 4)
    ]
    return "".join(record.to_json() + "\n" for record in records).encode()


def read_records(path: Path) -> Any:
    from sdfl.benchmarks.records import read_records

    return read_records([path])
