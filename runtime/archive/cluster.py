"""Running workers as tasks of Ray Data, on this computer or on a running cluster.

Ray repeats a task whose process or computer is lost, and may run one twice; what is done is known by the names of
files, so nothing of that is written twice. Only tasks and their outcomes pass through Ray, never frames or rows.
"""

from __future__ import annotations

import logging
import os
import pickle
import platform
import queue
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sdfl.errors import ConfigError, MissingDependency, SdflError, first_line
from sdfl.runtime.archive.labelling import Outcome, Progress, Task, Worker
from sdfl.runtime.processor import usable_processors

SETTINGS = {  # of Ray, where the user has not chosen others
    "RAY_USAGE_STATS_ENABLED": "0",  # it would report the computer to its makers
    "RAY_TASK_MAX_RETRIES": "-1",  # however often a task loses its process: `Worker` gives up after some attempts
    "RAY_ENABLE_AUTO_CONNECT": "0",  # it would start again when a thread calls it after its end
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a remark about later versions
    "RAY_agent_register_timeout_ms": "300000",  # its processes take long to start on a busy computer
}
NO_WAY_OUT = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,127.0.0.2,localhost"}  # nothing listens there
STARTS = 3  # attempts
OBJECT_STORE_BYTES = 100 << 20  # near the least that Ray starts with
BLOCK_BYTES = 1 << 20  # what Ray Data expects of a task's result; with its own 128 MB it would run fewer at a time
LOOPBACK = "127.0.0.2"  # Ray replaces 127.0.0.1 by an address that others reach, and asks the network for it
POLL_S = 1.0
QUIET_S = 20.0  # after which a worker that says nothing is left out of what workers do

Workers = dict[str, Progress]  # computer and process -> what it labels


@dataclass
class Cluster:
    """A connection to Ray. Made by `connected`.

    Attributes:
        workers: tasks at a time, None for as many as the cluster has processors, also those that join later.
    """

    workers: int | None
    _ray: Any
    _board: Any
    _environment: dict[str, str | None]

    def schedule(self, tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        """A `Schedule` by Ray Data.

        Raises:
            SdflError: Ray gives up.
        """
        answers: queue.Queue[Outcome | BaseException | None] = queue.Queue()

        def collect() -> None:
            try:
                for row in self._dataset(tasks, worker).iter_rows():
                    answers.put(pickle.loads(row["outcome"]))
                answers.put(None)
            except BaseException as error:
                answers.put(error)

        threading.Thread(target=collect, name="outcomes", daemon=True).start()
        while True:
            try:
                answer = answers.get(timeout=POLL_S)
            except queue.Empty:
                yield None
                continue
            if answer is None:
                return
            if not isinstance(answer, Outcome):
                reason = (str(answer).strip().splitlines() or [type(answer).__name__])[-1]
                raise SdflError(f"Ray has stopped ({reason}); start again, what is done is kept") from answer
            yield answer

    def _dataset(self, tasks: Sequence[Task], worker: Worker) -> Any:
        from ray.data import TaskPoolStrategy, from_items

        items = [{"task": pickle.dumps(task)} for task in tasks]
        return from_items(items, override_num_blocks=len(items)).map(
            _Call(worker, self._board, self._environment),
            compute=TaskPoolStrategy(size=min(self.workers, len(tasks)) if self.workers else None),
            num_cpus=1,
        )

    def doing(self) -> Workers:
        """What each worker does at the moment, as far as it has told."""
        with suppress(Exception):  # an answer that does not come is no reason to stop
            snapshot: Workers = self._ray.get(self._board.snapshot.remote(), timeout=POLL_S)
            return snapshot
        return {}


class _Call:
    """What Ray Data maps over rows."""

    def __init__(self, worker: Worker, board: Any, environment: dict[str, str | None]) -> None:
        self._worker, self._board, self._environment = worker, board, environment

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        _restore(self._environment)
        me = f"{platform.node()}:{os.getpid()}"

        def report(progress: Progress | None) -> None:
            with suppress(Exception):
                self._board.tell.remote(me, progress)

        outcome = self._worker(pickle.loads(row["task"]), report)
        report(None)
        return {"outcome": pickle.dumps(outcome)}


class _Board:
    """Where workers tell what they do; an actor on the computer of the command."""

    def __init__(self) -> None:
        self._doing: dict[str, tuple[float, Progress]] = {}

    def tell(self, worker: str, progress: Progress | None) -> None:
        if progress is None:
            self._doing.pop(worker, None)
        else:
            self._doing[worker] = time.monotonic(), progress

    def snapshot(self) -> Workers:
        now_s = time.monotonic()
        self._doing = {name: each for name, each in self._doing.items() if now_s - each[0] < QUIET_S}
        return {name: progress for name, (_, progress) in sorted(self._doing.items())}


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[Cluster]:
    """Start Ray on this computer, or connect to a running cluster; end or leave it afterwards.

    Args:
        address: of the cluster, "auto" for the one that this computer belongs to; None starts Ray here.
        workers: tasks at a time, None for one for each processor.

    Raises:
        MissingDependency: Ray is not installed.
        ConfigError: there is no cluster at the address.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingDependency("Ray Data", extra="cluster") from error
    _silence(ray)
    environment = {name: os.environ.get(name) for name in NO_WAY_OUT} if address is None else {}
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "include_dashboard": False}
    if address is None:
        workers = workers or usable_processors()
        _start(ray, quiet | {"num_cpus": workers, "object_store_memory": OBJECT_STORE_BYTES})
    else:
        _join(ray, address, quiet)
    try:
        yield Cluster(workers, ray, _start_board(ray), environment)
    finally:
        ray.shutdown()


def _start(ray: Any, options: dict[str, Any]) -> None:
    """Start Ray for this computer alone, so that it neither listens to others nor asks them anything.

    Raises:
        SdflError: it does not start.
    """
    address = LOOPBACK if sys.platform == "linux" else None  # elsewhere Ray takes 127.0.0.1 by itself
    # Ray keeps others out by a token, which it would write into the home folder.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    # Its head process asks three providers' addresses for the kind of cloud, even if it is told to report nothing.
    with _environment(NO_WAY_OUT):
        for left in reversed(range(STARTS)):
            try:
                ray.init(address="local", _node_ip_address=address, **options)
                return
            except Exception as error:  # of many kinds, plain ones too
                ray.shutdown()
                reason = first_line(error)
                if not left:
                    raise SdflError(f"Ray cannot be started ({reason}); is the computer very busy?") from error


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        _restore(before)


def _restore(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _join(ray: Any, address: str, quiet: dict[str, Any]) -> None:
    if address.startswith("ray://"):
        raise ConfigError(
            f"--cluster {address}: start the command on a computer of the cluster, and give `auto` or host:port"
        )
    quiet.pop("include_dashboard")
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        reason = first_line(error)
        raise ConfigError(f"--cluster {address}: no cluster answers there ({reason})") from error


def _start_board(ray: Any) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(node_id=ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=here)(_Board).remote()


def _silence(ray: Any) -> None:
    """Leave the terminal to this project's own progress and errors."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = BLOCK_BYTES
    for name in ("ray.data", "ray"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
