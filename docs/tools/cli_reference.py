"""Writes docs/reference/cli.md from the command line itself: `python docs/tools/cli_reference.py`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer

from sdfl.cli import app

PAGE = Path(__file__).resolve().parents[1] / "reference" / "cli.md"
HEAD = """<!-- Written by docs/tools/cli_reference.py; `make docs` does so. Change help texts in sdfl/cli instead. -->

# Command line

`sdfl VERB --help` prints the same as this page. Options come after the verb.

- `MODEL` is a model of the package (`nano`, `small`, `medium`, `large`, `free`, `wflw98`; with the suffix
  `_int8` its int8 file) or a file.
- `--data` is a dataset's root or any folder of pictures with `.pts` files ([labels](file-formats.md#labels)).
- `--json` prints JSON for programs instead of text.
- Exit codes: 0 is success, 1 an expected failure that one line on standard error explains, 2 wrong usage, 130 a run
  that Ctrl-C or `kill` ended before it was done.
"""


def reference() -> str:
    """The text of the page."""
    root = typer.main.get_command(app)
    parts = [HEAD, *_tables(root)]
    for name, command in _commands(root):
        if hasattr(command, "commands"):
            parts.append(f"## sdfl {name}\n\n{_sentence(command.help)}\n")
            for verb, inner in _commands(command):
                parts += _section(f"sdfl {name} {verb}", inner, level=3)
        else:
            parts += _section(f"sdfl {name}", command, level=2)
    return "\n".join(parts)


def _commands(group: Any) -> Iterator[tuple[str, Any]]:
    """Verbs in the order of the help, hidden ones left out."""
    for name, command in group.commands.items():
        if not command.hidden:
            yield name, command


def _section(title: str, command: Any, *, level: int) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    words = [_metavar(each) if each.required else f"[{_metavar(each)}]" for each in arguments]
    yield f"{'#' * level} {title}\n"
    yield f"`{' '.join([title, *words, '[OPTIONS]'])}`\n"
    yield f"{_sentence(command.help)}\n"
    yield from _tables(command)


def _tables(command: Any) -> Iterator[str]:
    types = get_type_hints(command.callback)
    shown = [each for each in command.params if each.name in types and not getattr(each, "hidden", False)]
    if shown:
        rows = [_row(parameter, types[parameter.name]) for parameter in shown]
        yield "\n".join(["| argument or option | meaning | default |", "|---|---|---|", *rows]) + "\n"


def _row(parameter: Any, annotation: Any) -> str:
    if parameter.param_type_name == "argument":
        name = f"`{_metavar(parameter)}`"
    else:
        options = [each for each in (*parameter.opts, *parameter.secondary_opts) if each.startswith("-")]
        name = f"`{', '.join(options)}` {_kind(annotation)}".rstrip()
    help_text = _sentence(getattr(parameter, "help", None)).replace("|", "\\|")
    return f"| {name} | {help_text} | {_default(parameter)} |"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _kind(annotation: Any) -> str:
    """What an option takes: its choices, or a word for the type; "" for a switch."""
    if get_origin(annotation) is Literal:
        return " \\| ".join(f"`{choice}`" for choice in get_args(annotation))
    inner = [each for each in get_args(annotation) if each is not type(None)]
    if inner:
        return _kind(inner[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " \\| ".join(f"`{choice.value}`" for choice in annotation)
    return {bool: "", int: "INTEGER", float: "NUMBER", Path: "PATH"}.get(annotation, "TEXT")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or isinstance(default, bool | tuple | list):
        return "on" if default is True else ""
    default = getattr(default, "value", default)
    return f"`{default}`"


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
