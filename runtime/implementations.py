"""Choosing an implementation by its name from a table of "module:Attribute", imported only when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from sdfl.errors import ConfigError


def load_implementation(option: str, name: str, table: Mapping[str, str]) -> Any:
    """Import an implementation.

    Args:
        option: what an error calls the choice.
        name: a key of `table`.
        table: name -> "module:Attribute".

    Returns:
        The attribute, a class or function.

    Raises:
        ConfigError: there is no such name; lists the choices.
    """
    if name not in table:
        raise ConfigError(f"{option} must be one of {', '.join(table)}, got {name!r}")
    module, _, attribute = table[name].partition(":")
    return getattr(import_module(module), attribute)
