"""The records of runs on GPUs as one page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sdfl.benchmarks.gpu.record import FAILED, NOT_RUN, PASSED, GpuRecord, StepResult

HEAD = """# NVIDIA GPUs

`make gpu` runs everything that only an NVIDIA GPU can settle, and writes one record of it ([how to run
it](../guide/deploy-jetson.md#everything-at-once)). This page is made by `python docs/tools/gpu_page.py`
from the records in the folder `gpu` beside it.

The steps named "tests" compare the kernel and the plugin with the formula in float64. Their errors are in machine
epsilons of the type, times the sum of the magnitudes that make up a value; 4 are allowed in float32 and 0.51 in float16
([The graph operator](../reference/operator.md#tests)).
"""
NOTHING = """
**No NVIDIA GPU has run this yet**: no kernel, no engine and no latency. The steps are tested with a fake of the tool
or library that each of them uses.
"""
MEASURED = "times"


def as_markdown(records: Sequence[GpuRecord]) -> str:
    """The page.

    Args:
        records: one section each; none gives the page that says so.
    """
    return HEAD + ("".join(map(_section, records)) if records else NOTHING)


def _section(record: GpuRecord) -> str:
    environment = record.environment
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    facts = [environment.get("device"), environment.get("system"), environment.get("power_mode"), versions]
    counts = ", ".join(f"{record.count(outcome)} {outcome}" for outcome in (PASSED, FAILED, NOT_RUN))
    parts = [
        f"\n## {record.gpu}\n",
        f"Compute capability {record.compute_capability}, driver for CUDA {record.cuda}; "
        f"{'; '.join(str(fact) for fact in facts if fact)}. Commit `{environment.get('git_commit') or 'unknown'}`, "
        f"{record.started_utc[:10]}, {record.seconds / 60:.1f} minutes: {counts}.\n",
        _table(("step", "outcome", "seconds", ""), map(_row, record.steps)),
    ]
    engines = [step for step in record.steps if "mean_px" in step.figures]
    if engines:
        parts += [
            "Engines against their source in ONNX Runtime (fp32); px of a crop of 256 px:\n",
            _table(("engine", "mean px", "p99 px", "max px", "build s", "MB", "int8"), map(_engine, engines)),
        ]
    parts += [_latency(step) for step in record.steps if MEASURED in step.figures]
    return "\n".join(parts)


def _row(step: StepResult) -> tuple[str, ...]:
    plain = [f"{key.replace('_', ' ')} {value}" for key, value in step.figures.items() if _is_short(value)]
    shown = step.reason or ("" if "mean_px" in step.figures else ", ".join(plain))
    return step.name, step.outcome if step.outcome != FAILED else f"**{FAILED}**", f"{step.seconds:.1f}", shown


def _is_short(value: Any) -> bool:
    return not isinstance(value, list | dict)


def _engine(step: StepResult) -> tuple[str, ...]:
    figures = step.figures
    distances = [f"{figures[key]:.4f}" for key in ("mean_px", "p99_px", "max_px")]
    size, convolutions = f"{figures['size_mb']:.1f}", figures.get("int8_convolutions", "")
    return step.name.removeprefix("engine: "), *distances, f"{figures['build_s']:.0f}", size, convolutions


def _latency(step: StepResult) -> str:
    """Times of one step, whatever names its cases have, and how far the plugin is from standard operators."""
    rows = step.figures[MEASURED]
    columns = list(rows[0]) if rows else []
    text = f"{step.name}, in turns:\n\n" + _table(columns, ([str(row[key]) for key in columns] for row in rows))
    for row in step.figures.get("plugin_against_standard", ()):
        text += (
            f"\nIn {row['precision']} the plugin's points are {row['mean_px']} px on average and {row['max_px']} px at "
            "most from those of standard operators.\n"
        )
    return text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    names = [name.replace("_", " ") for name in head]
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"
