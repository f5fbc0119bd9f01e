"""The self-test of a landmark network: drawn faces, whose points the model file states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import numpy as np

from sdfl.artifacts.drawn_face import drawn_crop
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.self_test import Deviation, deviation
from sdfl.types import Image, Prediction

AT_LOAD = (0,)  # numbers of the drawings that are tried whenever a network is loaded


def deviations(
    spec: ModelSpec,
    infer: Callable[[Image], Prediction],
    *,
    batch: int = 1,
    drawings: Iterable[int] = AT_LOAD,
) -> Iterator[Deviation]:
    """How far a network's points are from those that its file states.

    Args:
        spec: of the network.
        infer: runs it on (B, S, S, 3) uint8 crops.
        batch: B, the drawing fills all of it.
        drawings: their numbers. Those that the file says nothing about are left out, but for the first: of a file that
            says nothing at all, its points must be finite.

    Yields:
        The largest deviation over the batch, for each drawing.
    """
    for number in drawings:
        if not spec.self_test and number == 0:
            unknown = infer(np.repeat(_crop(spec.input_size, 0)[None], batch, axis=0))
            if not all(np.isfinite(each).all() for each in (unknown.points, unknown.presence, unknown.log_scale)):
                yield Deviation(float("inf"), float("inf"))
        if number >= len(spec.self_test):
            return
        crop = _crop(spec.input_size, number)
        found = infer(np.repeat(crop[None], batch, axis=0))
        expected = spec.self_test[number]
        yield max(
            (
                deviation(expected, points, float(presence), spec.input_size)
                for points, presence in zip(found.points, found.presence, strict=True)
            ),
            key=lambda each: each.points_px,
        )


@lru_cache(maxsize=8)
def _crop(side: int, number: int) -> Image:
    return drawn_crop(side, number)
