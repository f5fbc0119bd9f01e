"""How far a covered part of the face spoils the rest (Fig. 2c and 2d): a patch slides over every test crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdfl.datasets import Sample, read_image
from sdfl.geometry import MEAN_BGR, evaluation_crop, invert_affine, transform_points
from sdfl.layouts import get_layout
from sdfl.metrics import inter_ocular
from sdfl.types import Backend, FloatArray, Image

SIZES = (0.2, 0.3, 0.4, 0.5)  # of the crop's side


@dataclass(frozen=True)
class Occlusion:
    """Mean NME in percent (inter-ocular) with a patch over the crop.

    Attributes:
        model: what was tested.
        size: of the patch, in sides of the crop.
        visible: of the points that the patch leaves visible.
        covered: of the points that it covers.
        visible_without: of the visible points without the patch, to compare with.
    """

    model: str
    size: float
    visible: float
    covered: float
    visible_without: float


def occlusion_test(
    backend: Backend, samples: Sequence[Sample], *, sizes: Sequence[float] = SIZES, grid: int = 4
) -> list[Occlusion]:
    """Cover crops by a patch of the mean colour.

    Args:
        backend: the network.
        samples: labelled pictures.
        sizes: of the patch, in sides of the crop.
        grid: the patch takes grid x grid places in every crop.

    Returns:
        One row for each size.
    """
    spec = backend.spec
    rows: list[Occlusion] = []
    gathered: dict[float, list[FloatArray]] = {size: [] for size in sizes}
    for sample in samples:
        cut = evaluation_crop(read_image(sample.image_path), sample.points, spec.input_size, spec.crop_scale)
        crop, truth = cut.image, transform_points(invert_affine(cut.to_frame), sample.points)
        unit = float(inter_ocular(truth, get_layout(spec.layout)))
        clean = np.linalg.norm(backend.infer(crop[None]).points[0] - truth, axis=1) / unit
        for size in sizes:
            patched, corners, side = _slide(crop, size, grid)
            errors = np.linalg.norm(backend.infer(patched).points - truth, axis=2) / unit
            inside = np.all((truth >= corners[:, None]) & (truth < corners[:, None] + side), axis=2)
            gathered[size].append(_sums(errors, inside, clean))
    for size in sizes:
        visible, covered, without, shown, hidden = np.sum(gathered[size], axis=0)
        rows.append(
            Occlusion(
                spec.name,
                size,
                100 * visible / max(shown, 1),
                100 * covered / max(hidden, 1),
                100 * without / max(shown, 1),
            )
        )
    return rows


def _slide(crop: Image, size: float, grid: int) -> tuple[Image, FloatArray, int]:
    """Returns (grid^2, S, S, 3) patched crops, their patches' top-left corners (grid^2, 2) x y px, and the side px."""
    length = crop.shape[0]
    side = round(size * length)
    places = np.linspace(0, length - side, grid).round().astype(int)
    corners = np.array([(x, y) for y in places for x in places], dtype=np.float32)
    patched = np.repeat(crop[None], len(corners), axis=0)
    for picture, (x, y) in zip(patched, corners.astype(int), strict=True):
        picture[y : y + side, x : x + side] = np.round(MEAN_BGR).astype(np.uint8)
    return patched, corners, side


def _sums(errors: FloatArray, inside: FloatArray, clean: FloatArray) -> FloatArray:
    """Sums over places and points: error of visible, of covered, of visible ones without a patch; both counts."""
    shown = ~inside.astype(bool)
    alone = np.broadcast_to(clean, errors.shape)
    return np.array(
        [errors[shown].sum(), errors[~shown].sum(), alone[shown].sum(), shown.sum(), (~shown).sum()], dtype=np.float32
    )
