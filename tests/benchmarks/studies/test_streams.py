"""How many cameras are followed: the search, the trial of real processes, and the table."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from sdfl.benchmarks.studies import streams
from sdfl.benchmarks.studies.streams import Trial, Way, as_markdown, measuring, study, ways
from sdfl.errors import ConfigError

PEER = """
class Peer:
    layout = "ibug68"
    def __init__(self, options):
        pass
    def detect(self, image):
        return [[(1.0, 2.0)]]
"""


def trial(way: str, cores: int, cameras: int, *, kept: float = 1.0, p99_ms: float = 9.0) -> Trial:
    return Trial(way, cores, cameras, kept, 5.0, p99_ms, 1.5, 100.0, 1.0)


@pytest.mark.parametrize(
    ("capacity", "tried"),
    [
        pytest.param(0, [1], id="not even one"),
        pytest.param(1, [1, 2], id="one"),
        pytest.param(5, [1, 2, 4, 8, 6, 5], id="between two powers"),
        pytest.param(8, [1, 2, 4, 8, 16, 12, 10, 9], id="a power"),
        pytest.param(1000, [1, 2, 4, 8, 16, 32, 64], id="more than are tried"),
    ],
)
def test_the_search_finds_the_largest_number_that_holds(capacity: int, tried: list[int]) -> None:
    def measure(way: Way, cores: int, cameras: int) -> Trial:
        return trial(way.name, cores, cameras, kept=1.0 if cameras <= capacity * cores else 0.5)

    way = Way("way", Path("adapter.py"), {})
    trials = list(study([way], measure, cores=[1]))
    assert [each.streams for each in trials] == tried
    best = min(capacity, streams.MOST_STREAMS)
    assert as_markdown(trials, 33.0).endswith(f"way, 1 core: {best} cameras at 30 frames/s")


def test_given_numbers_are_measured_whether_they_hold_or_not() -> None:
    trials = list(study([Way("way", Path("a.py"), {})], lambda way, c, n: trial(way.name, c, n), streams=[3, 9]))
    assert [(each.cores, each.streams) for each in trials] == [(1, 3), (1, 9), (2, 3), (2, 9)]


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        pytest.param({}, True, id="in time"),
        pytest.param({"kept": 0.98}, False, id="a camera loses frames"),
        pytest.param({"p99_ms": 34.0}, False, id="results come late"),
    ],
)
def test_what_holds(changes: dict[str, float], holds: bool) -> None:
    assert trial("way", 1, 4, **changes).holds(33.0) is holds


def test_processes_of_a_peer_are_given_cameras_in_real_time(tmp_path: Path) -> None:
    (tmp_path / "peer.py").write_text(PEER)
    clip = {"path": str(tmp_path / "clip.bgr"), "width": 8, "height": 6, "frames": 3, "fps": 30}
    (tmp_path / "clip.bgr").write_bytes(bytes(3 * 8 * 6 * 3))
    way = Way("peer", tmp_path / "peer.py", {}, Path(sys.executable))
    found = measuring(clip, seconds=0.5)(way, 1, 2)
    assert (found.way, found.cores, found.streams, found.found) == ("peer", 1, 2, 1.0)
    assert 0 < found.kept <= 1
    assert 0 < found.p50_ms <= found.p99_ms


def test_more_cores_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--cores 9999: only \d+ may be used here"):
        measuring({}, 1.0)(Way("way", tmp_path / "a.py", {}), 9999, 1)


def test_a_peer_that_is_named_must_be_installed() -> None:
    with pytest.raises(ConfigError, match="make its environment with: make peers"):
        ways(None, ["mediapipe_facemesh=nowhere/bin/python"])
    assert [way.name for way in ways("nano", [])] == ["nano, one process", "nano, a process a camera"]


def host_camera(**changes: Any) -> Any:
    spec = importlib.util.spec_from_file_location("host", Path(streams.HERE) / "peers" / "host.py")
    assert spec is not None
    assert spec.loader is not None
    host = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(host)
    return host, host.Camera(**changes)


def test_a_camera_drops_what_has_become_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = {"path": str(tmp_path / "clip.bgr"), "width": 1, "height": 1, "frames": 3, "fps": 10}
    (tmp_path / "clip.bgr").write_bytes(bytes([index for index in range(3) for _ in range(3)]))
    host, camera = host_camera(clip=clip, seconds=1.0, warmup_s=0.2)
    now_s = [50.0]
    monkeypatch.setattr(host.time, "perf_counter", lambda: now_s[0])
    monkeypatch.setattr(host.time, "sleep", lambda s: now_s.__setitem__(0, now_s[0] + s + 1e-6))
    seen = []
    for step, image, captured_s in camera.frames():
        seen.append((step, int(image[0, 0, 0]), round(captured_s - 50.0, 3)))
        now_s[0] += 0.25 if step == 4 else 0.01
    assert seen == [
        (0, 0, 0.0), (1, 1, 0.1), (2, 2, 0.2), (3, 1, 0.3), (4, 0, 0.4), (6, 2, 0.6), (7, 1, 0.7), (8, 0, 0.8),
        (9, 1, 0.9), (10, 2, 1.0), (11, 1, 1.1),
    ]  # fmt: skip
    assert [camera.counts(step) for step in (1, 2)] == [False, True]
    assert camera.offered == 10


def test_the_table_is_ready_for_a_page() -> None:
    text = as_markdown([trial("b", 2, 4), trial("a", 1, 2, p99_ms=50.0)], 33.0)
    rows = text.splitlines()
    assert rows[2] == "| a | 1 | 2 | 100.0 | 5.0 | 50.0 | 1.50 | 100 | no |"
    assert rows[3] == "| b | 2 | 4 | 100.0 | 5.0 | 9.0 | 1.50 | 100 | yes |"
    assert rows[-2:] == ["a, 1 core: 0 cameras at 30 frames/s", "b, 2 cores: 4 cameras at 30 frames/s"]
