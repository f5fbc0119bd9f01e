"""A target that is opened when a measurement first needs it."""

from __future__ import annotations

from pathlib import Path

from sdfl.benchmarks.peers.sdfl_model import open_model
from sdfl.benchmarks.targets import Target
from sdfl.benchmarks.worker import Worker, WorkerError
from sdfl.types import Backend


class OpenedTarget:
    """Opens a target when it is first needed. A context manager.

    An error comes back for every measurement that needs it.
    """

    def __init__(self, target: Target) -> None:
        """Prepare for `target`."""
        self._target = target
        self._backend: Backend | None = None
        self._worker: Worker | None = None

    def backend(self) -> Backend:
        """The network of one of this project's models, in this process.

        Raises:
            SdflError: it cannot be opened.
        """
        if self._backend is None:
            options = self._target.options
            self._backend = open_model(Path(options["model"]), options["backend"], options["compute"])
        return self._backend

    def worker(self) -> Worker:
        """A process of its own with the target open.

        Raises:
            WorkerError: it cannot be opened.
        """
        if self._worker is None:
            worker = Worker(self._target.adapter, python=self._target.python, threads=1)
            try:
                worker.ask("open", options=self._target.options | {"threads": 1})
            except WorkerError:
                worker.close()
                raise
            self._worker = worker
        return self._worker

    def __enter__(self) -> OpenedTarget:
        return self

    def __exit__(self, *_: object) -> None:
        if self._backend is not None:
            self._backend.close()
        if self._worker is not None:
            self._worker.close()
