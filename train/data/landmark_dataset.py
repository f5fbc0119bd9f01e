"""Labelled pictures as batches of augmented crops. Every sample depends on (seed, epoch, position) alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from sdfl.datasets import LABEL_SUFFIXES, Sample, find_samples, is_split, load_labels, load_split, read_image
from sdfl.errors import DataError
from sdfl.geometry import REFERENCE_CROP_PX, evaluation_affine, invert_affine, transform_points
from sdfl.layouts import get_layout
from sdfl.train.data.augmentation import AugmentConfig, face_crop, no_face_crop
from sdfl.train.data.samplers import Key
from sdfl.train.recipe import DataConfig
from sdfl.types import FloatArray, Image


def locate(data: Path, relative: str) -> Path:
    """Find a file or folder of a recipe: below --data, below its folder 300w, or beside it.

    Args:
        data: the folder of --data.
        relative: as the recipe names it.

    Raises:
        DataError: lists these places.
    """
    places = [data / relative, data / "300w" / relative, data.parent / relative]
    for place in places:
        if place.exists():
            return place
    raise DataError(f"{relative}: not found as {', '.join(map(str, places))}; point --data at the folder that holds it")


def split_samples(config: DataConfig, data: Path, layout: str) -> tuple[list[Sample], list[Sample]]:
    """Find the pictures of a recipe.

    Args:
        config: the recipe's section [data].
        data: the folder of --data.
        layout: that the pictures must have.

    Returns:
        Training and validation samples.

    Raises:
        DataError: pictures are missing, or a label is wrong.
    """
    train: list[Sample] = []
    held_out: list[Sample] = []
    for folder in config.train:
        samples = labelled_part(data, folder, layout)
        if config.holdout.every and folder == config.holdout.folder:
            held_out += samples[:: config.holdout.every]
            samples = [sample for i, sample in enumerate(samples) if i % config.holdout.every]
        train += [replace(sample, share=config.shares.get(folder, 1.0)) for sample in samples]
    if config.holdout.every and not held_out:
        raise DataError(f"data.holdout.folder ({config.holdout.folder!r}) must be one of data.train")
    return train, held_out


def labelled_part(data: Path, name: str, layout: str) -> list[Sample]:
    """Find one entry of a recipe's pictures.

    Args:
        data: the folder of --data.
        name: a split of a dataset in its official files ("wflw:train"), a list, COCO's JSON, or a folder with .pts
            files.
        layout: that the pictures must have.

    Raises:
        DataError: it is missing, a label is wrong, or it has another layout.
    """
    if is_split(name):
        samples = load_split(data, name)
    elif name.lower().endswith(LABEL_SUFFIXES):
        samples = load_labels(locate(data, name))
    else:
        return find_samples(locate(data, name), layout)
    if samples[0].layout != layout:
        raise DataError(f"{name}: has layout {samples[0].layout}, the recipe {layout}")
    return samples


def crop_shapes(samples: Sequence[Sample]) -> FloatArray:
    """The points of samples in their evaluation crops; the graph is mined from them.

    Args:
        samples: M pictures.

    Returns:
        (M, N, 2), 0..1 of the side.
    """
    size = int(REFERENCE_CROP_PX)
    shapes = [
        transform_points(invert_affine(evaluation_affine(sample.points, size)), sample.points) for sample in samples
    ]
    return ((np.stack(shapes) + 0.5) / size).astype(np.float32)


class FaceDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Augmented crops as tensors.

    Items: crop (S, S, 3) uint8, points (N, 2) 0..1 of the side, has_face (bool). Decoded pictures are kept in memory
    up to `cache_gib`.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        size: int,
        augment: AugmentConfig,
        *,
        no_face: float,
        seed: int,
        cache_gib: float,
    ) -> None:
        self._samples, self._size, self._augment = list(samples), size, augment
        self._no_face, self._seed = no_face, seed
        self._cache: dict[int, Image] = {}
        self._room = int(cache_gib * 2**30)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor, Tensor]:
        epoch, position, index = key
        rng = np.random.default_rng([self._seed, epoch, position])
        sample, image = self._samples[index], self._image(index)
        has_face = bool(rng.random() >= self._no_face)
        points = np.zeros_like(sample.points)
        if has_face:
            crop, points = face_crop(image, sample.points, get_layout(sample.layout), self._size, self._augment, rng)
        else:
            crop = no_face_crop(image, sample.points, self._size, self._augment, rng)
        return torch.from_numpy(crop), torch.from_numpy(points), torch.tensor(has_face)

    def _image(self, index: int) -> Image:
        if index in self._cache:
            return self._cache[index]
        image = read_image(self._samples[index].image_path)
        if image.nbytes <= self._room:
            self._room -= image.nbytes
            self._cache[index] = image
        return image
