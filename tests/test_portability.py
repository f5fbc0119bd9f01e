"""What the code may not do, since macOS or Windows would do it differently; nobody can run it there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
FOLDERS = ("sdfl", "model", "train", "convert", "runtime", "benchmarks", "examples", "docs/tools")
ONLY_POSIX = {"fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "curses"}
NOT_EVERYWHERE = {"fork", "getloadavg", "getuid", "geteuid", "killpg", "mkfifo", "sched_getaffinity", "sync", "uname",
                  "sched_setaffinity", "statvfs"}  # fmt: skip
Finder = Callable[[ast.AST], Iterator[str]]


def sources() -> Iterator[tuple[Path, ast.Module]]:
    files = {path.resolve() for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py")}
    for path in sorted(files):
        yield path.relative_to(PROJECT), ast.parse(path.read_text(encoding="utf-8"))


def texts_without_encoding(tree: ast.AST) -> Iterator[str]:
    """Calls that read or write text in the system's own encoding, which is cp1252 on many Windows computers."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = {keyword.arg for keyword in node.keywords}
        modes = [each.value for each in [*node.args, *(keyword.value for keyword in node.keywords)]
                 if isinstance(each, ast.Constant) and isinstance(each.value, str)]  # fmt: skip
        is_text_file = name == "open" and any(mode in ("r", "w", "a", "x", "r+", "w+", "a+") for mode in modes)
        opens_by_default = isinstance(node.func, ast.Name) and name == "open" and len(node.args) == 1 and not modes
        is_text = name in ("read_text", "write_text", "fdopen") or is_text_file or opens_by_default
        starts = name in ("run", "Popen", "check_output") and "text" in given
        if is_text and "encoding" not in given and not _is_another(node):
            yield f"line {node.lineno}: {name} without encoding"
        if starts and not {"encoding", "errors"} & given:
            yield f"line {node.lineno}: {name} with text, without encoding or errors"


def _is_another(node: ast.Call) -> bool:
    """`sdfl.files.read_text` knows encodings, that of `importlib.metadata` takes a name, and `av.open` opens videos."""
    if not isinstance(node.func, ast.Attribute):
        return getattr(node.func, "id", "") == "read_text"
    of_av = node.func.attr == "open" and getattr(node.func.value, "id", "") == "av"
    return of_av or (node.func.attr == "read_text" and bool(node.args))


def posix_alone(tree: ast.AST) -> Iterator[str]:
    """Modules and functions that Windows lacks, where nothing asks first whether they are there."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asks = [call for call in calls if getattr(call.func, "id", "") in ("hasattr", "getattr")]
    asked = {call.args[1].value for call in asks if isinstance(call.args[1], ast.Constant)}
    tried = {id(child) for node in ast.walk(tree) if isinstance(node, ast.Try) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in tried:
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            for name in sorted(ONLY_POSIX & {str(each) for each in names}):
                yield f"line {node.lineno}: import of {name}"
        of_os = isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "os"
        if of_os and isinstance(node, ast.Attribute) and node.attr in NOT_EVERYWHERE - asked:
            yield f"line {node.lineno}: os.{node.attr}"


@pytest.mark.parametrize("finder", [texts_without_encoding, posix_alone], ids=lambda finder: finder.__name__)
def test_nothing_depends_on_the_system_unasked(finder: Finder) -> None:
    found = [f"{path}, {fault}" for path, tree in sources() for fault in finder(tree)]
    assert found == []


@pytest.mark.parametrize(
    ("finder", "code", "found"),
    [
        pytest.param(texts_without_encoding, "path.read_text()", 1, id="reads text"),
        pytest.param(texts_without_encoding, "path.read_text(encoding='utf-8')", 0, id="reads UTF-8"),
        pytest.param(texts_without_encoding, "path.open('w')", 1, id="opens for text"),
        pytest.param(texts_without_encoding, "open(path)", 1, id="opens for text by default"),
        pytest.param(texts_without_encoding, "path.open('wb')", 0, id="opens for bytes"),
        pytest.param(texts_without_encoding, "subprocess.run(x, text=True)", 1, id="text of a program"),
        pytest.param(posix_alone, "import fcntl", 1, id="imports fcntl"),
        pytest.param(posix_alone, "try:\n import resource\nexcept ImportError:\n pass", 0, id="asks for resource"),
        pytest.param(posix_alone, "os.getloadavg()", 1, id="load average"),
        pytest.param(posix_alone, "hasattr(os, 'fork') and os.fork()", 0, id="asks for fork"),
    ],
)
def test_the_finders_find(finder: Finder, code: str, found: int) -> None:
    assert len(list(finder(ast.parse(code)))) == found
