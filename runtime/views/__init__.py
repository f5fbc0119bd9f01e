"""Where tracked frames are shown: a window, a page for a browser, or nowhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sdfl.errors import ConfigError
from sdfl.runtime.implementations import load_implementation
from sdfl.runtime.notices import Say, to_stderr

if TYPE_CHECKING:
    from sdfl.runtime.sources.browser import BrowserSource
    from sdfl.runtime.views.base import Controls, View

VIEWS = {
    "window": "sdfl.runtime.views.window:WindowView",
    "browser": "sdfl.runtime.views.browser.view:BrowserView",
    "none": "sdfl.runtime.views.none:NoView",
}


def default_view(environ: Mapping[str, str] = os.environ) -> str:
    """The name of the best view here: a window where there is a display and OpenCV can open one, else the browser.

    Args:
        environ: the environment variables, which tell of a display; macOS and Windows have one but in a remote shell.
    """
    from sdfl.runtime.views.window import has_gui

    if sys.platform in ("darwin", "win32"):
        display = not (environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    else:
        display = bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
    return "window" if display and has_gui() else "browser"


def choose_view(
    name: str | None = None,
    *,
    host: str | None = None,
    port: int | None = None,
    token: bool = True,
    browser_camera: bool = False,
) -> str:
    """The name of the view to open, before anything is opened.

    Args:
        name: a key of `VIEWS`; None for the browser where one of the other arguments needs it, else the best view here.
        host: address that the browser view shall listen on.
        port: port that the browser view shall listen on.
        token: whether the browser view shall need a token.
        browser_camera: whether the frames come from the camera of the viewer's browser.

    Raises:
        ConfigError: there is no such view, or an argument needs another one.
    """
    needs_browser = {
        "--host": host is not None,
        "--port": port is not None,
        "--no-token": not token,
        "--source browser": browser_camera,
    }
    chosen = name or ("browser" if any(needs_browser.values()) else default_view())
    if chosen not in VIEWS:
        raise ConfigError(f"view must be one of {', '.join(VIEWS)}, got {chosen!r}")
    for option, is_given in needs_browser.items():
        if is_given and chosen != "browser":
            raise ConfigError(f"{option} needs --view browser, got --view {chosen}")
    return chosen


def open_view(
    name: str | None = None,
    *,
    say: Say = to_stderr,
    host: str | None = None,
    port: int | None = None,
    token: bool = True,
    controls: Controls | None = None,
    camera: BrowserSource | None = None,
) -> View:
    """Open a view.

    Args:
        name: as for `choose_view`.
        say: takes one-line remarks, such as the address to open.
        host: address that the browser view listens on; None for this computer only.
        port: port that the browser view listens on; None takes 8000, or a free one where that is taken.
        token: whether the browser view needs the token that is part of its address.
        controls: what the page in the browser can change.
        camera: takes the pictures of the browser's camera.

    Raises:
        ConfigError: as `choose_view`.
        MissingDependency: the browser view's server is not installed.
        SdflError: the address cannot be used, or no window can be opened.
    """
    chosen = choose_view(name, host=host, port=port, token=token, browser_camera=camera is not None)
    make = load_implementation("view", chosen, VIEWS)
    for_browser = {"host": host, "port": port, "token": token, "controls": controls, "camera": camera}
    options = for_browser if chosen == "browser" else {}
    view: View = make(say=say, **options)
    return view
