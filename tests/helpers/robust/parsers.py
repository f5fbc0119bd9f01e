"""Every reader of a file that somebody else may have written, with damaged files of its kind.

Files without a hash of themselves may well hold other values after damage. What a reader gives must then still be
numbers that make sense.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from mutations import draw_bytes, draw_json, draw_text

from robust.data_files import (
    coco,
    cofw,
    cofw_68,
    list_file,
    pts,
    read_cofw,
    read_cofw_68,
    read_labels,
    read_pts,
    read_recipe,
    read_records,
    read_suite,
    read_wflw,
    recipe,
    records,
    suite,
    wflw,
)
from robust.made_models import (
    bin_file,
    checkpoint,
    damaged_checkpoint,
    damaged_metadata,
    detector_graph,
    graph,
    ir,
    litert,
    passport,
    read_bin,
    read_checkpoint,
    read_detector,
    read_passport,
    read_spec,
    rehashed_passport,
    shipped,
)
from robust.rows import CLEAN, REFUSED, TRACEBACK, UNCLEAR, WRONG, Row
from robust.trials import run_trials
from sdfl.errors import SdflError

Attempt = Callable[[Random], tuple[str, str]]
LARGEST = 1e10  # of any number; seeds of random generators are the largest


@dataclasses.dataclass(frozen=True)
class Parser:
    """A reader and what it is given.

    Attributes:
        file: the name of the file.
        make: writes what belongs beside the file into a folder, and returns the undamaged content.
        read: is given the file.
        damage: content, random -> damaged content.
        sealed: whether the file holds a hash of itself, so that nothing but the undamaged content may be read.
        same: whether its parts have checksums, so that what is read must be equal to the undamaged.
        largest: of any number in what `read` returns.
    """

    file: str
    make: Callable[[Path], bytes]
    read: Callable[[Path], Any]
    damage: Callable[[bytes, Random], bytes]
    sealed: bool = False
    same: bool = False
    largest: float = LARGEST

    def prepare(self, folder: Path) -> Attempt:
        """Write the undamaged file, which must be read, and return what tries a damaged one."""
        content, path = self.make(folder), folder / self.file
        path.write_bytes(content)
        undamaged = plain(self.read(path)) if self.same else None
        self.read(path)

        def attempt(random: Random) -> tuple[str, str]:
            damaged = self.damage(content, random)
            path.write_bytes(damaged)
            try:
                result = self.read(path)
            except SdflError as error:
                message = str(error)
                clear = "\n" not in message and str(path) in message and len(message) < 2000
                return (REFUSED, "") if clear else (UNCLEAR, message)
            except Exception as error:
                return TRACEBACK, f"{type(error).__name__}: {error} ({_place(error)})"
            if self.sealed:
                return (CLEAN, "") if damaged == content else (WRONG, "damage was not noticed")
            if self.same and plain(result) != undamaged:
                return WRONG, "damage was not noticed"
            nonsense = absurd(result, self.largest)
            return (WRONG, nonsense) if nonsense else (CLEAN, "")

        return attempt


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""


def plain(value: Any) -> str:
    """A result as text in which every number has all its digits."""
    if isinstance(value, Mapping):
        return str({key: plain(entry) for key, entry in value.items()})
    if isinstance(value, list | tuple):
        return str([plain(entry) for entry in value])
    if hasattr(value, "isnan") or isinstance(value, np.ndarray):
        array = np.asarray(value)
        return f"{array.dtype} {array.shape} {array.tobytes().hex()}"
    return repr(value)


def absurd(value: Any, largest: float, name: str = "") -> str:
    """Which number in a result is none or larger than it can be; "" where all make sense."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, list | tuple):
        entries = enumerate(value)  # type: ignore[assignment]
    elif hasattr(value, "isnan") or isinstance(value, np.ndarray):
        numbers = np.asarray(value)
        fine = numbers.dtype.kind not in "fc" or bool((np.abs(numbers) <= largest).all())  # False for NaN
        return "" if fine else f"{name} holds {numbers[~(np.abs(numbers) <= largest)][:3]}"
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= largest):
        return f"{name} is {str(value)[:30]}"
    else:
        return ""
    return next((found for key, entry in entries if (found := absurd(entry, largest, f"{name}.{key}"))), "")


TRIALS: dict[str, Parser] = {
    "pts": Parser("a.pts", pts, read_pts, draw_text, largest=1e6),
    "list": Parser("a.txt", list_file, read_labels, draw_text, largest=1e6),
    "coco": Parser("a.json", coco, read_labels, draw_json, largest=1e6),
    "wflw": Parser("list_98pt_rect_attr_test.txt", wflw, read_wflw, draw_text, largest=1e6),
    "cofw": Parser("COFW_test_color.mat", cofw, read_cofw, draw_bytes, largest=1e6),
    "cofw68": Parser("test_annotations/1_points.mat", cofw_68, read_cofw_68, draw_bytes, largest=1e6),
    "recipe": Parser("a.toml", recipe("smoke"), read_recipe, draw_text),
    "suite": Parser("a.toml", suite, read_suite, draw_text),
    "records": Parser("a.jsonl", records, read_records, draw_text, largest=1e15),
    "onnx": Parser("a.onnx", shipped("nano_int8"), read_spec, draw_bytes, sealed=True),
    "detector": Parser("a.onnx", shipped("detector"), read_detector, draw_bytes, sealed=True),
    "metadata": Parser("a.onnx", graph, read_spec, damaged_metadata, largest=1e5),
    "detector metadata": Parser("a.onnx", detector_graph, read_detector, damaged_metadata, largest=1e5),
    "passport": Parser("a.engine.json", passport, read_passport, draw_bytes, same=True),
    "passport values": Parser("a.engine.json", passport, read_passport, rehashed_passport),
    "IR": Parser("a.xml", ir, read_spec, draw_bytes, sealed=True),
    "IR weights": Parser("a.bin", bin_file, read_bin, draw_bytes, sealed=True),
    "LiteRT": Parser("a.tflite", litert, read_spec, draw_bytes, sealed=True),
    "checkpoint": Parser("a.ckpt", checkpoint, read_checkpoint, draw_bytes, same=True, largest=1e20),
    "checkpoint values": Parser("a.ckpt", checkpoint, read_checkpoint, damaged_checkpoint, largest=1e20),
}


def rows(cases: int, seed: int, only: str = "") -> Iterator[Row]:
    """One row for each reader whose name begins with `only`."""
    return run_trials("robust.parsers", [name for name in TRIALS if name.startswith(only)], cases, seed)
