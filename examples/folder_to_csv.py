"""Every face in a folder of pictures, as rows of a CSV file.

python examples/folder_to_csv.py pictures/ faces.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from sdfl import FaceLandmarker, SdflError

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def main(folder: Path, out: Path) -> None:
    """Write one row a face: the picture, the box, the head's angles, the 68 points."""
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    points = [f"{axis}{index}" for index in range(68) for axis in "xy"]
    with FaceLandmarker("medium") as landmarker, out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["picture", "left", "top", "right", "bottom", "yaw", "pitch", "roll", *points])
        for path in pictures:
            try:
                faces = landmarker.detect(path)
            except SdflError as error:  # a damaged picture; the others still count
                print(error, file=sys.stderr)
                continue
            for face in faces:
                pose = face.pose
                angles = [round(angle, 1) for angle in (pose.yaw, pose.pitch, pose.roll)]
                box = face.box.xyxy.round(1).tolist()
                writer.writerow([path.name, *box, *angles, *face.landmarks.points.round(2).ravel().tolist()])
            print(f"{path.name}: {len(faces)} faces")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
