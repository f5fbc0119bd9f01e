"""The lowest versions that are tested are those that pyproject.toml allows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

packaging = pytest.importorskip("packaging.requirements", reason="compares versions; most installations have it")
PROJECT = Path(__file__).parents[1]
EXTRAS = ("headless", "demo")  # LOWEST_EXTRAS of the Makefile
LINUX_310 = {"python_version": "3.10", "platform_machine": "x86_64", "sys_platform": "linux"}


def bounds(python: str) -> dict[str, str]:
    """Package -> the lowest version that pyproject.toml allows for a version of Python."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = project["dependencies"] + [text for extra in EXTRAS for text in project["optional-dependencies"][extra]]
    found = {}
    for requirement in map(packaging.Requirement, texts):
        if requirement.marker is None or requirement.marker.evaluate(LINUX_310 | {"python_version": python}):
            [found[requirement.name]] = [each.version for each in requirement.specifier if each.operator == ">="]
    return found


def pinned() -> dict[str, str]:
    lines = (PROJECT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("package", sorted(bounds("3.10")))
def test_the_lowest_version_is_the_one_that_is_tested(package: str) -> None:
    from packaging.version import Version

    bound, version = Version(bounds("3.10")[package]), Version(pinned()[package])
    # 4.8 stands for 4.8.0.76: the first version of that series that was published
    assert version.release[: len(bound.release)] == bound.release, "make constraints-lowest"


def test_the_makefile_tests_these_extras() -> None:
    assert f"LOWEST_EXTRAS := {' '.join(EXTRAS)}\n" in (PROJECT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("python", "lowest"), [("3.10", "4.8"), ("3.12", "4.8"), ("3.13", "4.10.0.84"), ("3.14", "4.10.0.84")]
)
def test_opencv_is_made_for_the_numpy_of_that_python(python: str, lowest: str) -> None:
    """Python 3.13 needs numpy 2, with which OpenCV cannot be imported before 4.10.0.84."""
    assert bounds(python)["opencv-python-headless"] == lowest
