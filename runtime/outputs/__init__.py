"""Writing results: JSON lines, CSV rows, drawings and video files."""
