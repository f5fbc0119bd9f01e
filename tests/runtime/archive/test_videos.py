"""Which videos an archive has, and what their labels are called."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sdfl.errors import SourceError
from sdfl.runtime.archive import videos
from sdfl.runtime.archive.videos import fetch, find_videos, key_of


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name in ("b/clip.mp4", "a/clip.MP4", "a/note.txt", "a/._clip.mp4", "a/deep/er.mkv", ".trash/old.mp4"):
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "archive"


def names(sources: list[Path | str], root: Path) -> list[str]:
    return [Path(os.path.relpath(video.address, root)).as_posix() for video in find_videos(map(str, sources))]


def test_a_folder_gives_the_videos_below_it(archive: Path) -> None:
    assert names([archive], archive) == ["a/clip.MP4", "a/deep/er.mkv", "b/clip.mp4"]


def test_what_is_named_twice_is_labelled_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(archive)
    assert names(["b/clip.mp4", archive / "b", archive / "b" / ".." / "b" / "clip.mp4"], archive) == ["b/clip.mp4"]


def test_a_named_file_needs_no_ending(archive: Path) -> None:
    (archive / "raw").write_bytes(b"x")
    assert names([archive / "raw"], archive) == ["raw"]


def test_a_list_is_relative_to_itself_and_may_miss_files(archive: Path) -> None:
    (archive / "list.txt").write_text("# night\nb/clip.mp4\n\nmissing.mp4\na\n", encoding="utf-8")
    assert names([archive / "list.txt"], archive) == ["a/clip.MP4", "a/deep/er.mkv", "b/clip.mp4", "missing.mp4"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("missing", "missing: no such file", id="missing"),
        pytest.param(".trash/..", "holds no video", id="a folder without videos"),
        pytest.param("nowhere://bucket/clips", "is no address that pyarrow can read", id="a strange bucket"),
    ],
)
def test_sources_that_cannot_be_used(source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / ".trash").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=reason):
        find_videos([source])


def test_videos_of_one_name_do_not_collide(archive: Path) -> None:
    one, _, other = find_videos([str(archive)])
    assert one.name != other.name
    assert one.name.startswith("clip-")
    assert other.name.startswith("clip-")


def test_a_changed_file_has_another_name_with_the_same_key(archive: Path) -> None:
    path = archive / "b" / "clip.mp4"
    (before,) = find_videos([str(path)])
    os.utime(path, ns=(1, 1))
    (after,) = find_videos([str(path)])
    assert before.name != after.name
    assert key_of(before.name) == before.key == after.key == key_of(after.name)


def test_a_bucket(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = pytest.importorskip("pyarrow.fs")
    disk = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    monkeypatch.setattr(videos, "_bucket", lambda uri: (fs, disk, uri.partition("://")[2].partition("?")[0]))
    found = find_videos(["s3://archive?region=x"])
    assert [video.address for video in found] == [
        "s3://archive/a/clip.MP4?region=x", "s3://archive/a/deep/er.mkv?region=x", "s3://archive/b/clip.mp4?region=x",
    ]  # fmt: skip
    assert found[0].shown == "s3://archive/a/clip.MP4?***"
    fetch(found[2], tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"b/clip.mp4"
    with pytest.raises(SourceError, match="no such file or folder"):
        find_videos(["s3://archive/none"])


def test_the_secrets_of_a_bucket_stay_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = pytest.importorskip("pyarrow.fs")

    def refuse(paths: Any) -> Any:
        raise OSError("access denied\nmany lines more")

    monkeypatch.setattr(videos, "_bucket", lambda uri: (fs, SimpleNamespace(get_file_info=refuse), "bucket"))
    with pytest.raises(SourceError) as refused:
        find_videos(["s3://key:secret@bucket/clips"])
    assert str(refused.value) == "s3://***@bucket/clips: cannot be listed (access denied)"
