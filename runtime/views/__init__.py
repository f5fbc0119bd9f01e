"""Where the tracked picture is shown."""

from __future__ import annotations

import os
from collections.abc import Mapping

from sdfl.errors import ConfigError
from sdfl.runtime.implementations import load_implementation
from sdfl.runtime.live.switchboard import Switchboard
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.sources.browser import BrowserSource
from sdfl.runtime.views.base import FrameStats, View
from sdfl.runtime.views.window import has_gui

__all__ = ["VIEWS", "FrameStats", "View", "choose_view", "open_view"]

VIEWS = {
    "window": "sdfl.runtime.views.window:WindowView",
    "browser": "sdfl.runtime.views.browser.view:BrowserView",
    "none": "sdfl.runtime.views.none:NoView",
}


def choose_view(environ: Mapping[str, str] = os.environ) -> str:
    """The name of the best view here: a window where there is a display and OpenCV can open one, else the browser."""
    display = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    return "window" if display and has_gui() else "browser"


def open_view(
    name: str | None = None,
    *,
    say: Say = to_stderr,
    host: str | None = None,
    board: Switchboard | None = None,
    camera: BrowserSource | None = None,
) -> View:
    """Open the view called `name` (None: the best here). Raises ConfigError that lists the choices.

    say: takes one-line remarks, such as the address to open. The rest is for the browser: host: the address to listen
    on; board: what can be switched; camera: the source that its camera feeds.
    """
    chosen = name or ("browser" if host or camera else choose_view())
    make = load_implementation("view", chosen, VIEWS)
    if chosen == "browser":
        browser: View = make(say=say, host=host, board=board, camera=camera)
        return browser
    for option, value in (("--host", host), ("--source browser", camera)):
        if value is not None:
            raise ConfigError(f"{option} needs --view browser, got --view {chosen}")
    other: View = make(say=say)
    return other
