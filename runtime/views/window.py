"""A window on the desktop, by OpenCV. Escape, the key q and the window's close button end it."""

from __future__ import annotations

from contextlib import suppress

import cv2

from sdfl.errors import SdflError, install_command
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.views.base import FrameStats
from sdfl.types import Image

TITLE = "SDFL"
END_KEYS = (27, ord("q"))


def has_gui() -> bool:
    """Whether this build of OpenCV can open windows; opencv-python-headless cannot."""
    line = next((line for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")), "")
    return bool(line) and "NONE" not in line


class WindowView:
    """A `View` that is a window on the desktop.

    Args:
        say: is told how to end it.

    Raises:
        SdflError: this OpenCV cannot open windows, or there is no display.
    """

    watched = True

    def __init__(self, *, say: Say = to_stderr) -> None:
        if not has_gui():
            raise SdflError(
                "this OpenCV cannot open windows; use --view browser, or: "
                f"pip uninstall opencv-python-headless && {install_command('window')}"
            )
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise SdflError("no window can be opened here (is there a display?); use --view browser") from error
        self._sized = self._seen = False
        say("press q or Escape in the window to end")

    def show(self, image: Image, stats: FrameStats) -> bool:
        """Show a frame; False when the viewer has ended it. See `View`."""
        if not self._sized:
            cv2.resizeWindow(TITLE, image.shape[1], image.shape[0])
            self._sized = True
        cv2.imshow(TITLE, image)
        cv2.setWindowTitle(TITLE, f"{TITLE}: {stats.source}, {stats.fps:.0f} frames/s")
        return (cv2.waitKey(1) & 0xFF) not in END_KEYS and not self._is_closed()

    def _is_closed(self) -> bool:
        """Whether the window was closed. GTK never reports a window as visible; Qt raises an error for a closed one."""
        try:
            visible = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:
            return True
        self._seen |= visible
        return self._seen and not visible

    def close(self) -> None:
        """Close the window."""
        with suppress(cv2.error):
            cv2.destroyAllWindows()
