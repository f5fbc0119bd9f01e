"""Whether a stored recipe is the one that a training is to be continued with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sdfl.errors import CheckpointError
from sdfl.train.loop_config import LoopRecipe

FREE = ("about", "data.workers", "data.cache_gib", "train.validate_every")  # change nothing that is computed


def same_recipe(path: Path, stored: Mapping[str, Any], recipe: LoopRecipe) -> None:
    """Check that a checkpoint was trained with a recipe.

    Args:
        path: the checkpoint.
        stored: the recipe in it.
        recipe: what it should be. Keys that the stored one lacks may have any value.

    Raises:
        CheckpointError: names the keys with other values.
    """
    changed = changed_keys(stored, recipe)
    if changed:
        raise CheckpointError(
            f"{path}: was trained with other values of {', '.join(changed)}; give the same --set options, or choose "
            "another --out"
        )


def changed_keys(stored: Mapping[str, Any], recipe: LoopRecipe) -> list[str]:
    """Compare a stored recipe with another one, but for the keys in FREE.

    A recipe for quantization takes its [model] from elsewhere, so that this section is free as well.

    Args:
        stored: plain containers.
        recipe: the other one.

    Returns:
        Names of the keys whose values differ. Keys that the stored recipe lacks may have any value.
    """
    free = (*FREE, "model") if getattr(recipe, "quantize", None) else FREE
    now = json.loads(json.dumps(recipe.as_dict()))
    return [name for name in _changed(stored, now) if not name.startswith(free)]


def _changed(stored: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        for key, value in stored.items():
            yield from _changed(value, now.get(key), f"{name}.{key}" if name else key)
    elif json.loads(json.dumps(stored)) != now:
        yield name
