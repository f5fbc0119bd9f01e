"""Where the tracked picture is shown."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sdfl.runtime.loading import load_choice
from sdfl.runtime.notice import Say, to_stderr
from sdfl.runtime.views.base import Stats, View
from sdfl.runtime.views.window import has_gui

__all__ = ["VIEWS", "Stats", "View", "choose_view", "open_view"]

VIEWS = {
    "window": "sdfl.runtime.views.window:WindowView",
    "browser": "sdfl.runtime.views.browser:BrowserView",
    "none": "sdfl.runtime.views.none:NoView",
}


def choose_view(environ: Mapping[str, str] = os.environ) -> str:
    """The name of the best view here: a window where there is a display and OpenCV can open one, else the browser."""
    display = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    return "window" if display and has_gui() else "browser"


def open_view(name: str | None = None, *, say: Say = to_stderr) -> View:
    """Open the view called `name` (None: the best here). Raises ConfigError that lists the choices.

    say: takes one-line remarks, such as the address to open.
    """
    view: View = load_choice("view", name or choose_view(), VIEWS)(say=say)
    return view
