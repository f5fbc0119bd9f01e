"""The `sdfl` command. The modules beside this file parse options and print results; the work is done elsewhere."""

from __future__ import annotations

import io
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
    label_videos,
    quantize,
    report,
    reproduce,
    study,
    synth,
    track,
    train,
    verify,
    web,
    zoo,
)
from sdfl.cli.outputs import can_print, is_closed_pipe, let_go_of_stdout
from sdfl.errors import SdflError, install_command
from sdfl.files import ADVICE, write_failure
from sdfl.signals import requests_to_end

DESCRIPTION = (
    "Find faces and their landmarks in pictures, videos and live cameras, on ordinary processors and NVIDIA GPUs; "
    "train, convert and measure the models for it."
)
WINDOW_NEEDS = {"linux": "apt-get install libgl1 && "}  # system -> what the OpenCV with windows needs beside it
Verb = Callable[..., None]

# What the verbs are for -> verbs, in the order of the help page.
VERBS: dict[str, dict[str, Verb]] = {
    "Use": {
        "demo": demo.demo,
        "track": track.track,
        "label-videos": label_videos.label_videos,
        "web": web.web,
        "doctor": doctor.doctor,
    },
    "Train": {
        "train": train.train,
        "eval": eval.evaluate,
        "quantize": quantize.quantize,
        "reproduce": reproduce.reproduce,
        "synth": synth.synth,
    },
    "Deploy": {"export": export.export, "build": build.build, "verify": verify.verify},
    "Measure": {"bench": bench.bench, "report": report.report},
}
# Group of verbs -> what it is for, its help and its verbs.
GROUPS: dict[str, tuple[str, str, dict[str, Verb]]] = {
    "data": (
        "Train",
        "Check and label the pictures that models are trained and measured on.",
        {"check": data.data_check, "label": data.data_label},
    ),
    "zoo": (
        "Deploy",
        "List, inspect, measure and train the models of the package.",
        {"list": zoo.zoo_list, "show": zoo.zoo_show, "verify": zoo.zoo_verify, "train": zoo.zoo_train},
    ),
    "study": (
        "Measure",
        "Repeat the measurements behind single design decisions.",
        {
            "operator": study.study_operator,
            "smoothing": study.study_smoothing,
            "throughput": study.study_throughput,
            "detector": study.study_detector,
            "faceless": study.study_faceless,
            "streams": study.study_streams,
            "clips": study.study_clips,
        },
    ),
}

app = typer.Typer(
    help=DESCRIPTION,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _panel, _verbs in VERBS.items():
    for _name, _verb in _verbs.items():
        app.command(_name, rich_help_panel=_panel)(_verb)
for _group_name, (_panel, _help, _verbs) in GROUPS.items():
    _group = typer.Typer(help=_help, no_args_is_help=True)
    for _name, _verb in _verbs.items():
        _group.command(_name)(_verb)
    _group.callback()(lambda: None)
    app.add_typer(_group, name=_group_name, rich_help_panel=_panel)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sdfl {sdfl.__version__}")
        raise typer.Exit


@app.callback(help=DESCRIPTION)
def _top_level_options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Take the options that stand before a verb."""


def main() -> None:
    """Run the command line; `kill` ends it as cleanly as Ctrl-C does.

    Exits with 0 when the verb is done, 1 after an expected failure, which is told in one line, or after the reader of
    what it prints has gone, and 2 for wrong usage.
    """
    _heed_requests_to_end()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # Windows' old code pages lack characters of tables and of file names
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # Python's own flush at the end would print a traceback
    except SdflError as error:
        _fail(str(error))
    except OSError as error:
        if is_closed_pipe(error):
            let_go_of_stdout()
            sys.exit(1)
        if error.filename is None and error.errno in ADVICE:  # every file is named where it is written
            _fail(write_failure("standard output", error))
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; check the path, its rights and the free space")
    except ImportError as error:
        if error.name != "cv2" and "libGL" not in str(error) and "cv2" not in str(error):
            raise
        _fail(
            f"OpenCV cannot be loaded ({error}); install one of these, not both: {install_command('headless')}; "
            f"or with a display: {WINDOW_NEEDS.get(sys.platform, '')}{install_command('window')}"
        )
    except KeyboardInterrupt:
        sys.exit(130)


def _heed_requests_to_end() -> None:
    """Treat what `kill`, a closing terminal and Windows' Ctrl-Break send as Ctrl-C; `nohup` keeps its effect."""
    for number in requests_to_end():
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _fail(message: str) -> None:
    print(f"sdfl: {message}", file=sys.stderr)
    if not can_print():
        let_go_of_stdout()
    sys.exit(1)
