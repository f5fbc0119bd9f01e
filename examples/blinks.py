"""Blinks and yawns, from a webcam to the terminal.

python examples/blinks.py            # the first camera
python examples/blinks.py clip.mp4   # or anything else that sdfl.open_source takes
"""

from __future__ import annotations

import sys

from sdfl import FaceLandmarker, SdflError

EYES_SHUT = 0.17  # height over width of an eye; about 0.3 is open
MOUTH_WIDE = 0.6  # height over width of the inner lips
YAWN_S = 1.0  # a mouth that is wide open for less is speaking or laughing


def main(source: str) -> None:
    """Print a line for each blink and each yawn of the face in `source`."""
    eyes_were_shut, yawning_since_s, blinks = False, None, 0
    with FaceLandmarker() as landmarker:
        for frame, faces in landmarker.track(source):
            if not faces:
                continue
            face = faces[0]
            eyes_are_shut = max(face.eye_openness) < EYES_SHUT
            if eyes_were_shut and not eyes_are_shut:
                blinks += 1
                print(f"{frame.timestamp_s:8.2f} s  blink {blinks}")
            eyes_were_shut = eyes_are_shut

            if face.mouth_openness < MOUTH_WIDE:
                yawning_since_s = None
            elif yawning_since_s is None:
                yawning_since_s = frame.timestamp_s
            elif frame.timestamp_s - yawning_since_s > YAWN_S:
                print(f"{frame.timestamp_s:8.2f} s  yawn")
                yawning_since_s = float("inf")  # said once
    print(f"{blinks} blinks")


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "0")
    except SdflError as error:
        sys.exit(str(error))
