import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from sdfl import files
from sdfl.errors import WriteError
from sdfl.files import Recording, atomic_path, cache_dir

Writer = Callable[[Path], AbstractContextManager[Path]]


@contextmanager
def recording_path(target: Path) -> Iterator[Path]:
    recording = Recording(target)
    yield recording.path
    recording.finish()


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


def test_success_replaces_the_file_and_makes_folders(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".txt", "writers that look at the suffix must keep working"
        temporary.write_text("whole")
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("writer", [atomic_path, recording_path])
def test_what_is_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path, writer: Writer) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "a.txt"
    link.symlink_to(tmp_path / "disk" / "real.txt")
    with writer(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "disk" / "real.txt").read_text() == "new"


@pytest.mark.parametrize("writer", [atomic_path, recording_path])
def test_a_device_is_written_to_and_never_replaced(writer: Writer) -> None:
    with writer(Path("/dev/null")) as path:
        path.write_text("gone")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("writer", [atomic_path, recording_path])
@pytest.mark.parametrize(
    ("system", "refusals", "attempts"),
    [
        pytest.param("win32", 2, 3, id="Windows, a virus scanner has it open for a moment"),
        pytest.param("win32", 99, 5, id="Windows, a program has it open"),
        pytest.param("linux", 99, 1, id="Linux, no right to the folder"),
    ],
)
def test_a_file_that_cannot_be_replaced_yet(
    tmp_path: Path, writer: Writer, system: str, refusals: int, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, real = tmp_path / "a.txt", Path.replace
    target.write_text("old")
    tried: list[Path] = []

    def replace(path: Path, new: Path) -> Path:
        tried.append(path)
        if len(tried) <= refusals:
            raise PermissionError(errno.EACCES, "Access is denied", str(path))
        return real(path, new)

    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(files, "OPEN_PAUSES_S", (0, 0, 0, 0))
    monkeypatch.setattr(Path, "replace", replace)
    lasts = refusals > attempts
    with pytest.raises(PermissionError) if lasts else nullcontext() as caught, writer(target) as temporary:
        temporary.write_text("new")
    assert len(tried) == attempts
    assert target.read_text() == ("old" if lasts else "new")
    assert caught is None or caught.value.filename == str(target)


def test_the_reason_that_a_library_hides_is_told(tmp_path: Path) -> None:
    def write_half() -> None:
        with atomic_path(tmp_path / "a.ckpt"):
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            finally:
                raise RuntimeError("unexpected pos 704 vs 598")

    with pytest.raises(WriteError, match=r"a\.ckpt: cannot be written \(No space left on device\); free some space"):
        write_half()


def test_an_error_of_another_file_is_none_of_this_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "missing").read_text()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_fault_that_shows_when_the_disk_is_to_have_it(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(WriteError, match=os.strerror(number)), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_system_without_fsync_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open, so it is not asked there")
def test_what_dead_processes_left_is_removed(tmp_path: Path) -> None:
    """Not that of a living process, of another computer or of another file."""
    write = "import pathlib, sys; from sdfl.files import Recording; print(Recording(pathlib.Path(sys.argv[1])).path)"

    def left_by_a_dead_process(target: Path) -> Path:
        command = [sys.executable, "-c", write, str(target)]
        path = Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
        path.touch()
        return path

    target = tmp_path / "a [1].mp4"
    dead, other = left_by_a_dead_process(target), left_by_a_dead_process(tmp_path / "b.mp4")
    living = dead.with_name(dead.name.replace(dead.name.split("-")[1].split(".")[0], str(os.getppid())))
    computer = dead.name.split(".")[2].split("-")[0]
    elsewhere = dead.with_name(dead.name.replace(computer, "0" * len(computer)))
    for path in (living, elsewhere):
        path.touch()
    with atomic_path(target) as temporary:
        temporary.write_text("new")
    assert set(tmp_path.iterdir()) == {target, other, living, elsewhere}


@pytest.mark.parametrize(
    ("system", "variables", "folder"),
    [
        pytest.param("linux", {}, "home/.cache/sdfl", id="Linux"),
        pytest.param("darwin", {}, "home/Library/Caches/sdfl", id="macOS"),
        pytest.param("win32", {"LOCALAPPDATA": "local"}, "local/sdfl", id="Windows"),
        pytest.param("win32", {}, "home/AppData/Local/sdfl", id="Windows without the variable"),
        pytest.param("darwin", {"XDG_CACHE_HOME": "mine"}, "mine/sdfl", id="chosen"),
    ],
)
def test_caches_lie_where_the_system_keeps_them(
    system: str, variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert cache_dir() == Path(folder)
