"""Keys pressed by moving the head: left, right, up, down, and space for an open mouth.

The events are printed; hand them to a library such as pynput to press real keys.

    python examples/head_pose_keys.py [SOURCE]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from sdfl import Face, FaceLandmarker, SdflError

PRESS_DEG, RELEASE_DEG = 18.0, 12.0  # apart, so that a head held at the border does not flicker
PRESS_OPEN, RELEASE_OPEN = 0.45, 0.3


def wanted(face: Face, held: set[str]) -> Iterator[str]:
    """The keys that the face presses now. held: those that it pressed in the last frame."""
    for key, angle in (
        ("left", face.pose.yaw),  # the camera is not mirrored: my left is the picture's right
        ("right", -face.pose.yaw),
        ("up", face.pose.pitch),
        ("down", -face.pose.pitch),
    ):
        if angle > (RELEASE_DEG if key in held else PRESS_DEG):
            yield key
    if face.mouth_openness > (RELEASE_OPEN if "space" in held else PRESS_OPEN):
        yield "space"


def main(source: str) -> None:
    """Print each press and release."""
    held: set[str] = set()
    with FaceLandmarker() as landmarker:
        for frame, faces in landmarker.track(source):
            now = set(wanted(faces[0], held)) if faces else set()
            for key in sorted(now - held):
                print(f"{frame.timestamp_s:8.2f} s  press {key}")
            for key in sorted(held - now):
                print(f"{frame.timestamp_s:8.2f} s  release {key}")
            held = now


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "0")
    except SdflError as error:
        sys.exit(str(error))
