"""The steps about engines: build and verify every shipped model in every precision and form, and time them in turns."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sdfl.artifacts.names import SUFFIX_OF_PRECISION, file_stem
from sdfl.benchmarks.gpu.process import Finished
from sdfl.benchmarks.gpu.workplace import (
    Command,
    NotRun,
    Step,
    Workplace,
    is_installed,
    python,
    require_file,
    require_modules,
)
from sdfl.runtime.zoo import DEFAULT_MODEL, families

PRECISIONS = ("fp16", "int8", "fp32")  # the fastest first
FORMS = ("standard operators", "plugin")
MODULES = ("numpy", "onnx", "onnxruntime", "cv2", "msgspec", "typer", "rich")
BINDINGS = ("cuda.bindings.runtime", "pycuda")
SDFL = ("-c", "from sdfl.cli import main; main()")
_INT8 = re.compile(r"^(\d+ of \d+) convolutions compute in int8", re.MULTILINE)


@dataclass(frozen=True)
class Engine:
    """One engine to build.

    Attributes:
        family: name of the model.
        precision: that it computes in, of PRECISIONS.
        form: of the graph operator, of FORMS.
    """

    family: str
    precision: str
    form: str

    @property
    def name(self) -> str:
        """What its step is called."""
        return f"engine: {self.family} {self.precision}, {self.form}"

    @property
    def stem(self) -> str:
        """Name of the model's file without its ending."""
        return file_stem(self.family, self.precision if self.precision in SUFFIX_OF_PRECISION else "fp32")

    def path(self, workplace: Workplace) -> Path:
        """The file to write."""
        form = "_plugin" if self.form == "plugin" else ""
        return workplace.engines / f"{self.family}_{self.precision}{form}.engine"


def engine_steps(workplace: Workplace, names: Sequence[str] | None = None) -> list[Step]:
    """Six engines and one comparison of times for each model, the default model first.

    Args:
        workplace: of the run.
        names: of the models; None for all of the package.
    """
    chosen = sorted(families(), key=lambda name: (name != DEFAULT_MODEL, name)) if names is None else list(names)
    forms = FORMS[:1] if find_target(workplace) == "tensorrt-rtx" else FORMS  # it has no plugins
    steps = []
    for family in chosen:
        engines = [Engine(family, precision, form) for precision in PRECISIONS for form in forms]
        steps += [Step(each.name, 400, partial(build_and_verify, each), partial(read_engine, each)) for each in engines]
        steps.append(Step(f"latency: {family}", 180, partial(time_engines, engines), read_latency))
    return steps


def find_target(workplace: Workplace) -> str:
    """What engines are built for: TensorRT, else TensorRT-RTX, "" where there is neither."""
    return next(iter(workplace.machine.tensorrt), "")


def build_and_verify(engine: Engine, workplace: Workplace) -> list[Command]:
    """Build an engine as a user would, and compare it with its source."""
    target = _require_library(workplace)
    plugin: list[str | Path] = []
    if engine.form == "plugin":
        plugin = ["--plugin", require_file(workplace.plugin, "the plugin was not built")]
    path = engine.path(workplace)
    build: Command = ["build", engine.stem, "--target", target, "--precision", engine.precision, "-o", path, *plugin]
    source = workplace.project / "runtime" / "zoo" / f"{engine.stem}.onnx"
    verify: Command = ["verify", path, "--against", source, "--json"]
    return [python(*SDFL, *build), python(*SDFL, *verify)]


def _require_library(workplace: Workplace) -> str:
    """The target to build for. Raises NotRun."""
    target = find_target(workplace)
    if not target:
        raise NotRun("TensorRT is not installed: there is neither a module tensorrt nor tensorrt_rtx")
    require_modules(*MODULES)
    require_cuda()
    if target == "tensorrt-rtx":
        from sdfl.runtime.backends.tensorrt.library import RTX_CAPABILITIES  # needs the modules

        capability = workplace.machine.compute_capability
        if capability not in RTX_CAPABILITIES:
            choices = ", ".join(RTX_CAPABILITIES)
            raise NotRun(f"TensorRT is not installed, and TensorRT-RTX is for {choices}, not for {capability}")
    return target


def require_cuda() -> None:
    """Check that there is a package that reaches the GPU's memory. Raises NotRun."""
    if not any(map(is_installed, BINDINGS)):
        raise NotRun("neither cuda-bindings nor pycuda is installed; install one: pip install cuda-bindings")


def read_engine(engine: Engine, workplace: Workplace, finished: Sequence[Finished]) -> dict[str, Any]:
    """How far it is from its source, how long building took, how large it is."""
    path = engine.path(workplace)
    passport = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    figures: dict[str, Any] = {
        "target": f"{passport['target']} {passport['library_version']}",
        "build_s": passport["build_s"],
        "size_mb": round(path.stat().st_size / 1e6, 2),
    }
    if match := _INT8.search(finished[0].out):
        figures["int8_convolutions"] = match[1]
    compared = json.loads(finished[1].out)["results"][0]
    return figures | {key: compared[key] for key in ("mean_px", "p99_px", "max_px", "presence", "limits", "crops")}


def time_engines(engines: Sequence[Engine], workplace: Workplace) -> list[Command]:
    """All engines of one model in turns, each with and without a CUDA graph."""
    _require_library(workplace)
    built = [path for engine in engines if (path := engine.path(workplace)).is_file()]
    if not built:
        raise NotRun("none of its engines was built")
    return [python("-m", "sdfl.benchmarks.gpu.side_by_side", *built)]


def read_latency(workplace: Workplace, finished: Sequence[Finished]) -> dict[str, Any]:  # noqa: ARG001
    """The table that `side_by_side` prints."""
    table: dict[str, Any] = json.loads(finished[-1].out)
    return table
