"""Every failure that a user can cause or fix. The command line prints one line and exits with 1.

SdflError
├── ConfigError         a recipe or option: names the key
├── DataError           a picture, label file or folder: names the file
├── CheckpointError     a training checkpoint that cannot be used
├── ArtifactError       a model file that is missing, cut off or contradicts itself
│   └── UnusableHereError   a model file that is right, but that a library cannot run on this computer
├── SourceError         a camera, stream, video or picture
├── WriteError          a file that cannot be written whole: a full disk, a quota
├── ClosedError         something that was closed is used
└── MissingDependency   a package that is not installed: names the pip command
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parents[1]  # of a checkout; of an installed package, the folder of all packages


class SdflError(Exception):
    """Base of all expected failures. The message is one line and says what to do."""


class ConfigError(SdflError):
    """A recipe or option is wrong; the message quotes the key."""


class DataError(SdflError):
    """A picture, label file or folder cannot be used; the message names it."""


class CheckpointError(SdflError):
    """A checkpoint is cut off, of another model or of another layout."""


class ArtifactError(SdflError):
    """A model file is missing, cut off or carries contradictory metadata."""


class UnusableHereError(ArtifactError):
    """A library refuses a model file that is whole, or computes something wrong from it on this computer."""


class SourceError(SdflError):
    """A camera, stream, video, picture or folder of pictures cannot be read."""


class WriteError(SdflError):
    """A file cannot be written whole, for example on a full disk; an earlier file of that name is unchanged."""


class ClosedError(SdflError):
    """A landmarker or back end is used after it was closed."""


class MissingDependency(SdflError):
    """A package is not installed.

    Args:
        package: what is missing.
        extra: the extra of sdfl that brings it; None where it is installed by its own name.
        alone: whether it needs an environment of its own, because its versions contradict those of other extras.
    """

    def __init__(self, package: str, *, extra: str | None = None, alone: bool = False) -> None:
        command = install_command(extra) if extra else f"pip install {package}"
        where = " into an environment of its own" if alone else ""
        super().__init__(f"{package} is not installed; install it{where} with: {command}")


def shown(value: object, longest: int = 80) -> str:
    """A value in an error: as Python writes it, in one line of at most so many characters.

    Args:
        value: of whatever a file holds.
        longest: characters.
    """
    try:
        text = repr(value) if not isinstance(value, str | bytes) else repr(value[: longest + 1])
    except (ValueError, RecursionError):  # an integer of more than 4300 digits; brackets in brackets
        text = f"a value of type {type(value).__name__} that is too long to show"
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def first_line(error: BaseException) -> str:
    """What an error says, in one line: the first one, or the error's kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def shown_path(path: object) -> str:
    """A path or another name in an error: in one line, whatever characters it has."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def install_command(extra: str) -> str:
    """The command that adds an extra to this installation of sdfl.

    Args:
        extra: a key of `project.optional-dependencies` in pyproject.toml.

    Returns:
        "pip install '/home/me/sdfl[train]'", with the folder, wheel or repository that sdfl was installed from; and
        "pip install '.[train]' in the project's folder" where pip has not noted it.
    """
    origin = _origin()
    url = str(origin.get("url", ""))
    if url and not url.startswith("file:"):
        vcs = origin.get("vcs_info", {})
        revision = vcs.get("requested_revision") or vcs.get("commit_id")
        address = f"{vcs['vcs']}+{url}@{revision}" if vcs else url
        return _pip_install(f"sdfl[{extra}] @ {address}")
    from urllib.request import url2pathname  # loads http and ssl; only an error needs it

    path = Path(url2pathname(urlsplit(url).path)) if url else _checkout()
    if path is not None and path.exists():
        return _pip_install(f"{path}[{extra}]")
    return f"{_pip_install(f'.[{extra}]')} in the project's folder"


def _pip_install(requirement: str) -> str:
    return f"pip install {shlex.quote(requirement)}"


def _checkout() -> Path | None:
    """The project's folder where this file lies in it; None where it lies among installed packages."""
    try:
        text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return None
    return PROJECT if 'name = "sdfl"' in text else None


def _origin() -> dict[str, Any]:
    """What pip has noted about where sdfl was installed from (PEP 610); empty where it has not."""
    from importlib import metadata  # slow to load; only an error needs it

    try:
        text = metadata.distribution("sdfl").read_text("direct_url.json")
        origin = json.loads(text) if text else {}
    except (metadata.PackageNotFoundError, ValueError):
        return {}
    return origin if isinstance(origin, dict) else {}
