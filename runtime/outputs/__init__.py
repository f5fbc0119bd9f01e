"""Results as JSON lines, CSV rows, drawings and video files."""
