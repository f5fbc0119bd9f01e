"""Which landmarker `demo` and `track` run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import typer

if TYPE_CHECKING:
    from sdfl.runtime.landmarker import FaceLandmarker

NewLandmarker: TypeAlias = "Callable[..., FaceLandmarker]"


def landmarker_factory(context: typer.Context) -> NewLandmarker:
    """What makes a landmarker from the arguments of `FaceLandmarker`.

    Args:
        context: of the verb. Its `obj` is taken where a program, such as a test, has put a factory there:
            `app(obj=factory)`.
    """
    if context.obj is not None:
        factory: NewLandmarker = context.obj
        return factory
    from sdfl.runtime.landmarker import FaceLandmarker

    return FaceLandmarker
