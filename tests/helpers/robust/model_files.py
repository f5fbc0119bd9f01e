"""Every file that a network's answer comes from, with damage as disks and memories do it.

A damaged file is refused, or gives exactly the answer of the undamaged one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from mutations import IN_PLACE

from robust.rows import CLEAN, REFUSED, TRACEBACK, UNCLEAR, WRONG, Row
from robust.trials import run_trials
from sdfl.errors import SdflError

MODEL = "nano_int8"
Attempt = Callable[[Random], tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A file that is damaged before a model is opened.

    Attributes:
        make: writes the model into a folder, and returns what is opened.
        damaged: of what is opened, the files of which one is damaged.
        infer: opens the model and returns its points as bytes.
        costs_time_only: whether damage must give the right answer and no refusal.
    """

    make: Callable[[Path], Path]
    damaged: Callable[[Path], list[Path]]
    infer: Callable[[Path], bytes]
    costs_time_only: bool = False

    def prepare(self, folder: Path) -> Attempt:
        """Make the model, open it twice, and return what tries it with a damaged file."""
        model = self.make(folder)
        undamaged = self.infer(model)
        assert self.infer(model) == undamaged

        def attempt(random: Random) -> tuple[str, str]:
            path = random.choice(self.damaged(model))
            content = path.read_bytes()
            data = bytearray(content)
            while data == content:
                random.choice(IN_PLACE)(data, random)
            path.write_bytes(data)
            try:
                return self._outcome(model, undamaged)
            finally:
                path.write_bytes(content)

        return attempt

    def _outcome(self, model: Path, undamaged: bytes) -> tuple[str, str]:
        try:
            points = self.infer(model)
        except SdflError as error:
            clear = "\n" not in str(error) and model.stem in str(error) and not self.costs_time_only
            return (REFUSED, "") if clear else (UNCLEAR, str(error))
        except Exception as error:
            return TRACEBACK, f"{type(error).__name__}: {error}"
        return (CLEAN, "") if points == undamaged else (WRONG, "other points")


def _shipped(folder: Path) -> Path:
    from sdfl.runtime.zoo import ZOO

    path = folder / f"{MODEL}.onnx"
    path.write_bytes((ZOO / path.name).read_bytes())
    return path


def _built(folder: Path) -> Path:
    from sdfl.convert.engines import run_build
    from sdfl.convert.engines.plan import make_plan

    return run_build(make_plan(_shipped(folder), "openvino", out=folder / f"{MODEL}.xml"), lambda *_: None).path


def _points(path: Path, backend: str, **options: Any) -> bytes:
    from sdfl.artifacts.drawn_face import drawn_crop
    from sdfl.runtime.backends import BACKENDS
    from sdfl.runtime.implementations import load_implementation

    opened = load_implementation("backend", backend, BACKENDS)(path, threads=1, **options)
    try:
        found: bytes = opened.infer(drawn_crop(opened.spec.input_size, 1)[None]).points.tobytes()
        return found
    finally:
        opened.close()


def _in_openvino(path: Path) -> bytes:
    return _points(path, "openvino")


def _in_onnxruntime(path: Path) -> bytes:
    return _points(path, "onnxruntime")


def _cached(_: Path) -> list[Path]:
    from sdfl.files import cache_dir

    return sorted((cache_dir() / "openvino").glob("*.blob"))


TRIALS = {
    "onnx in ONNX Runtime": ModelFile(_shipped, lambda model: [model], _in_onnxruntime),
    "onnx in OpenVINO": ModelFile(_shipped, lambda model: [model], _in_openvino),
    "IR": ModelFile(_built, lambda model: [model], _in_openvino),
    "IR weights": ModelFile(_built, lambda model: [model.with_suffix(".bin")], _in_openvino),
    "cached network": ModelFile(_shipped, _cached, _in_openvino, costs_time_only=True),
}


def rows(cases: int, seed: int, only: str = "") -> Iterator[Row]:
    """One row for each kind of file whose name begins with `only`."""
    return run_trials("robust.model_files", [name for name in TRIALS if name.startswith(only)], cases, seed)
