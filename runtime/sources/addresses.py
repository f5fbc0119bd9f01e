"""Addresses of streams: what of them may be shown, and which of them are files."""

from __future__ import annotations

import re
from pathlib import Path

from sdfl.errors import SourceError, shown_path

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter is a drive of Windows
_NAMED = re.compile(r"((?:user|usr|login|pass|pwd|psw|token|key|auth|secret)\w*=)[^&;/?]*", re.IGNORECASE)
HIDDEN = "***"


def is_url(text: str) -> bool:
    """Whether this is an address and not a path."""
    return bool(_SCHEME.match(text))


def without_credentials(url: str) -> str:
    """The address as messages, logs and pages may show it.

    User, password and everything behind a question mark are hidden. People write passwords that hold @, / or ?
    without escaping them, so that everything up to the last @ is taken for one; where that lies behind a question mark,
    nothing is shown.

    Args:
        url: of any scheme.
    """
    scheme, separator, rest = url.partition("://")
    plain, mark, query = re.sub(r"#[^@]*$", "", rest).partition("?")
    if "@" in query:
        return f"{scheme}{separator}{HIDDEN}"
    _, at, host_and_path = plain.rpartition("@")
    host_and_path = _NAMED.sub(rf"\1{HIDDEN}", host_and_path)  # some cameras take them in the path
    return f"{scheme}{separator}{f'{HIDDEN}@' if at else ''}{host_and_path}{mark}{HIDDEN if mark else ''}"


def shown_source(text: str) -> str:
    """What messages call a source that cannot be found: an address that is written wrongly may hold a password, too.

    Args:
        text: as the user wrote it.
    """
    if is_url(text.strip()):
        return without_credentials(text.strip())
    front, at, rest = text.rpartition("@")
    return shown_path(f"{HIDDEN}@{rest}" if at and ":" in front else text)


def path_of(url: str) -> Path:
    """The file that a file:// address names.

    Args:
        url: file:///folder/clip.mp4 or file://localhost/folder/clip.mp4; %20 stands for a space.

    Raises:
        SourceError: it names another computer.
    """
    if "://" not in url:  # file:/folder/clip.mp4
        url = url.replace(":", "://", 1)
    host = url.partition("://")[2].partition("/")[0]
    if host.lower() not in ("", "localhost", "127.0.0.1"):
        raise SourceError(
            f"{without_credentials(url)}: names a file on another computer; copy it here, or give its http:// address"
        )
    path = url.partition("://")[2].partition("/")[2]  # urlsplit would end it at # and ?, which file names may hold
    from urllib.request import url2pathname  # loads http and ssl, which nothing but an address needs

    return Path(url2pathname(f"/{path}"))
