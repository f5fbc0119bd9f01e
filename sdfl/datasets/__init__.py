"""Labelled pictures on disk. Reading needs numpy and OpenCV only, so that evaluation runs without torch."""

from sdfl.datasets.pts import find_samples, read_pts
from sdfl.datasets.sample import Sample, read_image

__all__ = ["Sample", "find_samples", "read_image", "read_pts"]
