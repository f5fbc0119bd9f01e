import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from sdfl import files
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
