"""TensorBoard's logs of a training."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from sdfl.errors import WriteError
from sdfl.files import write_failure
from sdfl.train.progress import EpochReport


@contextmanager
def training_log(folder: Path, epoch: int) -> Iterator[SummaryWriter]:
    """Open a log.

    Args:
        folder: of its files.
        epoch: the first one to come; TensorBoard leaves out what an earlier training logged from there on.

    Raises:
        WriteError: the disk takes no more.
    """
    with _no_traceback_of_threads():
        with _as_write_error(folder):
            writer = SummaryWriter(str(folder), purge_step=epoch)
        try:
            yield writer
        finally:
            with _as_write_error(folder):
                writer.close()


@contextmanager
def _as_write_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(write_failure(folder, error)) from error


@contextmanager
def _no_traceback_of_threads() -> Iterator[None]:
    """TensorBoard writes in a thread. Python would print its OSError, which the main thread gets as well."""
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if not issubclass(arguments.exc_type, OSError):
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def write_epoch(writer: SummaryWriter, report: EpochReport) -> None:
    """Write the figures of an epoch.

    Args:
        writer: of `training_log`.
        report: of the epoch.

    Raises:
        WriteError: the disk takes no more.
    """
    with _as_write_error(Path(writer.log_dir)):
        for name, value in report.terms.items():
            writer.add_scalar(f"train/{name}", value, report.epoch)
        writer.add_scalar("train/learning_rate", report.learning_rate, report.epoch)
        for name, value in report.validation.items():
            if isinstance(value, float):
                writer.add_scalar(f"validation/{name}", value, report.epoch)
        writer.flush()
