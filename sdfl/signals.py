"""The signals that ask a program to end, on the system at hand."""

from __future__ import annotations

import signal

# What `kill`, batch systems, containers, a closing terminal and Windows' Ctrl-Break send; Ctrl-C is SIGINT.
REQUESTS_TO_END = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
