"""Following faces from frame to frame: the last landmarks say where to look, the detector only fills free places."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from sdfl.core import Backend, Box, Detector, Face, FloatArray, Frame, Image, Landmarks
from sdfl.errors import ConfigError
from sdfl.geometry import box_iou, cut_crop, evaluation_affine, landmark_box, transform_points
from sdfl.runtime.region import region_of_landmarks

MIN_PRESENCE = 0.5
MIN_FACE_PX = 8.0
MAX_FACE_FRAMES = 4.0  # a face larger than this many frames is not one
SAME_FACE_IOU = 0.4
DETECT_EVERY = 10  # frames, while some face is tracked already


class FaceTracker:
    """Feed it frames in order. Its only state is the faces of the last frame, so a new instance begins a new video.

    max_faces: at most so many at a time. min_presence: below it a track ends. detect_every: how often the detector
    looks for further faces while at least one is tracked; with none it looks at every frame.
    """

    def __init__(
        self,
        backend: Backend,
        detector: Detector,
        *,
        max_faces: int = 1,
        min_presence: float = MIN_PRESENCE,
        detect_every: int = DETECT_EVERY,
    ) -> None:
        if max_faces < 1:
            raise ConfigError(f"max_faces must be at least 1, got {max_faces}")
        self._backend, self._detector = backend, detector
        self._max_faces, self._min_presence, self._detect_every = max_faces, min_presence, detect_every
        self._faces: list[Face] = []
        self._ids = itertools.count(1)
        self._since_detection = 0

    def update(self, frame: Frame) -> list[Face]:
        """The faces in `frame`, those known longest first."""
        faces = _without_twins(self._follow(frame.image))
        if self._wants_detection(len(faces)):
            faces += self._find(frame.image, faces)
        self._faces = faces
        return list(faces)

    def _wants_detection(self, tracked: int) -> bool:
        self._since_detection += 1
        if tracked >= self._max_faces or (tracked and self._since_detection < self._detect_every):
            return False
        self._since_detection = 0
        return True

    def _follow(self, image: Image) -> list[Face]:
        """Every known face again, from where it was in the last frame; those that are gone are left out."""
        affines = [region_of_landmarks(face.landmarks, self._backend.spec) for face in self._faces]
        return [
            _face(old.id, landmarks, presence, old.age_frames + 1)
            for old, (landmarks, presence) in zip(self._faces, self._look(image, affines), strict=True)
            if self._is_face(landmarks, presence, image)
        ]

    def _find(self, image: Image, known: Sequence[Face]) -> list[Face]:
        """New faces for the free places, best detection first."""
        free = self._max_faces - len(known)
        found: list[Face] = []
        boxes = iter(self._detector.detect(image))
        while len(found) < free:
            taken = [*known, *found]
            batch = list(itertools.islice(_untaken(boxes, taken), free - len(found)))
            if not batch:
                break
            found = _without_twins([*known, *found, *self._begin(image, batch)])[len(known) :]
        return found

    def _begin(self, image: Image, boxes: Sequence[Box]) -> list[Face]:
        """Two looks at each box: an upright crop of the box, then the crop that tracking would use."""
        spec = self._backend.spec
        first = self._look(image, [evaluation_affine(box.xyxy, spec.input_size, spec.crop_scale) for box in boxes])
        rough = [landmarks for landmarks, presence in first if self._is_face(landmarks, presence, image)]
        second = self._look(image, [region_of_landmarks(landmarks, spec) for landmarks in rough])
        return [
            _face(next(self._ids), landmarks, presence, 0)
            for landmarks, presence in second
            if self._is_face(landmarks, presence, image)
        ]

    def _look(self, image: Image, affines: Sequence[FloatArray]) -> list[tuple[Landmarks, float]]:
        """One inference over all regions. Returns landmarks in frame px and presence, one a region."""
        if not affines:
            return []
        spec = self._backend.spec
        crops = [cut_crop(image, affine, spec.input_size) for affine in affines]
        seen = self._backend.infer(np.stack([crop.image for crop in crops]))
        return [
            (Landmarks(transform_points(crop.to_frame, points), spec.layout), float(presence))
            for crop, points, presence in zip(crops, seen.points, seen.presence, strict=True)
        ]

    def _is_face(self, landmarks: Landmarks, presence: float, image: Image) -> bool:
        """False for a face that is gone, and for landmarks that no next crop could be cut from."""
        if not presence >= self._min_presence or not np.isfinite(landmarks.points).all():
            return False
        box = landmark_box(landmarks.points)
        frame_size = np.array([image.shape[1], image.shape[0]])
        centre, size_px = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max()
        inside = bool(((centre >= 0) & (centre < frame_size)).all())
        return inside and MIN_FACE_PX <= size_px <= MAX_FACE_FRAMES * frame_size.max()


def _face(face_id: int, landmarks: Landmarks, presence: float, age_frames: int) -> Face:
    return Face(face_id, Box(landmark_box(landmarks.points), presence), landmarks, presence, age_frames)


def _untaken(boxes: Iterator[Box], faces: Sequence[Face]) -> Iterator[Box]:
    """The boxes that lie on none of `faces`."""
    return (box for box in boxes if all(box_iou(box.xyxy, face.box.xyxy) < SAME_FACE_IOU for face in faces))


def _without_twins(faces: Sequence[Face]) -> list[Face]:
    """`faces`, older ones first, without those that have collapsed onto an older one."""
    kept: list[Face] = []
    for face in faces:
        if all(box_iou(face.box.xyxy, other.box.xyxy) < SAME_FACE_IOU for other in kept):
            kept.append(face)
    return kept
