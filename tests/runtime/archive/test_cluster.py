"""Two computers, as far as Ray can tell them apart, that lose workers and a computer at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray.data", reason="the extra cluster is not installed")
pytest.importorskip("av", reason="clips are made with PyAV")

import pyarrow.parquet as pq
from archive_fakes import ToyOpening, label, write_clip

from sdfl.errors import ConfigError
from sdfl.runtime.archive.cluster import SETTINGS, Cluster, connected
from sdfl.runtime.archive.labelling import Outcome, Task, Worker

pytestmark = [pytest.mark.slow, pytest.mark.robust]

KILLS = int(os.environ.get("SDFL_ARCHIVE_KILLS", "2"))  # of workers
VIDEOS, FRAMES = 2 + KILLS, 20
SEED = int(os.environ.get("SDFL_ARCHIVE_SEED", "1"))


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A cluster of one node with one processor."""
    from ray.cluster_utils import Cluster as Nodes

    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        helpers, project = Path(__file__).parents[2] / "helpers", Path(__file__).parents[3]
        patch.setenv("PYTHONPATH", os.pathsep.join([str(project), str(helpers), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_AUTH_TOKEN", "of this test")
        started = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        yield started
        started.shutdown()


def workers(cluster: Cluster) -> list[int]:
    """Processes of this cluster that label at the moment, and not of another one on this computer."""
    told = {int(name.rpartition(":")[2]) for name in cluster.doing()}
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    named = [line.split(None, 1) for line in listed.splitlines()[1:]]
    return [int(pid) for pid, words in named if int(pid) in told and words.startswith("ray::Map")]


class Chaos:
    """Kills workers at random moments, and a node once."""

    def __init__(self, cluster: Cluster, nodes: Any, second: Any) -> None:
        self._cluster, self._nodes, self._second, self._random = cluster, nodes, second, random.Random(SEED)
        self.killed, self.seen, self.node_lost = 0, set[str](), False

    def schedule(self, tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        done = 0
        next_s = time.monotonic()
        for outcome in self._cluster.schedule(tasks, worker):
            done += outcome is not None
            self.seen |= {progress.video for progress in self._cluster.doing().values()}
            if self.killed < KILLS and time.monotonic() >= next_s and (processes := workers(self._cluster)):
                next_s = time.monotonic() + self._random.uniform(0.3, 3)
                os.kill(self._random.choice(processes), signal.SIGKILL)
                self.killed += 1
            if done >= 2 and not self.node_lost:
                self._nodes.remove_node(self._second, allow_graceful=False)
                self.node_lost = True
            yield outcome


def test_nothing_is_lost_and_nothing_comes_twice(nodes: Any, tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / "archive" / f"{index}.mp4", FRAMES) for index in range(VIDEOS)]
    long = write_clip(tmp_path / "archive" / "long.mp4", 4 * FRAMES)
    (tmp_path / "archive" / "damaged.mp4").write_text("no video", encoding="utf-8")
    out = tmp_path / "out"
    with connected(nodes.address, None) as cluster:
        second = nodes.add_node(num_cpus=1)  # now, or the command might belong to it, and be lost with it
        chaos = Chaos(cluster, nodes, second)
        opening = ToyOpening(pause_s=0.1)
        summary = label([tmp_path / "archive"], out, opening, chaos.schedule, segment_s=1.0)
    assert chaos.killed == KILLS
    assert chaos.node_lost
    assert chaos.seen, "workers tell what they do"
    assert summary.labelled == VIDEOS + 1
    assert list(summary.failed.values()) == [
        "is not a video that PyAV can decode, or its recording was not finished; copy or convert it again"
    ]
    again = label([tmp_path / "archive"], out, segment_s=1.0)
    assert (again.before, again.labelled) == (VIDEOS + 1, 0)
    label([tmp_path / "archive"], tmp_path / "alone", segment_s=1.0)
    assert same_rows(out) == same_rows(tmp_path / "alone"), "what one process gives"
    assert set(pq.read_table(out / "faces")["video"].to_pylist()) == {str(path) for path in [*clips, long]}
    assert not list((out / ".work" / "new").iterdir())


def same_rows(out: Path) -> list[dict[str, Any]]:
    rows = pq.read_table(out / "faces").to_pylist()
    return sorted(rows, key=lambda row: (row["video"], row["frame"], row["id"]))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        pytest.param("ray://localhost:10001", "start the command on a computer of the cluster", id="client"),
        pytest.param("no port", "no cluster answers there", id="no address"),
    ],
)
def test_clusters_that_cannot_be_joined(address: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason), connected(address, None):
        pass
