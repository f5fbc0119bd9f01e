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
                table = face.to_dict()  # rounded
                angles = table.get("pose", dict.fromkeys(("yaw_deg", "pitch_deg", "roll_deg")))
                coordinates = [value for point in table["points"] for value in point]
                writer.writerow([path.name, *table["box"], *angles.values(), *coordinates])
            print(f"{path.name}: {len(faces)} faces")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except (SdflError, OSError) as error:
        sys.exit(str(error))
