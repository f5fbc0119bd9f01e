"""The settings that a viewer may change while frames are tracked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from sdfl.errors import ConfigError
from sdfl.types import Frame

OCCLUDER_BGR = (96, 96, 96)
Occluder = tuple[float, float, float, float]


@dataclass(frozen=True)
class Settings:
    """What is tracked with and shown.

    Attributes:
        model: a key of `Switchboard.choices`.
        precision: one of the model's choices.
        smoothing: whether the points of tracked faces are steadied.
        edges: whether the learned weights of the graph's edges are shown.
        occluder: a rectangle that hides part of each frame from the network: left, top, right and bottom as fractions
            of the frame's width and height; None for none.
    """

    model: str
    precision: str
    smoothing: bool = True
    edges: bool = False
    occluder: Occluder | None = None

    def changed(self, changes: object) -> Settings:
        """These settings with some of them replaced.

        Args:
            changes: setting -> value, a mapping as it comes from JSON.

        Raises:
            ConfigError: names the setting that does not exist or has a wrong value.
        """
        if not isinstance(changes, dict):
            raise ConfigError("settings must be a JSON object")
        known = {field.name for field in fields(self)}
        for key, value in changes.items():
            if key not in known:
                raise ConfigError(f"{key}: no such setting; there are {', '.join(sorted(known))}")
            wanted = bool if key in ("smoothing", "edges") else str
            if key != "occluder" and not isinstance(value, wanted):
                raise ConfigError(f"{key} must be {'true or false' if wanted is bool else 'text'}, got {value!r}")
        if "occluder" in changes:
            changes = {**changes, "occluder": _occluder(changes["occluder"])}
        return replace(self, **changes)


def covered(frame: Frame, occluder: Occluder) -> Frame:
    """A copy of `frame` with a plain rectangle drawn into it.

    Args:
        frame: is left as it is.
        occluder: as in `Settings`.
    """
    height, width = frame.image.shape[:2]
    x0, y0, x1, y1 = occluder
    image = frame.image.copy()
    image[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)] = OCCLUDER_BGR
    return replace(frame, image=image)


def _occluder(value: object) -> Occluder | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4 or not all(map(_is_fraction, value)):
        raise ConfigError(f"occluder must be null or [left, top, right, bottom] from 0 to 1, got {value!r}")
    x0, y0, x1, y1 = map(float, value)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
