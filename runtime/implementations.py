"""Choosing an implementation by its name: tables of "module:Attribute", imported only when used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from sdfl.errors import ConfigError


def load_implementation(option: str, name: str, table: Mapping[str, str]) -> Any:
    """The object that `table` names for `name`. Raises ConfigError that quotes `option` and lists the choices."""
    if name not in table:
        raise ConfigError(f"{option} must be one of {', '.join(table)}, got {name!r}")
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)
