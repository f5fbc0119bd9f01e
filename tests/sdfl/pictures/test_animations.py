"""Animated pictures give every frame at its time, also what a cut-off file still holds."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pil
from PIL import features
from toy_face import scene

from sdfl.errors import DataError
from sdfl.pictures import Animation, is_animation
from sdfl.types import Image

COUNT = 20


def frames() -> list[Image]:
    return [scene((100 + 4 * index, 120, 40)) for index in range(COUNT)]


def write(path: Path, kind: str, **options: Any) -> Path:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    first, *rest = (Pil.fromarray(np.ascontiguousarray(image[:, :, ::-1])) for image in frames())
    file = io.BytesIO()
    first.save(file, kind, save_all=True, append_images=rest, **{"duration": 100, **options})
    path.write_bytes(file.getvalue())
    return path


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_every_frame_comes_at_its_time(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a", kind)
    animation = Animation(path)
    assert is_animation(path)
    assert animation.num_frames == COUNT
    assert animation.fps == pytest.approx(10)
    for _ in range(2):
        found = list(animation)
        assert [time_s for _, time_s in found] == pytest.approx([index / 10 for index in range(COUNT)])
        for (image, _), expected in zip(found, frames(), strict=True):
            assert cv2.absdiff(image, expected).mean() < 5  # a palette, or compression


def test_times_are_uneven_where_the_file_says_so(tmp_path: Path) -> None:
    animation = Animation(write(tmp_path / "a", "GIF", duration=[50, 2000, *[50] * (COUNT - 2)]))
    assert [time_s for _, time_s in animation][:4] == pytest.approx([0, 0.05, 2.05, 2.1])
    assert animation.fps == pytest.approx(20), "a long pause does not make the rest slow"


def test_no_time_at_all_is_a_tenth_of_a_second_as_in_browsers(tmp_path: Path) -> None:
    assert Animation(write(tmp_path / "a", "GIF", duration=0)).fps == pytest.approx(10)


def test_the_picture_for_programs_without_animations_is_no_frame(tmp_path: Path) -> None:
    animation = Animation(write(tmp_path / "a", "PNG", default_image=True))
    assert animation.num_frames == len(list(animation)) == COUNT - 1


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_a_cut_off_file_gives_what_it_has_then_says_so(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a", kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    seen = 0
    with pytest.raises(DataError, match=r"is cut off after frame \d+.*; those were used"):  # noqa: PT012
        for _ in Animation(path):
            seen += 1
    assert 5 < seen < COUNT - 5


def test_the_limit_counts_for_frames(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than 0.05 megapixels"):
        Animation(write(tmp_path / "a", "GIF"), max_pixels=50_000)
