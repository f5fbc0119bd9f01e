"""`python -m sdfl.benchmarks.gpu`: see `make gpu`."""

from __future__ import annotations

import argparse
import ctypes
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sdfl.benchmarks.gpu.machine import Machine, NoGpu, read_machine, with_tools
from sdfl.benchmarks.gpu.page import as_markdown
from sdfl.benchmarks.gpu.record import FAILED, NOT_RUN, PASSED, GpuRecord, read_record
from sdfl.benchmarks.gpu.run import as_line, run_all, run_step
from sdfl.benchmarks.gpu.steps import all_steps, build_steps
from sdfl.benchmarks.gpu.workplace import Workplace
from sdfl.errors import PROJECT, SdflError
from sdfl.files import atomic_path

FOLDER = PROJECT / "build" / "gpu"
RECORD, PAGE = "record.json", "record.md"
NO_GPU, OTHER_FAILURE = 2, 1


def main(arguments: Sequence[str] | None = None, load: Callable[[str], Any] = ctypes.CDLL) -> int:
    """Run all steps and write their record.

    Args:
        arguments: of the command line.
        load: opens the driver's library.

    Returns:
        0 if everything that could be run passed, 1 if something failed, 2 if there is no usable GPU.
    """
    chosen = _parser().parse_args(arguments)
    try:
        if not (PROJECT / "convert" / "csrc").is_dir():
            raise SdflError(f"{PROJECT} is no checkout of the project, whose sources and tests this needs; clone it")
        folder = chosen.folder.resolve()
        if chosen.build_only:
            return _build_only(Workplace(with_tools(), folder))
        return _run(Workplace(read_machine(load), folder), chosen.minutes, resume=chosen.resume)
    except NoGpu as error:
        print(f"sdfl: {error}; --build-only compiles for a computer that has one", file=sys.stderr)
        return NO_GPU
    except SdflError as error:
        print(f"sdfl: {error}", file=sys.stderr)
        return OTHER_FAILURE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sdfl.benchmarks.gpu",
        description="Run whatever needs an NVIDIA GPU, and write one record of it.",
        epilog="Exit codes: 0 everything that could be run passed, 1 something failed, 2 there is no usable GPU.",
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where everything is written (build/gpu)")
    parser.add_argument("--minutes", type=float, default=25.0, help="how long all of it may take (25)")
    parser.add_argument("--resume", action="store_true", help="run only what has not passed in the folder's record")
    parser.add_argument(
        "--build-only", action="store_true", help="only compile, for every supported GPU; needs nvcc and no GPU"
    )
    return parser


def _build_only(workplace: Workplace) -> int:
    results = [run_step(workplace, step, float("inf")) for step in build_steps()]
    for result in results:
        print(as_line(result))
    return OTHER_FAILURE if any(result.outcome == FAILED for result in results) else 0


def _run(workplace: Workplace, minutes: float, *, resume: bool) -> int:
    out = workplace.folder / RECORD
    before = read_record(out) if resume and out.is_file() else None
    if before and (before.gpu, before.environment.get("git_commit")) != _identity(workplace.machine):
        raise SdflError(f"{out}: is of another GPU or commit; run without --resume")
    machine = workplace.machine
    print(f"{machine.gpu}, compute capability {machine.compute_capability}, driver for CUDA {machine.cuda}")
    record = run_all(workplace, all_steps(workplace), out, minutes=minutes, before=before, say=_say)
    with atomic_path(out.with_name(PAGE)) as temporary:
        temporary.write_text(as_markdown([record]), encoding="utf-8")
    _say(_summary(record, out))
    return 0 if record.passed else OTHER_FAILURE


def _identity(machine: Machine) -> tuple[str, Any]:
    return machine.gpu, machine.environment.get("git_commit")


def _summary(record: GpuRecord, out: Path) -> str:
    counts = ", ".join(f"{record.count(outcome)} {outcome}" for outcome in (PASSED, FAILED, NOT_RUN))
    return f"{counts} in {record.seconds / 60:.1f} minutes; record: {out}"


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
