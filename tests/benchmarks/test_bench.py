import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench_fakes import ENVIRONMENT
from faces import write_faces
from toy_model import save_toy_model

from sdfl.benchmarks.bench import measured_before, run_suite
from sdfl.benchmarks.records import Record
from sdfl.benchmarks.suite import ModelEntry, PeerEntry, Suite, load_suite
from sdfl.benchmarks.targets import targets_of
from sdfl.errors import ConfigError

pytestmark = pytest.mark.slow

FINDS_THE_MIDDLE = """
import numpy as np
class Peer:
    layout = "ibug68"
    version = "1.2"
    def __init__(self, options):
        pass
    def detect(self, image):
        height, width = image.shape[:2]
        grid = np.linspace(-1, 1, 68)
        return [np.stack([width / 2 + width * 0.3 * grid, height / 2 + height * 0.3 * np.cos(9 * grid)], axis=1)]
"""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    write_faces(folder / "faces", 8)
    save_toy_model(folder / "toy.onnx")
    (folder / "cut_off.onnx").write_bytes((folder / "toy.onnx").read_bytes()[:1000])
    (folder / "peer.py").write_text(FINDS_THE_MIDDLE)
    return folder


def small_suite(folder: Path) -> Suite:
    import sys

    entries = [ModelEntry(str(folder / name), ("onnxruntime",)) for name in ("cut_off.onnx", "toy.onnx")]
    peers = (PeerEntry(str(folder / "peer.py"), sys.executable), PeerEntry("dlib68", str(folder / "no_python")))
    return Suite(
        "small", str(folder / "faces"), tuple(entries), peers,
        rounds=2, iterations=3, warmup=1, starts=1, sweep_pictures=3, clips=1, scenes=("still",),
    )  # fmt: skip


def run(suite: Suite, out: Path, **options: object) -> list[Record]:
    return run_suite(suite, out, ENVIRONMENT, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def records(workplace: Path) -> list[Record]:
    return run(small_suite(workplace), workplace / "records.jsonl")


def test_a_file_that_does_not_load_fails_and_the_suite_goes_on(workplace: Path, records: list[Record]) -> None:
    failed = {record.subject.name: record.error for record in records if record.error}
    assert failed["cut_off"] == f"{workplace}/cut_off.onnx: is not a complete ONNX file; copy or export it again"
    assert failed["dlib68"].endswith("no_python does not exist; make its environment with: make peers")
    measured = [(record.subject.name, record.kind) for record in records if not record.error]
    assert measured.count(("toy", "latency")) == 2
    assert measured.count(("toy", "accuracy")) == 3
    assert {("toy", "sweep"), ("toy", "video"), ("peer", "latency"), ("peer", "accuracy")} <= set(measured)


def test_every_record_says_how_to_measure_it_again(workplace: Path, records: list[Record]) -> None:
    times = next(
        r for r in records if r.kind == "latency" and r.subject.name == "toy" and r.settings["stage"] == "frame"
    )
    assert times.command == (
        f"sdfl bench --measure latency {workplace}/toy.onnx --backend onnxruntime --compute f32 "
        f"--stage frame --threads 1 --batch 1 --data {workplace}/faces"
    )
    assert times.subject.file_bytes > 1000
    assert len(times.subject.sha256) == 64


def test_peers_tell_their_version(records: list[Record]) -> None:
    peer = next(record for record in records if record.subject.name == "peer" and record.kind == "latency")
    assert (peer.subject.version, peer.subject.peer, peer.result["found_percent"]) == ("1.2", True, 100)


def test_resume_measures_only_what_is_missing_or_failed(workplace: Path, records: list[Record], tmp_path: Path) -> None:
    out = tmp_path / "records.jsonl"
    lines = (workplace / "records.jsonl").read_text().splitlines(keepends=True)
    without = [line for line in lines if json.loads(line)["kind"] != "sweep"]
    out.write_text("".join(without))
    again = run(small_suite(workplace), out, resume=True)
    kinds = [(record.subject.name, record.kind) for record in again if not record.error]
    assert kinds == [("toy", "sweep")]
    assert {record.subject.name for record in again if record.error} == {"cut_off", "dlib68"}
    assert measured_before(out, "another machine") == ()


def test_a_missing_folder_of_pictures_fails_what_needs_it(workplace: Path, tmp_path: Path) -> None:
    suite = replace(
        small_suite(workplace), data=str(tmp_path / "none"), model=small_suite(workplace).model[1:], peer=()
    )
    records = run(suite, tmp_path / "r.jsonl")
    worked = [(record.kind, record.settings["stage"]) for record in records if not record.error]
    assert worked == [("latency", "network")]
    assert all("is not a folder" in record.error for record in records if record.error)
    assert {record.kind for record in records if record.error} == {"latency", "accuracy", "sweep", "video"}


def test_without_labels_accuracy_is_left_out_and_clips_come_from_a_picture(workplace: Path, tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="no sample picture: pip install scikit-image")
    suite = replace(small_suite(workplace), data="", model=small_suite(workplace).model[1:], peer=())
    assert [record.kind for record in run(suite, tmp_path / "r.jsonl")] == ["latency", "latency", "video"]
    with pytest.raises(ConfigError, match="accuracy: needs labelled pictures; add --data"):
        run(replace(suite, measure=("accuracy",)), tmp_path / "r.jsonl")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "names no", id="nothing to measure"),
        pytest.param('[[model]]\nartifact = "x"\nbackend = "y"', r"model\[0\].backend is not a known key", id="key"),
        pytest.param(
            'measure = ["speed"]\n[[model]]\nartifact = "x"', "measure must be of latency, accuracy", id="kind"
        ),
        pytest.param('rounds = 0\n[[model]]\nartifact = "x"', "rounds must lie in 1", id="no rounds"),
        pytest.param('[[peer]]\nname = "x"', r"peer\[0\].python is missing", id="no python"),
    ],
)
def test_a_wrong_suite_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "suite.toml").write_text(text)
    with pytest.raises(ConfigError, match=reason):
        load_suite(str(tmp_path / "suite.toml"))


def test_shipped_suites_are_valid_and_listed() -> None:
    for name in ("default", "ci", "peers"):
        assert targets_of(load_suite(name))
    with pytest.raises(ConfigError, match="choose ci, default, peers or a TOML file"):
        load_suite("nothing")


def test_a_video_of_some_scenes_is_known_as_such(records: list[Record]) -> None:
    """Otherwise it would stand for all of them when a bench goes on."""
    told = {(record.settings["scenes"], record.settings["clips"]) for record in records if record.kind == "video"}
    assert told == {("still", 1)}
    assert all("scenes=still clips=1" in record.key for record in records if record.kind == "video")
