"""Makes the moving picture of the README from the sample clip.

python docs/tools/demo_clip.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
from PIL import Image

from sdfl import FaceLandmarker, draw

OUT = Path(__file__).resolve().parents[1] / "assets" / "demo.webp"
SIZE = (480, 360)
EVERY = 2  # frames; the clip has 30 a second
QUALITY = 60  # 1.2 MB


def main() -> None:
    """Track the clip and write every second frame; the last one leads back to the first."""
    pictures = []
    with FaceLandmarker() as landmarker:
        for frame, faces in landmarker.track("sample"):
            if frame.index % EVERY == 0:
                small = cv2.resize(draw(frame.image, faces), SIZE, interpolation=cv2.INTER_AREA)
                pictures.append(Image.fromarray(small[:, :, ::-1]))
    first, *rest = pictures
    first.save(
        OUT, save_all=True, append_images=rest, duration=round(1000 * EVERY / 30), loop=0, quality=QUALITY, method=6
    )


if __name__ == "__main__":
    main()
