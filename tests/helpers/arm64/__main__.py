"""`python -m arm64`: install, run and compare; prints a table and ends with code 1 where something is wrong.

Steps: an arm64 system (arm64.install), what this computer computes (arm64.reference), the operator's C++ for aarch64
(arm64.native_operator), and then on every processor `sdfl doctor`, a tracked clip, the face detector, every model of
the package in every library, and the operator's vectors. An Arm computer needs no system and no emulator.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from native_build import PROJECT
from operator_vectors import Vector

from arm64 import install, machines, native_operator, on_arm, reference
from arm64.machines import Machine
from arm64.rows import AGREES, DIFFERS, Row, compared, failed, overlapping, summary, table
from sdfl.artifacts.model_file import read_built
from sdfl.artifacts.names import split_stem
from sdfl.errors import ArtifactError, SdflError
from sdfl.runtime.zoo import resolve_model, zoo_models

FOLDER = PROJECT / "build" / "arm64"
LIBRARIES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
LITERT = "litert"  # runs files that were built from models of the package
SELF_TESTED = ("small", "small_int8")  # the first with the forms of the operator; more takes long under emulation
PARTS = ("doctor", "track", "detector", "models", "operator")


def main(arguments: list[str] | None = None) -> int:
    """Parse, run every step and print.

    Returns:
        0 where all is well, 1 where a row did not pass, 2 where a tool or a choice is wrong.
    """
    parser = argparse.ArgumentParser("arm64", description="The package on Arm processors, compared with this computer.")
    parser.add_argument("--cpu", action="append", default=[], help=f"one of {', '.join(machines.PROCESSORS)}; all")
    parser.add_argument("--model", action="append", default=[], help="a model of the package by file name; all")
    parser.add_argument("--part", action="append", default=[], choices=PARTS, help="what to try; everything")
    parser.add_argument("--tflite", action="append", default=[], help="a file of sdfl build --target litert; none")
    chosen = parser.parse_args(arguments)
    try:
        built = {Path(file).resolve(): source_of(Path(file)) for file in chosen.tflite}
        models = [resolve_model(model).stem for model in chosen.model] or list(zoo_models())
        rows = run(machines.choose(chosen.cpu), models, chosen.part or list(PARTS), built)
    except SdflError as error:
        print(f"arm64: {error}", file=sys.stderr)
        return 2
    line, code = summary(rows)
    print(f"\n{table(rows)}\n\n{line}")
    return code


def source_of(file: Path) -> str:
    """The model of the package that a .tflite file was built from.

    Raises:
        ArtifactError: it was built from none, or is no such file.
    """
    passport = read_built(file)
    if passport is None or passport.target != LITERT:
        raise ArtifactError(f"{file}: is no .tflite file of sdfl build --target litert")
    return resolve_model(Path(passport.source).stem).stem


def run(
    processors: list[str], models: list[str], parts: list[str], built: Mapping[Path, str] | None = None
) -> list[Row]:
    """All rows, each printed to standard error when it is known.

    Args:
        processors: to emulate.
        models: of the package, by file name.
        parts: of PARTS.
        built: .tflite file -> the model that it was built from; they belong to the part "models".

    Raises:
        SdflError: a tool is missing, or a step on this computer fails.
    """
    tried, definitions, openvino = _machines(processors)
    expected = FOLDER / "reference"
    if not (machines.is_arm() and expected.is_dir()):  # an Arm computer takes the reference of another one
        reference.make_reference(expected)
    about = json.loads((expected / "about.json").read_text())
    print(f"reference: {LIBRARIES[about['library']]} on {about['machine']}", file=sys.stderr)
    operator = _operator(definitions, openvino) if "operator" in parts else None
    rows = []
    for machine in tried:
        for row in _rows(machine, expected, models, parts, operator, built or {}):
            print(f"{time.strftime('%H:%M:%S')} {table([row]).splitlines()[-1]}", file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def _machines(processors: list[str]) -> tuple[list[Machine], dict[str, str], Path]:
    """What to try, CMake's variables for compiling, and the folder of OpenVINO's package for Arm."""
    native = machines.is_arm()
    machines.require_tools(native=native)
    if native:
        return [machines.this_computer()], {}, Path(str(metadata.distribution("openvino").locate_file("openvino")))
    install.install(FOLDER)
    packages = FOLDER / "packages"
    return machines.emulated(processors, FOLDER), install.cross_definitions(packages), packages / "openvino"


@dataclass(frozen=True)
class _Operator:
    """The compiled operator, its vectors, and OpenVINO's shared libraries for Arm."""

    built: Path
    folder: Path
    vectors: list[Vector]
    libraries: Path


def _operator(definitions: dict[str, str], openvino: Path) -> _Operator:
    folder = FOLDER / "vectors"
    built = native_operator.compile_operator(FOLDER / "operator", definitions)
    return _Operator(built, folder, native_operator.write_vectors(folder), openvino / "libs")


def _rows(
    machine: Machine,
    expected: Path,
    models: list[str],
    parts: list[str],
    operator: _Operator | None,
    built: Mapping[Path, str],
) -> Iterator[Row]:
    if "doctor" in parts:
        yield _doctor(machine)
    if "track" in parts:
        yield _track(machine, expected)
    if "detector" in parts:
        yield _detector(machine, expected)
    for model in models if "models" in parts else ():
        for library in LIBRARIES:
            yield _points(machine, expected, model, library, LIBRARIES[library])
    for file, source in built.items() if "models" in parts else ():
        yield _points(machine, expected, source, LITERT, "LiteRT", file)
    if operator is not None:
        yield native_operator.check_program(machine, operator.built, operator.folder, operator.libraries)
        for form in on_arm.FORMS:
            yield native_operator.check_form(machine, form, operator.built, operator.folder, operator.vectors)


def _doctor(machine: Machine) -> Row:
    names, reports = (machine.name, "sdfl doctor", "command line"), []
    for model in SELF_TESTED:
        done = machine.run(*reference.SDFL, "doctor", "--json", "--model", model)
        if done.returncode:
            return failed(*names, done.returncode, done.stderr, may_refuse=False)
        reports.append(json.loads(done.stdout))
    forms = [row for row in reports[0]["operator"] if not row["self_test"].startswith("not run")]
    bad = [f"{row['runtime']} ({row['form']}) {row['self_test']}" for row in forms if "passed" not in row["self_test"]]
    passed = f"{len(forms) - len(bad)} forms of the operator passed"
    tests = [row for report in reports for row in report["self_tests"]]
    wrong = [f"{row['model']} in {row['runs_in']} {row['result']}" for row in tests if "passed" not in row["result"]]
    problems = [f"problem: {each['problem']}" for each in reports[0]["problems"]]
    says = "; ".join([*bad, *wrong, passed, f"{len(tests) - len(wrong)} self-tests passed", *problems])
    return Row(*names, DIFFERS if bad or wrong else AGREES, says=says)


def _track(machine: Machine, expected: Path) -> Row:
    """What a user gets who chooses nothing, compared with the float model: within the limits of an int8 model."""
    names, out = (machine.name, "sdfl track sample", "command line"), FOLDER / "clip.jsonl"
    out.unlink(missing_ok=True)
    done = machine.run(*reference.SDFL, *reference.track(out))
    if done.returncode:
        return failed(*names, done.returncode, done.stderr, may_refuse=False)
    wanted = reference.read_track(expected / "clip.jsonl")
    try:
        found = reference.read_track(out)
    except SdflError as error:
        return Row(*names, DIFFERS, says=str(error))
    return compared(*names, found, wanted, reference.crop_sides(wanted), int8=True)


def _detector(machine: Machine, expected: Path) -> Row:
    names, out = (machine.name, "face detector", "default"), FOLDER / "boxes.npz"
    done = machine.run(on_arm.__file__, "boxes", expected / "frames.npy", out)
    if done.returncode:
        return failed(*names, done.returncode, done.stderr, may_refuse=False)
    with np.load(expected / "boxes.npz") as file:
        wanted = file["boxes"]
    with np.load(out) as file:
        return overlapping(*names, file["boxes"], wanted, seconds=file["seconds"])


def _points(machine: Machine, expected: Path, model: str, library: str, title: str, file: Path | None = None) -> Row:
    names, out = (machine.name, model, title), FOLDER / "points.npz"
    crops = expected / f"crops_{model}.npy"
    done = machine.run(on_arm.__file__, "points", file or model, library, crops, out)
    if done.returncode:
        return failed(*names, done.returncode, done.stderr, may_refuse=True)
    with np.load(expected / f"points_{model}.npz") as stored:
        wanted = stored["points"]
    with np.load(out) as stored:
        found, seconds = stored["points"], stored["seconds"]
    side_px = float(np.load(crops, mmap_mode="r").shape[1])
    is_int8 = split_stem(model)[1] == "int8"
    return compared(*names, found, wanted, side_px, int8=is_int8, seconds=seconds)


if __name__ == "__main__":
    sys.exit(main())
