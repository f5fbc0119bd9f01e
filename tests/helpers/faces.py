"""Generated faces: a 68-point shape, moved about, drawn as lines that a small network can learn to follow."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def _arc(
    count: int, start_deg: float, end_deg: float, centre: tuple[float, float], radius: tuple[float, float]
) -> np.ndarray:
    angle = np.deg2rad(np.linspace(start_deg, end_deg, count))
    return np.column_stack([centre[0] + radius[0] * np.cos(angle), centre[1] + radius[1] * np.sin(angle)])


def _line(count: int, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    return np.linspace(start, end, count)


def template() -> np.ndarray:
    """(68, 2), ibug order, x and y in -1..1."""
    return np.concatenate(
        [
            _arc(17, 180, 0, (0, -0.2), (0.95, 1.1)),
            _arc(5, 215, 325, (-0.45, -0.4), (0.35, 0.2)),
            _arc(5, 215, 325, (0.45, -0.4), (0.35, 0.2)),
            _line(4, (0, -0.35), (0, 0.1)),
            _line(5, (-0.2, 0.22), (0.2, 0.22)),
            _arc(6, 180, 480, (-0.42, -0.28), (0.2, 0.09)),
            _arc(6, 180, 480, (0.42, -0.28), (0.2, 0.09)),
            _arc(12, 180, 510, (0, 0.5), (0.38, 0.16)),
            _arc(8, 180, 495, (0, 0.5), (0.28, 0.07)),
        ]
    )


def write_faces(folder: Path, count: int, seed: int = 0, size: int = 120) -> Path:
    """Write `count` pictures with `.pts` files into `folder`; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for index in range(count):
        angle, scale = rng.uniform(-0.3, 0.3), size * rng.uniform(0.28, 0.36)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        stretch = np.array([rng.uniform(0.75, 1.0), rng.uniform(0.9, 1.1)])
        points = template() * stretch * scale @ turn.T + size / 2 + rng.normal(0, 3, size=2)
        image = np.full((size, size, 3), rng.integers(60, 200, size=3), dtype=np.uint8)
        for first, last in ((0, 16), (17, 21), (22, 26), (27, 30), (31, 35), (36, 41), (42, 47), (48, 59), (60, 67)):
            cv2.polylines(image, [np.round(points[first : last + 1]).astype(int)], first >= 36, (20, 20, 30), 2)
        path = folder / f"face{index:03d}.png"
        cv2.imwrite(str(path), image)
        rows = "\n".join(f"{x + 1:.4f} {y + 1:.4f}" for x, y in points)
        path.with_suffix(".pts").write_text(f"version: 1\nn_points: 68\n{{\n{rows}\n}}\n")
    return folder
