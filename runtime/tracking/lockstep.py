"""Driving what needs the network: any number of videos at the same time, with one inference for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from sdfl.runtime.tracking.observation import LARGEST_BATCH, Inferring
from sdfl.types import Backend, Image, Prediction

T = TypeVar("T")


def run_together(backend: Backend, parts: Sequence[Inferring[T]]) -> list[T]:
    """Run all of `parts` to their ends. What they ask at the same time is asked in one inference.

    Args:
        backend: the network, which gets at most LARGEST_BATCH crops at once.
        parts: not yet started; each may ask as often as it needs.

    Returns:
        What each of them returns.

    Raises:
        ClosedError: the back end was closed.
    """
    results: dict[int, T] = {}
    asked: dict[int, Image] = {}
    for number, part in enumerate(parts):
        try:
            asked[number] = next(part)
        except StopIteration as end:
            results[number] = end.value
    while asked:
        answers = dict(zip(asked, _infer(backend, [*asked.values()]), strict=True))
        asked = {}
        for number, answer in answers.items():
            try:
                asked[number] = parts[number].send(answer)
            except StopIteration as end:
                results[number] = end.value
    return [results[number] for number in range(len(parts))]


def _infer(backend: Backend, asked: Sequence[Image]) -> list[Prediction]:
    """What the network says about each of several batches."""
    if len(asked) == 1:
        return [backend.infer(asked[0])]
    crops = np.concatenate(asked)
    seen = [backend.infer(crops[start : start + LARGEST_BATCH]) for start in range(0, len(crops), LARGEST_BATCH)]
    points = np.concatenate([each.points for each in seen])
    presence = np.concatenate([each.presence for each in seen])
    log_scale = np.concatenate([each.log_scale for each in seen])
    ends = np.cumsum([len(batch) for batch in asked])
    places = [slice(end - len(batch), end) for batch, end in zip(asked, ends, strict=True)]
    return [Prediction(points[place], presence[place], log_scale[place]) for place in places]
