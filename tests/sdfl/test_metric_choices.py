"""Normalisations and AUC protocols against computations that share no code with them."""

import math

import numpy as np
import pytest

from sdfl.errors import ConfigError
from sdfl.layouts import LAYOUTS
from sdfl.metrics import NORMALISERS, auc, auc_sampled, nme

# What the normalisers should be, point by point: (left, right) groups whose means are joined.
GROUPS = {
    ("ibug68", "inter-ocular"): ([36], [45]),
    ("ibug68", "inter-pupil"): ([36, 37, 38, 39, 40, 41], [42, 43, 44, 45, 46, 47]),
    ("wflw98", "inter-ocular"): ([60], [72]),
    ("wflw98", "inter-pupil"): ([96], [97]),
    ("cofw29", "inter-ocular"): ([8], [9]),
    ("cofw29", "inter-pupil"): ([16], [17]),
}


def slow_nme(predicted: list[list[float]], truth: list[list[float]], layout: str, norm: str) -> float:
    """One face in plain Python."""
    if norm == "box-diagonal":
        xs, ys = [p[0] for p in truth], [p[1] for p in truth]
        unit = math.hypot(max(xs) - min(xs), max(ys) - min(ys))
    else:
        ends = [[sum(truth[i][axis] for i in group) / len(group) for axis in (0, 1)] for group in GROUPS[layout, norm]]
        unit = math.dist(*ends)
    return sum(math.dist(a, b) for a, b in zip(predicted, truth, strict=True)) / len(truth) / unit


@pytest.mark.parametrize("norm", NORMALISERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_nme_agrees_with_plain_python(layout: str, norm: str) -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 200, size=(20, LAYOUTS[layout].num_points, 2))
    predicted = truth + rng.normal(0, 4, size=truth.shape)
    expected = [slow_nme(p.tolist(), t.tolist(), layout, norm) for p, t in zip(predicted, truth, strict=True)]
    assert np.allclose(nme(predicted, truth, LAYOUTS[layout], norm), expected)


def test_unknown_normalisation_lists_the_choices() -> None:
    with pytest.raises(ConfigError, match="norm must be one of inter-ocular, inter-pupil, box-diagonal, got 'eyes'"):
        nme(np.zeros((1, 68, 2)), np.zeros((1, 68, 2)), LAYOUTS["ibug68"], "eyes")


@pytest.mark.parametrize("seed", range(3))
def test_sampled_auc_by_counting(seed: int) -> None:
    errors = np.random.default_rng(seed).gamma(2.0, 0.03, size=300)
    counts = [sum(e <= 0.005 * i for e in errors) / 300 for i in range(1, 21)]
    assert auc_sampled(errors) == pytest.approx(sum(counts) / 20)


def test_sampling_flatters_by_about_half_a_step() -> None:
    errors = np.random.default_rng(0).gamma(2.0, 0.02, size=2000)
    assert 0 < auc_sampled(errors) - auc(errors) < 1 / 20
