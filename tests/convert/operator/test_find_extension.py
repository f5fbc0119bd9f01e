"""Where the compiled operator is looked for: what the user named, else the installed package, nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sdfl.errors import ConfigError
from sdfl.runtime.backends.openvino.extension import EXTENSION_VARIABLE, find_extension, why_unusable


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package without the library."""
    monkeypatch.delenv(EXTENSION_VARIABLE, raising=False)
    (tmp_path / "sdfl-0.1.0.dist-info").mkdir()
    (tmp_path / "openvino-2026.4.1.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    return tmp_path


def library_in(folder: Path) -> Path:
    path = folder / "sdfl" / "lib" / "libsdfl_openvino.so"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_package_without_the_library(package: Path) -> None:
    assert find_extension() is None


def test_package_with_the_library(package: Path) -> None:
    path = library_in(package)
    assert find_extension() == path


def test_a_library_for_another_openvino_is_left_alone(package: Path) -> None:
    path = library_in(package)
    version = path.with_name("libsdfl_openvino.version")
    version.write_text("2026.4.1\n")
    assert find_extension() == path
    assert why_unusable() == ""
    version.write_text("2026.3.0\n")
    assert find_extension() is None
    assert why_unusable() == "built for OpenVINO 2026.3.0, here is 2026.4.1; install sdfl again to build it anew"


def test_named_file_comes_first(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library_in(package)
    own = tmp_path / "own.so"
    own.touch()
    monkeypatch.setenv(EXTENSION_VARIABLE, str(own))
    assert find_extension() == own


def test_empty_name_means_standard_operators(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library_in(package)
    monkeypatch.setenv(EXTENSION_VARIABLE, "")
    assert find_extension() is None


def test_named_file_that_is_missing(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTENSION_VARIABLE, "/nowhere/own.so")
    with pytest.raises(ConfigError, match=f"^{EXTENSION_VARIABLE} names /nowhere/own.so, which is no file$"):
        find_extension()


def test_working_folder_is_not_searched(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    library_in(elsewhere)
    monkeypatch.chdir(elsewhere / "sdfl" / "lib")
    assert find_extension() is None
