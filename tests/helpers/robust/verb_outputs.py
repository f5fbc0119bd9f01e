"""What verbs write, read so that equal content is equal and half a file raises."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robust.parsers import plain

GONE = object()  # the state of a file that is not there


def read(reader: Callable[[Path], Any], path: Path) -> Any:
    """What a reader gives; GONE without a file, and the exception of one that cannot be read."""
    if not path.exists():
        return GONE
    try:
        return reader(path)
    except Exception as error:
        return error


def lines(path: Path) -> list[Any]:
    """JSON lines, less the times that the frames took."""
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        raise ValueError("the last line has no end")
    return [{key: value for key, value in json.loads(line).items() if key != "ms"} for line in text.splitlines()]


def video(path: Path) -> list[str]:
    """A hash of each picture."""
    import av

    with av.open(str(path)) as container:
        return [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in container.decode(video=0)]


def cache(path: Path) -> frozenset[str]:
    """Names of compiled networks, each of which must have its hash."""
    from sdfl.runtime.backends.openvino.compiled_cache import _stored

    whole = [each for each in path.glob("*") if not each.name.startswith(".")]
    for each in whole:
        if _stored(each) is None:
            raise ValueError(f"{each.name} is not whole")
    return frozenset(each.name for each in whole)


def checkpoint(path: Path) -> str:
    """All weights, the epoch, what was measured, and the state of the training."""
    from sdfl.model.checkpoint import read_checkpoint

    found = read_checkpoint(path)
    training = found.training and (found.training.weights, found.training.average, found.training.optimizer)
    return hashlib.sha256(plain([found.weights, found.epoch, found.validation, training]).encode()).hexdigest()


def detector(path: Path) -> bytes:
    """The file, which holds a hash of itself."""
    from sdfl.artifacts.detector_spec import read_detector_spec

    read_detector_spec(path)
    return path.read_bytes()


def ir(path: Path) -> tuple[str, bytes]:
    """The model's name and its weights, which the .xml holds a hash of."""
    from sdfl.artifacts.model_file import read_spec

    return read_spec(path).name, path.with_suffix(".bin").read_bytes()


def records(path: Path) -> frozenset[str]:
    """What was measured, without the result."""
    from sdfl.benchmarks.records import read_records

    return frozenset(record.key for record in read_records([path]).records)


def write_earlier_record(path: Path) -> None:
    """A record of another model."""
    from bench_fakes import latency_record, subject

    from sdfl.benchmarks.records import append_record

    append_record(path, latency_record(subject("earlier"), 2.0))
