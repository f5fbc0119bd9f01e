"""Compiled networks on disk, so that the next start need neither read nor compile the model."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from sdfl.files import atomic_path, cache_dir

MAX_FILES = 24  # the oldest beyond these are removed
ISA_VARIABLE = "ONEDNN_MAX_CPU_ISA"


def compiled_or_cached(core: Any, key: str, config: dict[str, Any], compile_model: Callable[[], Any]) -> Any:
    """A compiled network, from the cache if it is there. A cache that cannot be read or written costs only time.

    Args:
        core: `openvino.Core`.
        key: of the network, see `key_of`.
        config: OpenVINO's properties.
        compile_model: compiles the network where the cache does not hold it.
    """
    path = cache_dir() / "openvino" / f"{key}.blob"
    with contextlib.suppress(OSError, RuntimeError):
        content = path.read_bytes()
        return core.import_model(content, "CPU", config)
    compiled = compile_model()
    with contextlib.suppress(OSError, RuntimeError):
        with atomic_path(path) as temporary:
            temporary.write_bytes(compiled.export_model().getvalue())
        _forget_oldest(path.parent)
    return compiled


def key_of(files: Iterable[Path], *words: object) -> str:
    """A key that changes with everything that a compiled network depends on, such as the code of this folder.

    Args:
        files: whose content counts.
        words: what else counts.
    """
    digest = hashlib.sha256(_code())
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(repr((words, os.environ.get(ISA_VARIABLE))).encode())
    return digest.hexdigest()[:32]


@cache
def _code() -> bytes:
    """The modules of this folder, because they change networks before these are compiled."""
    return b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))


def _forget_oldest(folder: Path) -> None:
    blobs = sorted(folder.glob("*.blob"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in blobs[MAX_FILES:]:
        path.unlink(missing_ok=True)
