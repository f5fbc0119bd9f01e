from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sdfl.config import build, override, read_toml
from sdfl.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    size: int = 3
    names: tuple[str, ...] = ()
    rate: float = 0.5
    pair: tuple[float, float] = (0.0, 1.0)
    limit: int | None = None


@dataclass(frozen=True)
class Outer:
    title: str
    inner: Inner = field(default_factory=Inner)
    parts: tuple[Inner, ...] = ()


def test_tables_become_dataclasses() -> None:
    outer = build(Outer, {"title": "a", "inner": {"size": 4, "names": ["x", "y"], "rate": 1}})
    assert outer == Outer("a", Inner(4, ("x", "y"), 1.0))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        pytest.param({}, "title is missing", id="required key"),
        pytest.param(
            {"title": "a", "inner": {"sise": 1}}, r"inner\.sise is not a known key; inner takes size", id="typo"
        ),
        pytest.param(
            {"title": "a", "inner": {"size": "1"}}, r"inner\.size must be of type int, got '1'", id="text for int"
        ),
        pytest.param({"title": "a", "inner": {"size": True}}, r"inner\.size must be of type int", id="bool for int"),
        pytest.param({"title": "a", "inner": {"names": "x"}}, r"inner\.names must be a list", id="text for list"),
        pytest.param({"title": "a", "inner": {"names": [1]}}, r"inner\.names\[0\] must be of type str", id="list item"),
        pytest.param(
            {"title": "a", "inner": {"rate": float("nan")}}, r"inner\.rate must be a finite number, got nan", id="NaN"
        ),
        pytest.param(
            {"title": "a", "inner": {"pair": [0.0, float("inf")]}},
            r"inner\.pair\[1\] must be a finite number, got inf",
            id="infinity in a list",
        ),
        pytest.param({"title": "a", "inner": 3}, "inner must be a section", id="value for section"),
        pytest.param(
            {"title": "a", "inner": {"pair": [1]}}, r"inner\.pair must have 2 entries, got 1", id="too few entries"
        ),
        pytest.param(
            {"title": "a", "inner": {"limit": "x"}}, r"inner\.limit must be of type int, got 'x'", id="optional"
        ),
        pytest.param(
            {"title": "a", "parts": [{}, {"size": "x"}]}, r"parts\[1\]\.size must be of type int", id="one of many"
        ),
        pytest.param(
            {"title": "a", "parts": [{"sise": 1}]}, r"parts\[0\]\.sise is not a known key", id="typo in one of many"
        ),
    ],
)
def test_errors_quote_the_key(table: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(Outer, table)


def test_overrides_reach_nested_keys() -> None:
    table: dict = {"title": "a"}
    override(table, ["inner.size=7", "inner.names=['p']", "title=plain words"])
    assert build(Outer, table) == Outer("plain words", Inner(7, ("p",)))


@pytest.mark.parametrize("text", [pytest.param("size", id="no equals"), pytest.param("title.x=1", id="not a section")])
def test_bad_overrides_are_quoted(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--set"):
        override({"title": "a"}, [text])


def test_broken_toml_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("[a\n")
    with pytest.raises(ConfigError, match=r"r\.toml: is not valid TOML"):
        read_toml(path)
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        read_toml(tmp_path / "none.toml")
