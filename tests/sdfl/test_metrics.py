import numpy as np
import pytest

from sdfl.layouts import LAYOUTS
from sdfl.metrics import auc, failure_rate, inter_ocular, nme

IBUG = LAYOUTS["ibug68"]


def face(eye_distance: float) -> np.ndarray:
    points = np.random.default_rng(1).uniform(0, 100, size=(1, 68, 2))
    points[0, 36], points[0, 45] = (0.0, 0.0), (eye_distance, 0.0)
    return points


def test_one_point_off_by_the_eye_distance_is_one_over_n() -> None:
    truth = face(50.0)
    predicted = truth.copy()
    predicted[0, 10] += (30.0, 40.0)  # 50 px
    assert nme(predicted, truth, IBUG)[0] == pytest.approx(1 / 68)


def test_every_point_off_by_three_and_four() -> None:
    truth = face(100.0)
    assert nme(truth + (3.0, 4.0), truth, IBUG)[0] == pytest.approx(0.05)


def test_inter_ocular_is_between_the_outer_eye_corners() -> None:
    assert inter_ocular(face(42.0), IBUG)[0] == pytest.approx(42.0)


@pytest.mark.parametrize(
    ("errors", "threshold", "expected"),
    [
        pytest.param([0.01, 0.09, 0.2, 0.05], 0.08, 0.5, id="two of four"),
        pytest.param([0.08], 0.08, 0.0, id="the threshold itself is no failure"),
        pytest.param([0.01, np.nan], 0.08, 0.5, id="a missed face is a failure"),
    ],
)
def test_failure_rate(errors: list[float], threshold: float, expected: float) -> None:
    assert failure_rate(np.array(errors), threshold) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        pytest.param([0.0, 0.0], 1.0, id="perfect"),
        pytest.param([0.05], 0.5, id="half way"),
        pytest.param([0.02, 0.2], 0.4, id="one of two beyond the limit"),
        pytest.param([0.02, np.nan], 0.4, id="a missed face counts as beyond"),
    ],
)
def test_auc_by_hand(errors: list[float], expected: float) -> None:
    assert auc(np.array(errors), 0.10) == pytest.approx(expected)


def test_auc_is_the_integral_of_the_error_curve() -> None:
    errors = np.random.default_rng(2).gamma(2.0, 0.02, size=500)
    grid = np.linspace(0, 0.10, 200_001)
    curve = np.searchsorted(np.sort(errors), grid, side="right") / len(errors)
    assert auc(errors, 0.10) == pytest.approx(np.sum((curve[1:] + curve[:-1]) / 2 * np.diff(grid)) / 0.10, abs=1e-4)
