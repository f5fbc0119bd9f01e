"""The operator's C++ for aarch64: compiled here, run there, on the vectors that every implementation has to pass."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from native_build import build
from one_node import one_node
from operator_implementations import IMPLEMENTATIONS, epsilons
from operator_vectors import CASES, Vector, draw, write_binary

from arm64 import on_arm
from arm64.machines import Machine
from arm64.rows import AGREES, DIFFERS, Row, failed

SUBJECT = f"SparseGraphConv, {len(CASES)} vectors"
LIBRARIES = {"CPU reference": "tests/libsdfl_reference.so", "OpenVINO, extension": "openvino/libsdfl_openvino.so"}


def compile_operator(folder: Path, definitions: dict[str, str]) -> Path:
    """Build the OpenVINO extension, the CPU reference and the program that compares them.

    Args:
        folder: for the build.
        definitions: CMake's variables of the cross compiler; empty on an Arm computer.

    Returns:
        The folder with what was built.
    """
    options = [f"-D{name}={value}" for name, value in definitions.items()]
    shutil.rmtree(folder, ignore_errors=True)
    return build("openvino", folder, *options)


def write_vectors(folder: Path) -> list[Vector]:
    """The vectors as `arm64.on_arm` reads them, and `vectors.bin` beside the folder for the compiled program."""
    folder.mkdir(parents=True, exist_ok=True)
    write_binary(folder.with_suffix(".bin"))
    vectors = [draw(case) for case in CASES]
    for index, vector in enumerate(vectors):
        names = ("z", "attention", "neighbours", "bias", "slope")
        np.savez(folder / f"{index}.npz", **{name: getattr(vector, name) for name in names})
        (folder / f"{index}.onnx").write_bytes(one_node(vector).SerializeToString())
    return vectors


def check_program(machine: Machine, built: Path, vectors: Path, openvino_libraries: Path) -> Row:
    """The program of the C++ tests: extension and CPU reference give the same bits, wrong input is refused."""
    program, runs_in = built / "tests" / "sdfl_run_vectors", "C++ tests"
    done = machine.run_program(program, vectors.with_suffix(".bin"), libraries=openvino_libraries)
    if done.returncode:
        errors = done.stderr or done.stdout
        return failed(machine.name, SUBJECT, runs_in, done.returncode, errors, may_refuse=False)
    return Row(machine.name, SUBJECT, runs_in, AGREES, says=done.stdout.strip())


def check_form(machine: Machine, form: str, built: Path, folder: Path, vectors: list[Vector]) -> Row:
    """One form of the operator against the formula, within the bounds of `IMPLEMENTATIONS`.

    Args:
        machine: where it runs.
        form: a key of `arm64.on_arm.FORMS`.
        built: what `compile_operator` returned.
        folder: where `write_vectors` wrote them.
        vectors: what it returned.
    """
    out = folder.with_name("results.npz")
    out.unlink(missing_ok=True)
    library = built / LIBRARIES[form] if form in LIBRARIES else ""
    done = machine.run(on_arm.__file__, "operator", form, folder, library, out)
    if done.returncode:
        return failed(machine.name, SUBJECT, form, done.returncode, done.stderr, may_refuse=False)
    (implementation,) = [each for each in IMPLEMENTATIONS if each.name == form]
    with np.load(out) as results:
        for index, vector in enumerate(vectors):
            worst, allowed = epsilons(implementation, vector, results[str(index)])
            if not worst <= allowed:
                says = f"{vector.name}: {worst:.2f} epsilons where {allowed} are allowed"
                return Row(machine.name, SUBJECT, form, DIFFERS, says=says)
    return Row(machine.name, SUBJECT, form, AGREES)
