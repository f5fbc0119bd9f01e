"""What tells that a computer is an NVIDIA Jetson, and which release of its system it runs."""

from __future__ import annotations

import re
from pathlib import Path

BOARD_FILE = Path("/proc/device-tree/model")
RELEASE_FILE = Path("/etc/nv_tegra_release")


def is_jetson(board: str) -> bool:
    """Whether the board is a Jetson.

    Args:
        board: the model that the device tree names, the text of `BOARD_FILE`.
    """
    return "jetson" in board.lower()


def parse_l4t(text: str) -> str:
    """The release of Linux for Tegra (L4T), which JetPack is built on.

    Args:
        text: of `RELEASE_FILE`, such as "# R36 (release), REVISION: 4.3, ...".

    Returns:
        "36.4.3"; "" for any other text.
    """
    match = re.search(r"# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)", text, re.ASCII)
    return f"{match[1]}.{match[2]}" if match else ""
