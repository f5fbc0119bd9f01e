"""A page for a web browser: the picture, figures, plots and settings."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"  # files of the page
