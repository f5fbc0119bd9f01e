"""Tables (TOML, JSON) into dataclasses, with errors that quote the key."""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from sdfl.errors import ConfigError, DataError, shown
from sdfl.files import read_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
LARGEST = 1e15  # of any number in a table: bytes, steps, times
_KINDS = {"array": "a list", "object": "a section"}  # what msgspec calls things that have another name in a recipe
_PLACE = re.compile(r"^(?P<message>.*) - at `\$(?P<place>.*)`$")
_WRONG_TYPE = re.compile(r"^Expected `(?P<wanted>.*)`, got `(?P<got>.*)`$")
_WRONG_LENGTH = re.compile(r"^Expected `array` of length (?P<wanted>.*), got (?P<got>.*)$")
_MISSING = re.compile(r"^Object missing required field `(?P<key>.*)`$")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: names the file that is missing or no TOML.
    """
    try:
        table: dict[str, Any] = tomllib.loads(read_text(path))
        return table
    except DataError as error:
        raise ConfigError(str(error)) from error
    except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error


def override(table: dict[str, Any], assignments: Sequence[str]) -> None:
    """Apply assignments of the command line to a table, in place.

    Args:
        table: of a TOML file.
        assignments: `section.key=value` each, the value in TOML; a bare word is a string.

    Raises:
        ConfigError: quotes the assignment that has another form.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        *sections, last = key.strip().split(".")
        if not equals or not last:
            raise ConfigError(f"--set {assignment}: write section.key=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except (ValueError, RecursionError):
            value = text.strip()
        target = table
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise ConfigError(f"--set {assignment}: {section} is not a section")
        target[last] = value


def read_table(cls: type[T], path: Path, assignments: Sequence[str] = (), **defaults: Any) -> T:
    """Make a dataclass from a TOML file.

    Args:
        cls: the dataclass.
        path: the file.
        assignments: of the command line, see `override`.
        defaults: values of keys that the file lacks.

    Raises:
        ConfigError: names the file, and the key or line that is wrong.
    """
    table = defaults | read_toml(path)
    override(table, assignments)
    try:
        return build(cls, table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def build(cls: type[T], table: Mapping[str, Any], where: str = "", *, unknown_keys: bool = False) -> T:
    """Make a dataclass from a table; dataclasses in its fields are made from the tables in it.

    Args:
        cls: the dataclass.
        table: its fields by name, of the types that TOML and JSON have.
        where: stands in front of keys in errors, "model." for example.
        unknown_keys: whether keys that the dataclass does not have are ignored instead of refused.

    Returns:
        An object of `cls`.

    Raises:
        ConfigError: quotes the key that is unknown, missing or of a wrong type.
    """
    try:
        if not unknown_keys:
            _check_keys(cls, table, where)
        _check_numbers(table, where)
        return msgspec.convert(table, cls)
    except msgspec.ValidationError as error:
        raise ConfigError(_in_words(str(error), table, where)) from error
    except RecursionError as error:
        raise ConfigError(f"{where.rstrip('.') or 'the file'} holds brackets in brackets, too many to read") from error


def _check_keys(hint: Any, value: Any, where: str) -> None:
    """Raise ConfigError for a key in `value` that no dataclass in the type `hint` has."""
    if isinstance(value, Mapping) and dataclasses.is_dataclass(hint):
        fields = get_type_hints(hint)
        for key, entry in value.items():
            if key not in fields:
                section = where.rstrip(".") or "the file"
                raise ConfigError(f"{where}{_named(key)} is not a known key; {section} takes {', '.join(fields)}")
            _check_keys(fields[key], entry, f"{where}{key}.")
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            _check_keys(next(iter(get_args(hint)), Any), entry, f"{where.rstrip('.')}[{index}].")
    else:
        for argument in get_args(hint):  # of `Section | None`
            _check_keys(argument, value, where)


def _check_numbers(value: Any, where: str) -> None:
    """Raise ConfigError for NaN, infinity and numbers that are larger than any quantity."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            _check_numbers(entry, f"{where}{_named(key)}.")
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            _check_numbers(entry, f"{where.rstrip('.')}[{index}].")
    elif isinstance(value, int | float) and not abs(value) <= LARGEST:
        problem = "a finite number" if value != value or abs(value) == math.inf else f"at most {LARGEST:g} either way"
        raise ConfigError(f"{where.rstrip('.')} must be {problem}, got {shown(value)}")


def _named(key: object) -> str:
    """A key in an error: as it is, but in quotes where it could be taken for several words or lines."""
    plain = isinstance(key, str) and len(key) <= 60 and re.fullmatch(r"[\w.\-/]+", key)
    return str(key) if plain else shown(key, 60)


def _in_words(message: str, table: Mapping[str, Any], where: str) -> str:
    """What msgspec found wrong with `table`, in the words of a recipe."""
    found = _PLACE.match(message)
    place = found["place"].removeprefix(".") if found else ""
    message = found["message"] if found else message
    if missing := _MISSING.match(message):
        return f"{where}{place}{'.' if place else ''}{missing['key']} is missing"
    name = f"{where}{place}"
    if wrong := _WRONG_TYPE.match(message):
        wanted = wrong["wanted"].replace(" | null", "")
        return f"{name} must be {_KINDS.get(wanted, f'of type {wanted}')}, got {_value_at(table, place, wrong['got'])}"
    if length := _WRONG_LENGTH.match(message):
        return f"{name} must have {length['wanted']} entries, got {length['got']}"
    return f"{name}: {message[0].lower()}{message[1:]}"


def _value_at(table: Any, place: str, otherwise: str) -> str:
    """The value at a place like `folders[1].share`, as Python writes it."""
    if "..." in place:  # some key of a table
        return otherwise
    try:
        for key in re.findall(r"\w+", place):
            table = table[key] if isinstance(table, Mapping) else table[int(key)]
    except (KeyError, ValueError, IndexError, TypeError):
        return otherwise
    return shown(table)
