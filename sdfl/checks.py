"""Checks of arguments that several parts share."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError, SdflError, shown


def require_shape(name: str, array: npt.NDArray[np.generic], shape: tuple[int | str, ...]) -> None:
    """Check the shape of an array.

    Args:
        name: what the message calls it.
        array: is checked.
        shape: the sizes that it must have; a string stands for any size.

    Raises:
        ValueError: it has another shape; the message says which.
    """
    if isinstance(array, np.ndarray) and array.shape == shape:
        return  # the usual case, some ten times for every tracked face
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} must be a numpy array, got {type(array).__name__}")
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or got == want for got, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(size) for size in shape)
        raise ValueError(f"{name} must have shape ({wanted}), got {array.shape}")


def require_count(name: str, value: object) -> int | None:
    """Check a number of things.

    Args:
        name: what the message calls it.
        value: is checked.

    Returns:
        `value` as an int where it is a whole number of at least 1, of Python or numpy; None for None.

    Raises:
        ConfigError: it is anything else; calls it `name`.
    """
    if value is None:
        return None
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < 1:
        raise ConfigError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def require_within(name: str, value: float, low: float, high: float, kind: type[SdflError] = ConfigError) -> None:
    """Check a number's range.

    Args:
        name: what the message calls it.
        value: is checked; NaN lies in no range.
        low: the lowest allowed value.
        high: the highest allowed value.
        kind: of the error.

    Raises:
        SdflError: of `kind`, which calls the value `name`.
    """
    if not low <= value <= high:
        raise kind(f"{name} must lie in {low:g}..{high:g}, got {shown(value)}")
