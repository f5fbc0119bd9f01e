"""Messages name a command that can be run."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sdfl import errors
from sdfl.errors import MissingDependency, install_command


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """installed(noted): sdfl lies among other packages and pip has noted `noted` about it."""

    def put(noted: Any) -> None:
        text = noted if isinstance(noted, str | None) else json.dumps(noted)
        monkeypatch.setattr(errors, "PROJECT", tmp_path / "site-packages")
        monkeypatch.setattr(metadata, "distribution", lambda _: SimpleNamespace(read_text=lambda _: text))

    return put


FROM_A_REPOSITORY = {
    "url": "https://example.org/sdfl.git",
    "vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "main"},
}


@pytest.mark.parametrize(
    ("noted", "command"),
    [
        pytest.param(FROM_A_REPOSITORY, "pip install 'sdfl[train] @ git+https://example.org/sdfl.git@main'", id="git"),
        pytest.param(
            {"url": "https://example.org/sdfl-1.whl", "archive_info": {}},
            "pip install 'sdfl[train] @ https://example.org/sdfl-1.whl'",
            id="a wheel on a server",
        ),
        pytest.param(
            {"url": "file:///no/such/folder", "dir_info": {}},
            "pip install '.[train]' in the project's folder",
            id="a folder that is gone",
        ),
        pytest.param(None, "pip install '.[train]' in the project's folder", id="nothing noted"),
        pytest.param("{", "pip install '.[train]' in the project's folder", id="a damaged note"),
    ],
)
def test_an_extra_is_installed_from_where_sdfl_came(installed: Any, noted: Any, command: str) -> None:
    installed(noted)
    assert install_command("train") == command


@pytest.mark.parametrize("info", [{}, {"editable": True}], ids=["installed", "editable"])
def test_the_folder_it_was_installed_from_is_named(installed: Any, tmp_path: Path, info: dict[str, bool]) -> None:
    folder = tmp_path / "face landmarks"
    folder.mkdir()
    installed({"url": folder.as_uri(), "dir_info": info})
    assert str(MissingDependency("torch", extra="train")) == (
        f"torch is not installed; install it with: pip install '{folder}[train]'"
    )


def test_a_checkout_that_was_never_installed_names_its_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> None:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", nothing)
    assert install_command("train") == f"pip install '{Path(__file__).parents[2]}[train]'"


def test_a_package_without_an_extra_goes_by_its_own_name() -> None:
    assert str(MissingDependency("openvino")).endswith("install it with: pip install openvino")
