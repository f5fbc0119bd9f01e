"""The `sdfl` command. The modules beside this file parse and print; the work is done elsewhere."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import sdfl
from sdfl.cli import (
    bench,
    build,
    data,
    demo,
    doctor,
    eval,
    export,
    quantize,
    report,
    reproduce,
    track,
    train,
    verify,
    zoo,
)
from sdfl.errors import SdflError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=sdfl.__doc__)
VERBS: dict[str, Callable[..., None]] = {
    "demo": demo.demo,
    "track": track.track,
    "doctor": doctor.doctor,
    "train": train.train,
    "eval": eval.evaluate,
    "quantize": quantize.quantize,
    "reproduce": reproduce.reproduce,
    "export": export.export,
    "build": build.build,
    "verify": verify.verify,
    "bench": bench.bench,
    "report": report.report,
}
for _verb, _function in VERBS.items():
    app.command(_verb)(_function)

NOUNS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "data": ("Labelled pictures on disk.", {"check": data.data_check, "label": data.data_label}),
    "zoo": (
        "The models in the package and what networks cost.",
        {"list": zoo.zoo_list, "show": zoo.zoo_show, "verify": zoo.zoo_verify, "train": zoo.zoo_train},
    ),
}
for _noun, (_help, _verbs) in NOUNS.items():
    _group = typer.Typer(help=_help, no_args_is_help=True)
    for _verb, _function in _verbs.items():
        _group.command(_verb)(_function)
    _group.callback()(lambda: None)
    app.add_typer(_group, name=_noun)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sdfl {sdfl.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Structure-coherent face landmarks on the edge."""


def main() -> None:
    """Entry point: 0 done, 1 an expected failure in one line, 2 usage. `kill` ends a run as cleanly as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except SdflError as error:
        _fail(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; check the path, its rights and the free space")
    except ImportError as error:
        if error.name != "cv2" and "libGL" not in str(error):
            raise
        _fail(
            f"OpenCV cannot be loaded ({error}); install one, not both: "
            "pip install 'sdfl[headless]', or with a display: apt-get install libgl1 && pip install 'sdfl[window]'"
        )
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str) -> None:
    print(f"sdfl: {message}", file=sys.stderr)
    sys.exit(1)
