"""sdfl doctor: what is installed, what is wrong, and what runs best on this computer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdfl.artifacts.names import ENGINE, LITERT, has_suffix
from sdfl.errors import first_line

if TYPE_CHECKING:
    from sdfl.runtime.doctor.operator_check import Implementation


def doctor(
    model: Annotated[
        str | None,
        typer.Option(help="Model to check with: a name, or an .onnx, .tflite or .engine file. Default: small."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what is installed, what is wrong and how to fix it, and what runs best on this computer.

    Runs the self-test of every model in every library and form, and every implementation of the graph convolution; this
    takes a minute, or with --model a few seconds. Given an engine, says whether it was built for this computer.
    """
    from sdfl.runtime.doctor.engine_check import check_engine
    from sdfl.runtime.doctor.operator_check import check_operator
    from sdfl.runtime.doctor.probes import installed_versions, read_computer
    from sdfl.runtime.doctor.problems import find_problems
    from sdfl.runtime.doctor.recommendations import recommend
    from sdfl.runtime.doctor.self_tests import run_self_tests
    from sdfl.runtime.notices import to_stderr
    from sdfl.runtime.zoo import resolve_model, zoo_models

    engine = Path(model) if model and has_suffix(model, ENGINE) else None
    built = engine or (model and has_suffix(model, LITERT))  # holds the operator as standard operators
    paths = list(zoo_models().values()) if model is None else [] if engine else [resolve_model(model)]
    computer, versions = read_computer(), installed_versions()
    to_stderr("testing every model in every library and form ...")
    report: dict[str, Any] = {
        "versions": versions,
        "computer": asdict(computer),
        "operator": [
            asdict(row) for row in (check_torch(versions.get("torch", "")), *check_operator(None if built else model))
        ],
        "self_tests": [asdict(row) for row in run_self_tests(paths, detector=model is None)],
        "recommended": [asdict(each) for each in recommend(computer)],
        "engine": check_engine(engine) if engine else None,
        "problems": [asdict(problem) for problem in find_problems(computer)],
    }
    typer.echo(json.dumps(report, indent=2) if as_json else "\n".join(_lines(report)))


# Most computers need neither: what is missing is a fact here, and a problem only where `find_problems` says so.
WORDS = {"gpu_problem": "no gpu", "tensorrt_problem": "no tensorrt"}


def _lines(report: dict[str, Any]) -> Iterator[str]:
    for name, value in [*report["versions"].items(), *_facts(report["computer"])]:
        yield f"{name:24} {value}"
    yield "\nimplementations of sdfl::SparseGraphConv, version 1"
    for row in report["operator"]:
        yield "  {runtime:14} {form:22} {version:20} {self_test}  {found_at}".format(**row).rstrip()
    if report["self_tests"]:
        yield "\nself-test: how far the points of drawn faces are from those that the file states, px of a 256 px crop"
    for row in report["self_tests"]:
        yield "  {model:14} {runs_in:42} {result}".format(**row)
    yield "\nwhat runs here, the fastest first"
    for row in report["recommended"]:
        yield "  {runs_on:32} {command}".format(**row)
    if report["engine"]:
        yield f"\n{report['engine']}"
    for row in report["problems"]:
        yield "\nproblem: {problem}\n    fix: {fix}".format(**row)


def _facts(computer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value of every fact that is known, one line each."""
    for name, value in computer.items():
        entries = value.items() if isinstance(value, dict) else [("", value)]
        for key, entry in entries:
            text = ", ".join(entry) if isinstance(entry, list | tuple) else f"{key} {entry}".strip()
            if name == "gstreamer":
                yield "opencv with GStreamer", "yes" if entry else "no"
            elif entry not in ("", (), [], 0) and not isinstance(entry, bool):
                yield WORDS.get(name, name.replace("_", " ")), text


def check_torch(version: str) -> Implementation:
    """The training side's implementation of the operator; the runtime itself never loads torch.

    Args:
        version: of torch, "" where it is not installed.
    """
    from sdfl.runtime.doctor.operator_check import Implementation

    found_at = ""
    if not version:
        result = "not run: torch is not installed"
    else:
        try:
            from sdfl.model.landmarks import sparse_graph_conv as operator

            found_at, difference = operator.__file__, operator.self_test()
            verdict = "passed" if difference <= 1e-5 else "failed"  # fp32 sums of three products
            result = f"{verdict}: {difference:.1e}"
        except Exception as error:  # a broken torch may raise anything
            result = f"failed: {first_line(error)}"
    return Implementation("torch", "custom operator", version, found_at, result)
