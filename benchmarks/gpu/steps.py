"""The table of what is run on a GPU: what no other computer can settle comes first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sdfl.benchmarks.gpu.engines import engine_steps, find_target, require_cuda
from sdfl.benchmarks.gpu.process import Finished
from sdfl.benchmarks.gpu.workplace import Command, NotRun, Step, Workplace, python, require_file, require_modules

TESTS = "tests/convert/operator/test_conformance.py"  # all tests that are marked gpu lie there
TEST_MODULES = ("pytest", "hypothesis", "onnx", "onnxruntime", "cv2", "typer")
TIMED_ROUNDS = 2000
ERROR_STATUS = "9"  # of compute-sanitizer, where it finds something
_VECTORS = re.compile(r"^ok  (\d+) vectors run, (\d+) of them compared bit by bit", re.MULTILINE)
_SUMMARY = re.compile(r"SUMMARY: (\d+) (?:errors?|hazards?)")


def all_steps(workplace: Workplace) -> list[Step]:
    """The table for one computer."""
    return [
        *build_steps(),
        Step("kernel: test vectors", 60, run_vectors, read_vectors),
        sanitizer_step("memcheck"),
        Step("kernel: times", 60, time_kernel, read_times),
        Step("plugin: enqueue", 60, ask_registry, read_registry),
        tests_step("tests: kernel", 120, "CUDA", require_kernel_tests),
        tests_step("tests: plugin in engines of one node", 300, "TensorRT", require_plugin_tests),
        *engine_steps(workplace),
        sanitizer_step("initcheck"),
        sanitizer_step("racecheck"),
    ]


def build_steps() -> list[Step]:
    """What needs a compiler, and no GPU."""
    return [
        Step("build: kernel", 300, build_kernel, read_compiled),
        Step("build: plugin", 300, build_plugin, read_compiled),
    ]


def build_kernel(workplace: Workplace) -> list[Command]:
    """Compile the kernel with its programs and write the test vectors."""
    return [*_write_vectors(workplace), *_compile(workplace, "host", workplace.program("run_kernel"), "-DSDFL_CUDA=ON")]


def build_plugin(workplace: Workplace) -> list[Command]:
    """Compile the plugin and the program that asks it."""
    headers = workplace.machine.headers
    if headers is None and not workplace.plugin.is_file():
        raise NotRun(
            "there are no TensorRT headers (NvInferRuntime.h); set TENSORRT_ROOT to the folder that holds them"
        )
    if headers is None:
        return []
    return _compile(workplace, "tensorrt", workplace.plugin, f"-DTENSORRT_ROOT={headers}")


def _compile(workplace: Workplace, preset: str, result: Path, *options: str) -> list[Command]:
    """Commands of CMake; none where the tools are missing and an earlier build is there."""
    tools = workplace.machine.tools
    missing = [name for name in ("cmake", "nvcc") if name not in tools]
    if missing and result.is_file():
        return []
    if missing:
        raise NotRun(
            f"{' and '.join(missing)} not found, and {workplace.folder} holds no earlier build; compile on a computer "
            "that has them with --build-only, and copy the folder"
        )
    folder = result.parents[3]
    architecture = workplace.machine.compute_capability.replace(".", "")
    chosen = [f"-DCMAKE_CUDA_ARCHITECTURES={architecture}"] if architecture else []
    return [
        [tools["cmake"], "-E", "rm", "-rf", folder],
        [tools["cmake"], "--preset", preset, "-B", folder, f"-DCMAKE_CUDA_COMPILER={tools['nvcc']}", *chosen, *options],
        [tools["cmake"], "--build", folder, "--parallel"],
    ]


def _write_vectors(workplace: Workplace) -> list[Command]:
    try:
        require_modules("numpy")
    except NotRun:
        require_file(workplace.vectors, "numpy is not installed, and nobody has written the test vectors before")
        return []
    return [python("tests/helpers/operator_vectors.py", workplace.vectors)]


def read_compiled(workplace: Workplace, finished: Sequence[Finished]) -> dict[str, Any]:
    """For which GPUs it was compiled, and whether that was now."""
    if len(finished) < 2:
        return {"compiled": "before this run"}
    return {"compiled": "now", "for": workplace.machine.compute_capability or "every supported GPU"}


def _run_kernel(workplace: Workplace) -> Command:
    program = require_file(workplace.program("run_kernel"), "the kernel was not built")
    return [program, require_file(workplace.vectors, "the test vectors were not written")]


def run_vectors(workplace: Workplace) -> list[Command]:
    """Every test vector through the kernel, compared bit by bit with the CPU."""
    return [_run_kernel(workplace)]


def read_vectors(workplace: Workplace, finished: Sequence[Finished]) -> dict[str, Any]:  # noqa: ARG001
    """How many vectors ran, and how many of them have a result that is specified."""
    match = _VECTORS.search(finished[-1].out)
    if not match:
        raise ValueError("it did not say how many vectors it ran")
    return {"vectors": int(match[1]), "compared": int(match[2])}


def sanitizer_step(tool: str) -> Step:
    """The test vectors under a tool of compute-sanitizer."""
    return Step(f"kernel: {tool}", 240, partial(sanitize, tool), read_sanitizer)


def sanitize(tool: str, workplace: Workplace) -> list[Command]:
    """Run the test vectors under a tool of compute-sanitizer."""
    program = _run_kernel(workplace)
    sanitizer = workplace.machine.tools.get("compute-sanitizer")
    if not sanitizer:
        raise NotRun(
            "compute-sanitizer not found; it comes with the CUDA toolkit, or: pip install nvidia-cuda-sanitizer-api"
        )
    return [[sanitizer, "--tool", tool, "--error-exitcode", ERROR_STATUS, *program]]


def read_sanitizer(workplace: Workplace, finished: Sequence[Finished]) -> dict[str, Any]:
    """The number of errors that it found."""
    match = _SUMMARY.search(finished[-1].out + finished[-1].errors)
    if not match:
        raise ValueError("compute-sanitizer printed no summary")
    return {"errors": int(match[1])} | (read_vectors(workplace, finished) if finished[-1].code == 0 else {})


def time_kernel(workplace: Workplace) -> list[Command]:
    """Eight graph layers as launches and as a CUDA graph, in turns."""
    return [[require_file(workplace.program("time_kernel"), "the kernel was not built"), str(TIMED_ROUNDS)]]


def read_times(workplace: Workplace, finished: Sequence[Finished]) -> dict[str, Any]:  # noqa: ARG001
    """One row for each case."""
    return {"rounds": TIMED_ROUNDS, "layers": 8, "times": json.loads(finished[-1].out)}


def ask_registry(workplace: Workplace) -> list[Command]:
    """The plugin in TensorRT's registry, and its enqueue on the GPU."""
    program = require_file(workplace.program("plugin_registry"), "the plugin was not built")
    if workplace.machine.runtime is None:
        raise NotRun(
            "there is no libnvinfer; install TensorRT or `pip install tensorrt_lean_cu13_libs`, or name the library in "
            "SDFL_TENSORRT_RUNTIME"
        )
    return [[program, workplace.machine.runtime, workplace.plugin]]


def read_registry(workplace: Workplace, finished: Sequence[Finished]) -> dict[str, Any]:
    """How many things were checked."""
    out = finished[-1].out
    if "gives the CPU reference's bits" not in out:
        raise ValueError("the plugin was not enqueued")
    return {"checks": len(re.findall(r"^ok  ", out, re.MULTILINE)), "library": str(workplace.machine.runtime)}


def tests_step(name: str, limit_s: float, rows: str, check: Callable[[Workplace], None]) -> Step:
    """Some rows of the conformance suite: every test vector against the formula in numpy.

    Args:
        name: of the step.
        limit_s: how long they may take.
        rows: what the names of the rows contain.
        check: raises NotRun where they cannot run.
    """

    def prepare(workplace: Workplace) -> list[Command]:
        check(workplace)
        report = _report(workplace, rows)
        report.unlink(missing_ok=True)
        chosen: Command = ["-m", "gpu", "-k", rows, TESTS]
        return [python("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *chosen)]

    return Step(name, limit_s, prepare, partial(read_tests, rows))


def require_kernel_tests(workplace: Workplace) -> None:
    """Whether the kernel's rows can run: launched, and in a CUDA graph. Raises NotRun."""
    if not workplace.environment().get("SDFL_CUDA_LIBRARY"):
        raise NotRun("the kernel was not built, and SDFL_CUDA_LIBRARY names no library of it")
    require_modules(*TEST_MODULES)
    require_cuda()


def require_plugin_tests(workplace: Workplace) -> None:
    """Whether the plugin's row can run, in engines of one node in fp32 and fp16. Raises NotRun."""
    if not workplace.environment().get("SDFL_TENSORRT_PLUGIN"):
        raise NotRun("the plugin was not built, and SDFL_TENSORRT_PLUGIN names no library of it")
    require_modules(*TEST_MODULES)
    require_cuda()
    if find_target(workplace) != "tensorrt":
        raise NotRun("TensorRT is not installed: there is no module tensorrt, and TensorRT-RTX takes no plugins")


def _report(workplace: Workplace, rows: str) -> Path:
    return workplace.folder / f"pytest_{rows}.xml"


def read_tests(rows: str, workplace: Workplace, finished: Sequence[Finished]) -> dict[str, Any]:  # noqa: ARG001
    """Counts of pytest, and the largest error of each type in its machine epsilons."""
    try:
        root = ElementTree.parse(_report(workplace, rows)).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError("pytest wrote no report") from error
    cases = list(root.iter("testcase"))
    counts = {kind: sum(case.find(kind) is not None for case in cases) for kind in ("failure", "error", "skipped")}
    figures = {"passed": len(cases) - sum(counts.values()), "failed": counts["failure"] + counts["error"]}
    figures["skipped"] = counts["skipped"]
    skips = [case.find("skipped") for case in cases]
    reasons = sorted({str(skip.get("message")) for skip in skips if skip is not None})
    if not figures["passed"] and not figures["failed"]:
        raise NotRun(f"every test was skipped: {'; '.join(reasons)}" if reasons else "there was no test")
    return figures | _worst(root) | ({"skipped_because": reasons} if reasons else {})


def _worst(root: ElementTree.Element) -> dict[str, float]:
    """Name of a property of the tests -> its largest value. One that is no number belongs to a test that failed."""
    worst: dict[str, float] = {}
    for each in root.iter("property"):
        name, value = each.get("name", ""), float(each.get("value", "nan"))
        if isfinite(value):
            worst[name] = max(round(value, 3), worst.get(name, 0.0))
    return worst
