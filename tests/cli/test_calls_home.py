"""No verb looks up a name or connects to another computer, and only caches appear in the home folder."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from faces import write_faces

from sdfl.cli import app

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "tests" / "helpers" / "resolver.cpp"
CACHES = (".cache/sdfl/", ".cache/matplotlib/")  # the latter for the drawings of trainings
LOADERS = ("runtime/backends/onnxruntime/library.py", "benchmarks/peers/onnx_landmarks.py")  # the latter runs elsewhere
NANO = PROJECT / "runtime" / "zoo" / "nano.onnx"

# Verb -> what it is tried with. {work} is a folder with a data set `faces`. Verbs that train are tried with what ends
# before the first step: importing all their packages is what could call home.
CASES: dict[str, list[str]] = {
    "bench": ["--suite", "no-such-suite"],
    "build": [str(NANO), "--target", "openvino", "--out", "{work}/nano.xml"],
    "data check": ["{work}/faces"],
    "data label": ["{work}/faces", "--teacher", "nano", "--out", "{work}/labels.txt"],
    "demo": ["--source", "sample", "--view", "none", "--frames", "2", "--model", "nano"],
    "doctor": ["--model", "nano"],
    "eval": ["nano", "--data", "{work}/faces"],
    "export": ["{work}/none.ckpt", "--out", "{work}/none.onnx"],
    "quantize": ["{work}/none.ckpt", "--data", "{work}/faces"],
    "report": ["{work}/none.jsonl"],
    "reproduce": ["table1", "--data", "{work}/none"],
    "study operator": ["--help"],
    "study smoothing": ["--help"],
    "study throughput": ["--help"],
    "study detector": ["--help"],
    "study faceless": ["--help"],
    "track": ["sample", "--frames", "2", "--model", "nano", "--backend", "onnxruntime"],
    "train": ["smoke", "--data", "{work}/none"],
    "verify": [str(NANO), "--against", str(NANO)],
    "zoo list": [],
    "zoo show": ["nano"],
    "zoo train": ["nano", "--data", "{work}/none"],
    "zoo verify": ["--data", "{work}/none"],
}


def verbs(group: typer.Typer = app, words: tuple[str, ...] = ()) -> list[str]:
    command = typer.main.get_command(group)

    def walk(node: object, path: tuple[str, ...]) -> list[str]:
        below = getattr(node, "commands", None)
        if below is None:
            return [" ".join(path)]
        return [verb for name, each in below.items() for verb in walk(each, (*path, name))]

    return walk(command, words)


def test_every_verb_is_tried() -> None:
    assert sorted(CASES) == sorted(verbs())


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fake resolver as a library."""
    if sys.platform != "linux" or shutil.which("g++") is None:
        pytest.skip("the fake resolver needs Linux and g++")
    library = tmp_path_factory.mktemp("resolver") / "resolver.so"
    subprocess.run(["g++", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    write_faces(folder / "faces", 2)
    return folder


def calls(resolver: Path, home: Path, command: list[str]) -> tuple[list[str], list[str], str]:
    """What `command` looked up or connected to, the files that it left in an empty home folder, and what it said."""
    home.mkdir()
    log = home.with_suffix(".log")
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("XDG_", "ORT_")) and key not in ("HOME", "LD_PRELOAD")
    } | {"HOME": str(home), "LD_PRELOAD": str(resolver), "RESOLVER_LOG": str(log)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    files = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    return log.read_text().splitlines() if log.exists() else [], files, done.stderr


def test_the_fake_resolver_catches_a_lookup(resolver: Path, tmp_path: Path) -> None:
    text = "import socket; socket.create_connection(('example.com', 80))"
    assert calls(resolver, tmp_path / "home", [sys.executable, "-c", text])[0] == ["name example.com"]
    text = "import socket; socket.create_connection(('192.0.2.1', 80))"
    assert calls(resolver, tmp_path / "home2", [sys.executable, "-c", text])[0] == ["address 192.0.2.1"]


@pytest.mark.slow
@pytest.mark.parametrize("verb", CASES)
def test_nothing_calls_home(verb: str, resolver: Path, work: Path, tmp_path: Path) -> None:
    words = [word.format(work=work) for word in CASES[verb]]
    command = [sys.executable, "-c", "from sdfl.cli import main; main()", *verb.split(), *words]
    looked_up, files, said = calls(resolver, tmp_path / "home", command)
    assert looked_up == []
    assert "Traceback" not in said
    assert "No such option" not in said
    assert "Missing" not in said
    assert [file for file in files if not file.startswith(CACHES)] == []


def test_the_libraries_are_imported_in_one_place_each() -> None:
    """`import openvino` reports to Google Analytics, unless `load_openvino` does it."""
    found = []
    for folder in ("sdfl", "model", "train", "convert", "runtime", "benchmarks", "examples"):
        for path in (PROJECT / folder).glob("**/*.py"):
            name = path.relative_to(PROJECT).as_posix()
            if path.is_symlink() or name in LOADERS:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import) and {"openvino", "onnxruntime"} & {each.name for each in node.names}:
                    found.append(f"{name}:{node.lineno}")
    assert found == []
