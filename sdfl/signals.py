"""The signals that ask a program to end, on the system at hand."""

from __future__ import annotations

import signal


def requests_to_end() -> tuple[int, ...]:
    """What `kill`, batch systems, containers, a closing terminal and Windows' Ctrl-Break send; Ctrl-C is SIGINT."""
    return tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
