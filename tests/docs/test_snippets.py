"""Every Python, shell and TOML block of the documentation runs, or a comment in front of it says what it needs.

    <!-- needs: a camera -->
    ```sh
    sdfl demo
    ```

Blocks run in one folder with a picture of two people, a clip and labelled pictures. Commands in blocks that cannot run
here are checked for verbs and options that do not exist.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from sdfl.cli import app

pytestmark = pytest.mark.slow

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?:^<!-- needs: (?P<needs>[^>]+) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
NEEDS = {
    "a person": "it runs until somebody ends it, or it changes this computer",
    "a camera": "it reads a camera",
    "a cluster": "it starts Ray, which takes long; tests/runtime/archive does it",
    "a compiler": "it compiles C++ or CUDA",
    "a GPU": "it needs an NVIDIA GPU or TensorRT",
    "a Jetson": "it runs on a Jetson",
    "an archive": "tests/runtime/archive runs it on one",
    "labelled pictures": "it needs a dataset",
    "models of heads": "it needs checkouts of ICT-FaceKit and makehuman-assets",
    "network": "it downloads packages",
    "the browser's library": "it needs what make web builds",
    "the converter": "it needs LiteRT's converter, which has an environment of its own",
    "the peers": "it needs the environments of make peers",
    "time": "it measures for minutes",
}
LANGUAGES = {"", "html", "js", "python", "sh", "toml"}  # html runs in tests/runtime/web, js is a part of such a page
SHELL = re.compile(r"[|&;<>$()]")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. needs: of NEEDS, "" where it runs here."""

    page: Path
    line: int
    language: str
    text: str
    needs: str

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block without comments, continued ones joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := re.sub(r"(^|\s)#.*", "", line).strip())]

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    """Every fenced block of a page."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text"))
        yield Block(page, line, match["language"], match["text"], match["needs"] or "")


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def of_language(name: str, *, runs: bool) -> list[Any]:
    """The blocks of a language that run here, or those that do not, as parameters of a test."""
    return [pytest.param(each, id=str(each)) for each in BLOCKS if each.language == name and bool(each.needs) != runs]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where snippets run: people.jpg, clip.mp4, pictures/ with labels, and the clone's runtime/."""
    pytest.importorskip("skimage", reason="the sample picture comes with scikit-image")
    import cv2

    from sdfl import FaceLandmarker
    from sdfl.runtime.outputs.video_file import Recorder
    from sdfl.runtime.sources.sample import SampleSource, astronaut

    folder = tmp_path_factory.mktemp("snippets")
    portrait = astronaut()[:300, 80:380]
    people = np.hstack([portrait, portrait[:, ::-1]])
    cv2.imwrite(str(folder / "people.jpg"), people)
    with Recorder(folder / "clip.mp4", 30.0) as recorder:
        for frame in itertools.islice(SampleSource(), 12):
            recorder.write(frame.image, frame.timestamp_s)
    (folder / "pictures").mkdir()
    with FaceLandmarker(max_faces=1) as landmarker:
        for index, image in enumerate((portrait, np.ascontiguousarray(portrait[:, ::-1]))):
            rows = "\n".join(f"{x + 1:.3f} {y + 1:.3f}" for x, y in landmarker.detect(image)[0].landmarks)
            cv2.imwrite(str(folder / "pictures" / f"{index}.png"), image)
            (folder / "pictures" / f"{index}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")
    (folder / "runtime").symlink_to(PROJECT / "runtime")
    return folder


@pytest.mark.parametrize("block", of_language("python", runs=True))
def test_python_runs(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(block.text, str(block), "exec"), {"__name__": "snippet"})


@pytest.mark.parametrize("block", of_language("python", runs=False))
def test_python_that_needs_more_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", of_language("sh", runs=True))
def test_shell_runs(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for command in block.commands:
        words = shlex.split(command)
        if words[0] == "sdfl" and not SHELL.search(command):
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, f"{command}\n{result.output}\n{result.exception}"
        else:
            run_in_shell(command, folder)


def run_in_shell(command: str, folder: Path) -> None:
    """Run a command with `sdfl` as a function."""
    start = f'sdfl() {{ "{sys.executable}" -c "from sdfl.cli import main; main()" "$@"; }}'
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    subprocess.run(["bash", "-ec", f"{start}\n{command}"], cwd=folder, env=environment, check=True, timeout=60)


@pytest.mark.parametrize("block", of_language("sh", runs=False))
def test_commands_that_need_more_exist(block: Block) -> None:
    for command in block.commands:
        words = shlex.split(command)
        if words[0] == "sdfl":
            require_command(words[1:])


def require_command(words: list[str]) -> None:
    """Fail where there is no such verb, or it has no such option."""
    command: Any = typer.main.get_command(app)
    path = ["sdfl"]
    while hasattr(command, "commands"):
        word = words[len(path) - 1]
        assert word in command.commands, f"{' '.join(path)} has no verb {word}"
        command = command.commands[word]
        path.append(word)
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    unknown = {word for word in words if word.startswith("-") and word != "-"} - known
    assert not unknown, f"{' '.join(path)} has no option {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("block", of_language("toml", runs=True))
def test_toml_is_read(block: Block) -> None:
    tomllib.loads(block.text)


def test_every_block_says_what_it_is() -> None:
    for block in BLOCKS:
        assert block.language in LANGUAGES, f"{block}: write one of {', '.join(sorted(LANGUAGES - {''}))}"
        assert block.needs in ("", *NEEDS), f"{block}: needs must be one of {', '.join(NEEDS)}"
