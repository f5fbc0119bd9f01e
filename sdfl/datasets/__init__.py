"""Labelled pictures on disk. Reading needs numpy and OpenCV only, so that evaluation runs without torch."""

from sdfl.datasets.coco import load_coco
from sdfl.datasets.labels import LABEL_SUFFIXES, load_labelled, load_labels
from sdfl.datasets.lists import load_list
from sdfl.datasets.official import DATASETS, is_split, load_split
from sdfl.datasets.pictures import find_pictures, read_image
from sdfl.datasets.pts import find_samples, holds_points, read_pts
from sdfl.datasets.sample import Sample

__all__ = [
    "DATASETS",
    "LABEL_SUFFIXES",
    "Sample",
    "find_pictures",
    "find_samples",
    "holds_points",
    "is_split",
    "load_coco",
    "load_labelled",
    "load_labels",
    "load_list",
    "load_split",
    "read_image",
    "read_pts",
]
