"""No verb looks up a name or connects to another computer, and only caches appear in the home folder."""

from __future__ import annotations

import ast
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from sdfl.cli import app
from sdfl.runtime.web.site import DIST

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "tests" / "helpers" / "resolver.cpp"
CACHES = (".cache/sdfl/", ".cache/matplotlib/")  # the latter for the drawings of trainings
LOADERS = ("runtime/backends/onnxruntime/library.py", "benchmarks/peers/onnx_landmarks.py")  # the latter runs elsewhere
NANO = PROJECT / "runtime" / "zoo" / "nano.onnx"


@dataclass(frozen=True)
class Case:
    """What a verb is tried with.

    words: its arguments; {work} is a folder with pictures in `faces` and the checkpoint `small.ckpt`.
    code: the exit code that must come.
    before: a command that makes what the verb needs.
    asks: addresses that it may ask the kernel about.
    """

    words: tuple[str, ...]
    code: int = 0
    before: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


# Ray's agent asks the kernel by which of its own addresses this computer would reach a well-known one: it connects a
# datagram socket, which sends nothing. Where that is refused, as here, it looks up the computer's own name.
WAY_OUT = ("address 8.8.8.8", "address 2001:4860:4860::8888", f"name {platform.node()}")

BUILD = (str(NANO), "--target", "openvino", "--out", "{work}/nano.xml")
BENCH = ("nano", "--measure", "latency", "--backend", "onnxruntime", "--stage", "network", "--threads", "1",
         "--batch", "1", "--compute", "f32", "-o", "{work}/records.jsonl")  # fmt: skip
ON_FACES = ("--data", "{work}", "--set", "data.train=['faces']", "--set", "data.holdout.folder=faces",
            "--set", "train.batch_size=8")  # fmt: skip

CASES: dict[str, Case] = {
    "bench": Case(BENCH),
    "build": Case(BUILD),
    "data check": Case(("{work}/faces",)),
    "data label": Case(("{work}/faces", "--teacher", "nano", "--out", "{work}/labels.txt")),
    "demo": Case(("--source", "sample", "--view", "none", "--frames", "3", "--model", "nano")),
    "doctor": Case(("--model", "nano")),
    "eval": Case(("nano", "--data", "{work}/faces")),
    "export": Case(("{work}/small.ckpt", "--out", "{work}/small.onnx")),
    "label-videos": Case(("{work}/clip.mp4", "-o", "{work}/archive", "--model", "nano", "--workers", "1"), asks=WAY_OUT,
                         before=("track", "sample", "--frames", "5", "--model", "nano", "--save", "{work}/clip.mp4")),
    "quantize": Case(("{work}/small.ckpt", "--data", "{work}/faces", "--out", "{work}/int8.ckpt", "--images", "4")),
    "report": Case(("{work}/records.jsonl", "-o", "{work}/report"), before=("bench", *BENCH)),
    "study operator": Case(("nano", "--rounds", "2")),
    "study streams": Case(("nano", "--cores", "1", "--streams", "2", "--seconds", "1")),
    "synth": Case(("--out", "{work}/synth", "--assets", "{work}/none"), code=1),  # without the heads, and without bpy
    "track": Case(("sample", "--frames", "3", "--model", "nano")),
    "train": Case(("smoke", *ON_FACES, "--out", "{work}/run", "--set", "train.epochs=1",
                   "--set", "optimizer.warmup_epochs=0")),
    "verify": Case(("{work}/nano.xml", "--against", str(NANO)), before=("build", *BUILD)),
    "web": Case(("--out", "{work}/site"), code=0 if (DIST / "face-landmarker.js").is_file() else 1),
    "zoo list": Case(()),
    "zoo show": Case(("nano",)),
    "zoo verify": Case(("nano", "--data", "{work}/faces"), code=1),  # other faces than those of the stated accuracy
    # These need the published datasets, and end where they miss them, with all their packages imported.
    "reproduce": Case(("table1", "--data", "{work}/none"), code=1),
    "study detector": Case(("--data", "{work}/none"), code=1),
    "study faceless": Case(("--data", "{work}/none", "--yunet", "{work}/none.onnx"), code=1),
    "study clips": Case(("{work}/none",), code=1),
    "study smoothing": Case(("--data", "{work}/none"), code=1),
    "study throughput": Case(("smoke", "--data", "{work}/none"), code=1),
    "zoo train": Case(("nano", "--data", "{work}/none"), code=1),
}  # fmt: skip


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


def calls(resolver: Path, home: Path, command: list[str]) -> tuple[list[str], list[str], int, str]:
    """What `command` looked up or connected to, the files that it left in a home folder, its exit code and words."""
    home.mkdir(exist_ok=True)
    log = home.with_suffix(".log")
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("XDG_", "ORT_")) and key not in ("HOME", "LD_PRELOAD")
    } | {"HOME": str(home), "LD_PRELOAD": str(resolver), "RESOLVER_LOG": str(log)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    files = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    looked_up = log.read_text().splitlines() if log.exists() else []
    return looked_up, files, done.returncode, done.stderr


def test_the_fake_resolver_catches_a_lookup(resolver: Path, tmp_path: Path) -> None:
    text = "import socket; socket.create_connection(('example.com', 80))"
    assert calls(resolver, tmp_path / "home", [sys.executable, "-c", text])[0] == ["name example.com"]
    text = "import socket; socket.create_connection(('192.0.2.1', 80))"
    assert calls(resolver, tmp_path / "home2", [sys.executable, "-c", text])[0] == ["address 192.0.2.1"]


@pytest.mark.slow
@pytest.mark.parametrize("verb", CASES)
def test_nothing_calls_home(verb: str, resolver: Path, work: Path, tmp_path: Path) -> None:
    case = CASES[verb]
    runs = [(case.before, 0)] if case.before else []
    for words, code in [*runs, ((*verb.split(), *case.words), case.code)]:
        filled = [word.format(work=work) for word in words]
        command = [sys.executable, "-c", "from sdfl.cli import main; main()", *filled]
        looked_up, files, ended, said = calls(resolver, tmp_path / "home", command)
        assert ended == code, said
        assert set(looked_up) <= set(case.asks)
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
                if isinstance(node, ast.Import) and any(
                    each.name.split(".")[0] in ("openvino", "onnxruntime") for each in node.names
                ):
                    found.append(f"{name}:{node.lineno}")
    assert found == []
