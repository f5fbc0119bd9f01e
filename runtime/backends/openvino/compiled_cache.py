"""Compiled networks on disk, so that the next start need neither read nor compile the model."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from sdfl.artifacts import drawn_face, self_test
from sdfl.errors import UnusableHereError, WriteError
from sdfl.files import atomic_path, cache_dir

MAX_FILES = 48  # the oldest beyond these are removed
_HASH_BYTES = hashlib.sha256().digest_size  # in front of the content of every file
ISA_VARIABLE = "ONEDNN_MAX_CPU_ISA"


def compiled_or_cached(
    core: Any, key: str, config: dict[str, Any], compile_model: Callable[[], Any], check: Callable[[Any], None]
) -> Any:
    """A compiled network that was checked, from the cache if it is there.

    A network is kept once it has passed, so that the next start need not check it; that one has failed is kept as well.
    A cache that cannot be read or written costs only time, and so does a file in it that was damaged or exchanged.

    Args:
        core: `openvino.Core`.
        key: of the network, see `key_of`.
        config: OpenVINO's properties.
        compile_model: compiles the network where the cache does not hold it; raises UnusableHereError.
        check: raises UnusableHereError for a network that computes something wrong.

    Raises:
        UnusableHereError: the network cannot be compiled, or `check` refuses it; now or before.
    """
    path = cache_dir() / "openvino" / f"{key}.blob"
    failed = path.with_suffix(".failed")
    with contextlib.suppress(RuntimeError):
        if (network := _stored(path)) is not None:
            return core.import_model(network, "CPU", config)
    if (problem := _stored(failed)) is not None:
        raise UnusableHereError(problem.decode())
    try:
        compiled = compile_model()
        check(compiled)
    except UnusableHereError as error:
        _store(failed, str(error).encode())
        raise
    with contextlib.suppress(RuntimeError):
        _store(path, compiled.export_model().getvalue())
    return compiled


def _store(path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError, WriteError):
        with atomic_path(path) as temporary:
            temporary.write_bytes(_hash_of(path, content) + content)
        _forget_oldest(path.parent)


def _stored(path: Path) -> bytes | None:
    """What `_store` has stored under this very name; None where that is missing, damaged or exchanged."""
    try:
        file = path.read_bytes()
    except OSError:
        return None
    content = file[_HASH_BYTES:]
    return content if _hash_of(path, content) == file[:_HASH_BYTES] else None


def _hash_of(path: Path, content: bytes) -> bytes:
    digest = hashlib.sha256(path.name.encode())
    digest.update(content)
    return digest.digest()


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
    """What changes networks before they are compiled (this folder), and what tells right from wrong results."""
    runtime = Path(__file__).parents[2]
    judges = [Path(self_test.__file__), Path(drawn_face.__file__), runtime / "backends/self_test.py"]
    modules = [*sorted(Path(__file__).parent.glob("*.py")), *judges, runtime / "detector/network.py"]
    return b"".join(path.read_bytes() for path in modules)


def _forget_oldest(folder: Path) -> None:
    files = [*folder.glob("*.blob"), *folder.glob("*.failed")]
    for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)[MAX_FILES:]:
        path.unlink(missing_ok=True)
