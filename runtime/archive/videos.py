"""The videos of an archive: in files, folders, lists and buckets, each with a name that follows from what it is."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdfl.errors import MissingDependency, SourceError, first_line, shown_path
from sdfl.files import numbered_lines
from sdfl.runtime.sources.addresses import is_url, path_of, without_credentials

SUFFIXES = {
    ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv",
    ".ts", ".vob", ".webm", ".wmv",
}  # fmt: skip
LIST_SUFFIX = ".txt"
LONGEST_STEM = 40  # characters of a video's own name in the name of its file


@dataclass(frozen=True)
class Video:
    """A video as it was found.

    Attributes:
        address: absolute path, or the URI of a file in a bucket.
        size_bytes: of the file, -1 where there is none.
        modified: when it was changed last, nanoseconds since 1970 as text; empty where the bucket does not tell.
    """

    address: str
    size_bytes: int
    modified: str

    @property
    def key(self) -> str:
        """Begins the names of all labels of this address, whatever the file holds."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", _stem(self.address))[:LONGEST_STEM]
        return f"{stem}-{_hash(self.address)[:16]}"

    @property
    def name(self) -> str:
        """Of its labels: of the same file always the same, and another one when the file has changed."""
        return f"{self.key}-{_hash(f'{self.size_bytes} {self.modified}')[:8]}"

    @property
    def is_remote(self) -> bool:
        """Whether it lies in a bucket."""
        return is_url(self.address)

    @property
    def shown(self) -> str:
        """What messages and the dataset call it."""
        return without_credentials(self.address) if self.is_remote else shown_path(self.address)


def key_of(name: str) -> str:
    """The `Video.key` that a `Video.name` begins with."""
    return name.rpartition("-")[0]


def find_videos(sources: Iterable[str]) -> list[Video]:
    """The videos that sources name, each once, sorted by address.

    Args:
        sources: videos, folders, which are searched with what lies below them, lists (`.txt`, one of these on each
            line, relative to the list), and addresses of buckets that pyarrow reads (s3://, gs://, hdfs://, ...).

    Raises:
        SourceError: names the source that is missing, cannot be read or holds no video.
        DataError: a list is no text.
        MissingDependency: pyarrow, which reads buckets, is not installed.
    """
    found: dict[str, Video] = {}
    for source in sources:
        videos = list(_videos_of(source))
        if not videos:
            endings = " ".join(sorted(SUFFIXES))
            raise SourceError(f"{source}: holds no video; files in folders count by their endings ({endings})")
        found |= {video.address: video for video in videos}
    return [found[address] for address in sorted(found)]


def _videos_of(source: str) -> Iterator[Video]:
    if source.lower().startswith("file:/"):
        source = str(path_of(source))
    if is_url(source):
        yield from _in_bucket(source)
        return
    path = Path(source).expanduser()
    if not path.exists():
        raise SourceError(f"{shown_path(source)}: no such file; give videos, folders, lists (.txt) or a bucket")
    yield from _in_list(path) if path.suffix.lower() == LIST_SUFFIX and path.is_file() else _on_disk(path)


def _on_disk(path: Path) -> Iterator[Video]:
    if not path.is_dir():
        yield _video(path)
        return
    for folder, folders, files in os.walk(path, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (_video(Path(folder, name)) for name in files if _counts(name))


def _refuse(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be read ({error.strerror}); check its rights") from error


def _in_list(path: Path) -> Iterator[Video]:
    for _, line in numbered_lines(path):
        entry = line.strip()
        if entry.startswith("#"):
            continue
        if is_url(entry):
            yield from _in_bucket(entry)
        else:
            place = path.parent / Path(entry).expanduser()
            # What is missing is a failure of its own: the rest of a long list need not wait for it.
            yield from _on_disk(place)


def _video(path: Path) -> Video:
    place = os.path.abspath(path)  # noqa: PTH100  links stay: their names are what the user knows
    try:
        state = path.stat()
    except OSError:
        return Video(place, -1, "")
    return Video(place, state.st_size, str(state.st_mtime_ns))


def _counts(name: str) -> bool:
    """Whether a file of a folder is taken for a video; those with a dot in front are other programs' notes."""
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def _in_bucket(uri: str) -> Iterator[Video]:
    kinds, files, path = _bucket(uri)
    try:
        (info,) = files.get_file_info([path])
        if info.type == kinds.FileType.NotFound:
            raise SourceError(f"{without_credentials(uri)}: no such file or folder; check the address and the rights")
        if info.type == kinds.FileType.File:
            yield _remote(uri, info)
            return
        root = uri.partition("?")[0].rstrip("/")
        query = uri[len(uri.partition("?")[0]) :]
        for each in files.get_file_info(kinds.FileSelector(path, recursive=True)):
            inside = each.path[len(path.rstrip("/")) :].lstrip("/")
            hidden = any(part.startswith(".") for part in inside.split("/"))
            if each.type == kinds.FileType.File and _counts(each.base_name) and not hidden:
                yield _remote(f"{root}/{inside}{query}", each)
    except OSError as error:
        raise SourceError(f"{without_credentials(uri)}: cannot be listed ({_reason(error)})") from None


def _remote(uri: str, info: Any) -> Video:
    return Video(uri, info.size, str(info.mtime_ns or ""))


def _bucket(uri: str) -> tuple[Any, Any, str]:
    try:
        from pyarrow import ArrowInvalid, fs
    except ImportError as error:
        raise MissingDependency("pyarrow, which reads buckets,", extra="cluster") from error
    try:
        return fs, *fs.FileSystem.from_uri(uri)
    except (ArrowInvalid, OSError) as error:
        shown = without_credentials(uri)
        raise SourceError(f"{shown}: is no address that pyarrow can read ({_reason(error)})") from None


def fetch(video: Video, path: Path) -> None:
    """Copy a video from its bucket.

    Args:
        video: with `is_remote`.
        path: of the copy.

    Raises:
        SourceError: the bucket does not give it.
        OSError: the disk does not take it.
    """
    _, files, place = _bucket(video.address)
    with path.open("wb") as target:
        try:
            source = files.open_input_stream(place)
        except OSError as error:
            raise SourceError(f"{video.shown}: cannot be read ({_reason(error)})") from None
        with source:
            while piece := _read(source, video):
                target.write(piece)


def _read(source: Any, video: Video) -> bytes:
    try:
        return bytes(source.read(1 << 20))
    except OSError as error:
        raise SourceError(f"{video.shown}: cannot be read whole ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    """The first line of what pyarrow says, which may have many."""
    return first_line(error)[:200]


def _stem(address: str) -> str:
    path = address.partition("?")[0] if is_url(address) else address
    return re.split(r"[/\\]", path)[-1].rpartition(".")[0] or "video"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
