"""Settings as they come from a page: any JSON is a change or one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdfl.errors import ConfigError
from sdfl.runtime.live.settings import Settings

SETTINGS = Settings("small", "int8")
KEYS = ("model", "precision", "smoothing", "edges", "occluder", "colour")
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
json_values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner))


@given(json_values | st.dictionaries(st.sampled_from(KEYS), json_values))
def test_any_json_is_a_change_or_one_sentence(changes: Any) -> None:
    try:
        changed = SETTINGS.changed(changes)
    except ConfigError:
        return
    assert isinstance(changed.model, str)
    assert isinstance(changed.precision, str)
    assert isinstance(changed.smoothing, bool)
    assert isinstance(changed.edges, bool)
    if changed.occluder is not None:
        left, top, right, bottom = changed.occluder
        assert 0 <= left <= right <= 1
        assert 0 <= top <= bottom <= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"occluder": [0, 0, 1, True]}, "occluder must be null or", id="a truth among the numbers"),
        pytest.param({"occluder": [0, 0, 1, 1, "x"]}, "occluder must be null or", id="text after the numbers"),
        pytest.param({"occluder": {}}, "occluder must be null or", id="an object"),
        pytest.param({"edges": "yes"}, "edges must be true or false, got 'yes'", id="text for a switch"),
    ],
)
def test_a_wrong_setting_is_named(changes: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SETTINGS.changed(changes)
