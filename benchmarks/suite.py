"""What to measure: a suite, from a TOML file or from the options of `sdfl bench`.

data = "300w/helen/testset"
threads = [1, 2]

[[model]]
artifact = "small"
backends = ["openvino", "onnxruntime"]

[[peer]]
name = "mediapipe_facemesh"
python = ".venv-peers/mediapipe/bin/python"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdfl.artifacts.names import COMPUTE_PRECISIONS
from sdfl.benchmarks.peers.sdfl_model import AUTO
from sdfl.benchmarks.records import CROPS, KINDS, STAGES
from sdfl.benchmarks.video.clips import SCENES
from sdfl.checks import require_within
from sdfl.config import read_table
from sdfl.errors import ConfigError, shown
from sdfl.runtime.backends import BACKENDS, backends_for

HERE = Path(__file__).parent
MOST = 1_000_000  # of anything that is counted
COMPUTE = (AUTO, *COMPUTE_PRECISIONS)


@dataclass(frozen=True)
class ModelEntry:
    """One of this project's models.

    Attributes:
        artifact: name of a model of the package, or a file.
        backends: that run it, keys of `sdfl.runtime.backends.BACKENDS`.
        compute: what floats are computed in, of COMPUTE; empty for f32, and bf16 if the processor has it.

    Raises:
        ConfigError: quotes a wrong key.
    """

    artifact: str
    backends: tuple[str, ...] = ("openvino",)
    compute: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_words("model.backends", self.backends, tuple(BACKENDS))
        _check_words("model.compute", self.compute, COMPUTE)
        if not self.backends:
            raise ConfigError("model.backends must name at least one back end")


@dataclass(frozen=True)
class PeerEntry:
    """Another project's model.

    Attributes:
        name: an adapter in `benchmarks/peers`, or the path of one.
        python: the interpreter of its environment.
        model: its file, if the adapter needs one.
        setting: a word that the adapter knows, for another mode of the same model.
    """

    name: str
    python: str
    model: str = ""
    setting: str = ""


@dataclass(frozen=True)
class Suite:
    """What to measure, and how often.

    Attributes:
        data: folder of labelled pictures, "" without any.
        measure: of KINDS.
        crops: of CROPS.
        stages: of STAGES.
        rounds: in which all cases take turns.
        iterations: runs of a case in each round.
        warmup: runs before the first round.
        starts: fresh processes that load time and memory are taken from.
        sweep_pictures: how many pictures are disturbed.
        clips: how many labelled pictures clips are made from.
        pictures: files that clips are made from instead.
        scenes: of `sdfl.benchmarks.video.clips.SCENES`.
        tolerance: how much slower than a baseline still passes: a share of the time relative to the reference workload.

    Raises:
        ConfigError: quotes a wrong key.
    """

    name: str = "suite"
    data: str = ""
    model: tuple[ModelEntry, ...] = ()
    peer: tuple[PeerEntry, ...] = ()
    measure: tuple[str, ...] = KINDS
    crops: tuple[str, ...] = CROPS
    stages: tuple[str, ...] = STAGES
    threads: tuple[int, ...] = (1,)
    batches: tuple[int, ...] = (1,)
    rounds: int = 10
    iterations: int = 30
    warmup: int = 20
    starts: int = 3
    sweep_pictures: int = 100
    clips: int = 3
    pictures: tuple[str, ...] = ()
    scenes: tuple[str, ...] = tuple(SCENES)
    tolerance: float = 0.15

    def __post_init__(self) -> None:
        allowed_values = {"measure": KINDS, "stages": STAGES, "crops": CROPS, "scenes": tuple(SCENES)}
        for key, allowed in allowed_values.items():
            _check_words(key, getattr(self, key), allowed)
        for key in ("rounds", "iterations", "starts", "clips", "threads", "batches"):
            values = getattr(self, key)
            for value in values if isinstance(values, tuple) else (values,):
                require_within(key, value, 1, MOST)
        require_within("warmup", self.warmup, 0, MOST)
        require_within("sweep_pictures", self.sweep_pictures, 1, MOST)
        require_within("tolerance", self.tolerance, 0, 100)
        if not self.model and not self.peer:
            raise ConfigError(f"suite {self.name}: names no [[model]] and no [[peer]]")


def load_suite(name_or_path: str) -> Suite:
    """Read a suite.

    Args:
        name_or_path: the name of one in the package, or a TOML file.

    Raises:
        ConfigError: there is no such file, or it is wrong; the message quotes the key.
    """
    shipped = {path.stem: path for path in sorted((HERE / "suites").glob("*.toml"))}
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise ConfigError(f"--suite {name_or_path}: no such file; choose {', '.join(shipped)} or a TOML file")
    return read_table(Suite, path, name=path.stem)


def suite_from_options(
    models: Sequence[str],
    peers: Sequence[str],
    suite: str | None = None,
    backends: Sequence[str] = (),
    compute: Sequence[str] = (),
) -> Suite:
    """The suite that the options of `sdfl bench` ask for.

    Args:
        models: names or files, which replace those of the suite.
        peers: texts for `parse_peer`, likewise.
        suite: name or file of a suite; None for "default", or for the defaults of `Suite` if there are models or peers.
        backends: replace those of the suite's models; without them a model runs in all that read its file.
        compute: replaces that of the suite's models.

    Raises:
        ConfigError: an option is wrong.
    """
    entries = [ModelEntry(model, tuple(backends or backends_for(Path(model))), tuple(compute)) for model in models]
    named = tuple(parse_peer(text) for text in peers)
    if entries or named:
        base = load_suite(suite) if suite else Suite("command line", model=tuple(entries), peer=named)
        return replace(base, model=tuple(entries), peer=named)
    chosen = load_suite(suite or "default")
    changes: dict[str, Any] = {key: tuple(each) for key, each in (("backends", backends), ("compute", compute)) if each}
    return replace(chosen, model=tuple(replace(entry, **changes) for entry in chosen.model))


def parse_peer(text: str) -> PeerEntry:
    """The entry in a text of the form NAME=PYTHON[,MODEL[,SETTING]].

    Raises:
        ConfigError: the text has another form.
    """
    name, _, rest = text.partition("=")
    words = rest.split(",")
    if not words[0] or len(words) > 3:
        raise ConfigError(f"--peer {text}: write NAME=PYTHON, NAME=PYTHON,MODEL or NAME=PYTHON,MODEL,SETTING")
    return PeerEntry(name, *words)


def _check_words(key: str, words: Sequence[str], allowed: Sequence[str]) -> None:
    for word in words:
        if word not in allowed:
            raise ConfigError(f"{key} must be of {', '.join(allowed)}, got {shown(word)}")
