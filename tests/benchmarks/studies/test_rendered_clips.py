"""Trackers on rendered clips: offsets do not count, errors and delays do, and what cannot be scored is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from toy_face import truth as toy_points

from sdfl.benchmarks.studies.rendered_clips import Score, Truth, as_markdown, read_truth, score, study
from sdfl.benchmarks.video.clips import STILL_FRAMES
from sdfl.errors import DataError, SdflError
from sdfl.layouts import IBUG68
from sdfl.metrics import inter_ocular

FRAMES = STILL_FRAMES + 90
Points = npt.NDArray[np.float64]
REST = toy_points(100, 100, 50).astype(float)
SIZE = float(inter_ocular(REST, IBUG68))


def moving() -> Truth:
    """A head that rests, then sways, turns in the picture and opens its mouth."""
    seconds = np.maximum(0, (np.arange(FRAMES) - STILL_FRAMES) / 30)
    roll, shift = 0.3 * np.sin(2 * seconds), 40 * np.sin(3 * seconds)
    turn = np.stack([np.stack([np.cos(roll), -np.sin(roll)], -1), np.stack([np.sin(roll), np.cos(roll)], -1)], -2)
    shapes = np.repeat(REST[None], FRAMES, axis=0)
    shapes[:, 55:60, 1] += 5 * np.abs(np.sin(9 * seconds))[:, None]  # the lower lip
    points = (shapes - 100) @ np.swapaxes(turn, 1, 2) + 100
    points[..., 0] += shift[:, None]
    return Truth(points, np.ones((FRAMES, 68), bool), "ibug68")


def found(points: Points) -> list[Points | None]:
    return list(points)


def test_a_perfect_tracker_has_no_error() -> None:
    perfect = score("it", found(moving().points), moving())
    assert max(perfect.error_percent, perfect.eyes_percent, perfect.mouth_percent) < 1e-9
    assert (perfect.lost_percent, perfect.jitter_percent, perfect.lag_ms) == (0, 0, 0)


def test_an_offset_that_turns_with_the_head_does_not_count() -> None:
    truth, offset = moving(), np.random.default_rng(0).normal(0, 3, (68, 2))
    flat = truth.points - truth.points.mean(axis=1, keepdims=True)
    flat, offset = flat[..., 0] + 1j * flat[..., 1], offset[:, 0] + 1j * offset[:, 1]
    turned = offset * (flat @ flat[0].conj() / (flat[0] @ flat[0].conj()))[:, None]
    seen = truth.points + np.stack([turned.real, turned.imag], axis=-1)
    assert score("it", found(seen), truth).error_percent < 1e-6


def test_a_delay_is_found() -> None:
    truth = moving()
    late = np.concatenate([truth.points[:1].repeat(2, axis=0), truth.points[:-2]])
    result = score("it", found(late), truth)
    assert result.lag_ms == pytest.approx(2000 / 30)
    assert result.error_percent > 1


def test_an_error_counts_where_it_is_and_where_the_point_is_visible() -> None:
    truth = moving()
    wrong = truth.points.copy()
    wrong[STILL_FRAMES:, 36:48] += [0.1 * SIZE, 0]
    result = score("it", found(wrong), truth)
    assert result.eyes_percent == pytest.approx(10)
    assert result.mouth_percent < 1e-9
    assert result.error_percent == pytest.approx(10 * 12 / 68)
    truth.visible[:, 36:48] = False
    assert score("it", found(wrong), truth).error_percent == pytest.approx(0, abs=1e-9)


def test_jitter_at_rest_and_lost_frames() -> None:
    truth = moving()
    seen = found(truth.points + np.where(np.arange(FRAMES) % 2, 0.01 * SIZE, 0)[:, None, None] * [1, 0])
    seen[50:61] = [None] * 11
    result = score("it", seen, truth)
    assert result.jitter_percent == pytest.approx(1)
    assert result.lost_percent == pytest.approx(100 * 11 / (FRAMES - 10))


def test_a_face_that_is_never_found_is_one_line() -> None:
    with pytest.raises(SdflError, match="^it: does not find the face at rest$"):
        score("it", [None] * FRAMES, moving())


def test_labels_are_read_in_both_layouts(tmp_path: Path) -> None:
    path = tmp_path / "000000.jsonl"
    face = {"points": [[1, 2]] * 68, "points_98": [[3, 4]] * 98, "visible_68": [True] * 68, "visible_98": [False] * 98}
    path.write_text(json.dumps({"frame": 0, "faces": [face]}) + "\n")
    assert read_truth(path, "ibug68").points[0, 5].tolist() == [1, 2]
    assert not read_truth(path, "wflw98").visible.any()


@pytest.mark.parametrize("text", ["", "{", '{"faces": []}', '{"faces": [{"points": [[1, 2]]}]}'])
def test_damaged_labels_are_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "000000.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match="000000.jsonl: does not hold the labels of a clip; render it again$"):
        read_truth(path, "ibug68")


def test_a_folder_without_clips_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no clip; render some with `sdfl synth -o .* --clips 3`$"):
        study(tmp_path, ["nano"])


def test_table() -> None:
    assert as_markdown([Score("it", 0, 0.5, 1, 2, 3, 33.3)]).endswith("| it | 0.0 | 0.500 | 1.00 | 2.00 | 3.00 | 33 |")
