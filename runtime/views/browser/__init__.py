"""A page for a web browser: the picture, figures, plots and settings."""
