"""What the systems' consoles, pipes and signals do to the command line."""

from __future__ import annotations

import errno
import io
import os
import shlex
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from sdfl import cli, signals
from sdfl.cli.outputs import is_closed_pipe

PROGRAM = [sys.executable, "-c", "from sdfl.cli import main; main()"]
OLD_CONSOLE = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--help"], id="boxes of the help"),
        pytest.param(["zoo", "list"], id="a table"),
        pytest.param(["track", "\u4eba.mp4"], id="a message with a foreign name"),
        pytest.param(["demo", "--resolution", "720\u2192"], id="an option that is wrong"),
    ],
)
def test_an_old_code_page_is_no_error(arguments: list[str]) -> None:
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, env=OLD_CONSOLE, check=False)
    assert b"UnicodeEncodeError" not in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout.decode("cp1252") + done.stderr.decode("cp1252")


def test_a_character_that_the_code_page_lacks_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    console = io.TextIOWrapper(written, encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setattr(cli, "_heed_requests_to_end", lambda: None)
    monkeypatch.setattr(cli, "app", lambda: print("0.9 \u2192 0.3 MB"))
    cli.main()
    console.flush()
    assert written.getvalue().decode("cp1252").strip() == "0.9 ? 0.3 MB"


@pytest.mark.parametrize("verb", ["--help", "zoo list", "zoo show small", "track sample --frames 1"])
def test_a_reader_that_has_gone_is_met_with_silence(verb: str) -> None:
    command = f"{shlex.join(PROGRAM)} {verb} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("system", "error", "closed"),
    [
        pytest.param("linux", BrokenPipeError(errno.EPIPE, "Broken pipe"), True, id="Linux"),
        pytest.param("win32", OSError(errno.EINVAL, "Invalid argument"), True, id="Windows"),
        pytest.param("win32", OSError(errno.EINVAL, "Invalid argument", "a?.csv"), False, id="Windows, a wrong name"),
        pytest.param("linux", OSError(errno.EINVAL, "Invalid argument"), False, id="Linux, another fault"),
        pytest.param("win32", OSError(errno.ENOSPC, "No space left"), False, id="Windows, a full disk"),
    ],
)
def test_what_a_closed_pipe_is(system: str, error: OSError, closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", system)
    assert is_closed_pipe(error) is closed


@pytest.mark.parametrize(
    ("there", "before", "heeded"),
    [
        pytest.param({"SIGTERM": 15, "SIGHUP": 1}, signal.SIG_DFL, [15, 1], id="Linux and macOS"),
        pytest.param({"SIGTERM": 15, "SIGBREAK": 21}, signal.SIG_DFL, [15, 21], id="Windows"),
        pytest.param({"SIGTERM": 15, "SIGHUP": 1}, signal.SIG_IGN, [], id="nohup"),
    ],
)
def test_signals_that_a_system_lacks_are_left_out(
    there: dict[str, int], before: object, heeded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers: list[int] = []
    fake = SimpleNamespace(
        **there,
        SIG_IGN=signal.SIG_IGN,
        default_int_handler=signal.default_int_handler,
        getsignal=lambda _: before,
        signal=lambda number, _: numbers.append(number),
    )
    for module in (cli, signals):
        monkeypatch.setattr(module, "signal", fake)
    cli._heed_requests_to_end()
    assert numbers == heeded
