"""sdfl doctor: what is installed, what is wrong, and what fits this computer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sdfl.runtime.doctor.operator_check import Implementation


def doctor(
    model: Annotated[str | None, typer.Option(help="Model name, .onnx or .engine file; default: small.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What is installed and what fits this machine, what is wrong and the command that mends it.

    Runs every form of the graph convolution on the model; of an engine, says whether it was built for this machine.
    """
    import json
    from dataclasses import asdict

    from sdfl.runtime.doctor import operator_check as checks
    from sdfl.runtime.doctor.machine import findings, fits, read_machine

    engine = Path(model) if model and model.endswith(".engine") else None
    machine, versions = read_machine(), checks.versions()
    rows = [_torch_operator(versions.get("torch", "")), *checks.implementations(None if engine else model)]
    about_engine = checks.engine_report(engine) if engine else ""
    if as_json:
        table = {
            "versions": versions,
            "machine": asdict(machine),
            "fits": fits(machine),
            "findings": [vars(finding) for finding in findings(machine)],
            "operator": [vars(row) for row in rows],
        } | ({"engine": about_engine} if engine else {})
        typer.echo(json.dumps(table, indent=2))
        return
    for name, value in [*versions.items(), *_lines(asdict(machine))]:
        typer.echo(f"{name:24} {value}")
    typer.echo("\nsdfl::SparseGraphConv, version 1")
    for row in rows:
        typer.echo(f"{row.runtime:14} {row.form:22} {row.version:20} {row.self_test}  {row.found_at}")
    typer.echo("\nfits this machine")
    for line in fits(machine):
        typer.echo(f"  {line}")
    if engine:
        typer.echo(f"\n{about_engine}")
    for finding in findings(machine):
        typer.echo(f"\nwrong: {finding.problem}\n  mend: {finding.mend}")


def _lines(machine: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What there is, one line each."""
    for name, value in machine.items():
        entries = value.items() if isinstance(value, dict) else [("", value)]
        for key, entry in entries:
            text = ", ".join(entry) if isinstance(entry, tuple) else f"{key} {entry}".strip()
            if name == "gstreamer":
                yield "opencv with GStreamer", "yes" if entry else "no"
            elif entry not in ("", (), 0) and not isinstance(entry, bool):
                yield name.replace("_", " "), text


def _torch_operator(version: str) -> Implementation:
    """The training side's form of the operator; the runtime itself never loads torch."""
    from sdfl.runtime.doctor.operator_check import Implementation

    if not version:
        return Implementation("torch", "custom operator", "", "", "not run: torch is not installed")
    from sdfl.model.landmarks import sparse_graph_conv as operator

    difference = operator.self_test()
    verdict = "passed" if difference <= 1e-5 else "failed"  # fp32 sums of three products
    return Implementation("torch", "custom operator", version, operator.__file__, f"{verdict}: {difference:.1e}")
