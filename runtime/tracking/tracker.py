"""Following faces from frame to frame: the last landmarks give the next region; the detector only finds new faces.

The network observes every known face, hidden ones too, in the region where it should be by now, all in one inference.
Where faces meet, an assignment decides which observation is of which face. A face that is not seen is hidden: it is no
longer reported, but remembered for a second. A new face that is found where a hidden one should be takes its id.

Where the size of the frames changes, nobody knows how the new picture relates to the one before: it may be scaled, cut
or turned. Every face is then forgotten, and found again with a new id.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from sdfl.checks import require_count
from sdfl.geometry import box_iou, evaluation_affine, landmark_box
from sdfl.runtime.tracking.assignment import assign, distance
from sdfl.runtime.tracking.detection_schedule import DetectionSchedule, SharedDetector
from sdfl.runtime.tracking.lockstep import run_together
from sdfl.runtime.tracking.observation import Inferring, Observation, is_face, observe
from sdfl.runtime.tracking.region import region_of_landmarks
from sdfl.runtime.tracking.smoothing import PointFilter, Smoother
from sdfl.runtime.tracking.track import FaceTrack
from sdfl.types import Backend, Box, Detector, Face, FloatArray, Frame, Image, Landmarks

MIN_PRESENCE = 0.5  # of a face that was seen in the last frame
NEW_PRESENCE = 0.8  # of one that was not, so that false detections are not followed
DUPLICATE_IOU = 0.4  # observations that overlap by as much are of one face
NEAR_IOU = 0.02  # faces that overlap by more may hide one another
KEEP_S = 1.0  # how long a hidden face is remembered
MAX_JUMP = 0.8  # largest distance, in sizes of the face, between where it should be and where it is seen
HIDDEN_COST = 0.2  # a hidden face is preferred to a visible one where it is nearer by this many sizes

NewSmoother = Callable[[], PointFilter]


class FaceTracker:
    """Follows the faces of one video. `FaceLandmarker.new_tracker` makes one.

    Args:
        backend: the landmark network.
        detector: finds new faces.
        max_faces: largest number of faces at a time.
        smoother: makes the filter of each face, None for the network's own points. The tracking itself always uses
            those.
        min_presence: the least presence of a face that was seen in the last frame.
        background: whether the detector runs in a thread while faces are tracked, for live sources.
        shared: runs the detector of several live sources, None for one of its own.

    Raises:
        ConfigError: `max_faces` is wrong.
    """

    def __init__(
        self,
        backend: Backend,
        detector: Detector,
        *,
        max_faces: int = 1,
        smoother: NewSmoother | None = Smoother,
        min_presence: float = MIN_PRESENCE,
        background: bool = False,
        shared: SharedDetector | None = None,
    ) -> None:
        self._backend, self._spec = backend, backend.spec
        self._schedule = DetectionSchedule(detector, background=background, shared=shared)
        self._max_faces, self._min_presence = require_count("max_faces", max_faces) or 1, min_presence
        self._new_smoother = smoother
        self._tracks: list[FaceTrack] = []
        self._smoothers: dict[int, PointFilter] = {}
        self._ids = itertools.count(1)
        self._size: tuple[int, ...] | None = None  # height and width of the last frame

    def update(self, frame: Frame) -> list[Face]:
        """Follow the faces into the next frame. In a frame of another size every face is a new one.

        Args:
            frame: the next one of the video.

        Returns:
            The faces that are seen in it, those known longest first.

        Raises:
            ClosedError: the back end was closed.
        """
        return run_together(self._backend, [self.steps(frame)])[0]

    def steps(self, frame: Frame) -> Inferring[list[Face]]:
        """The same as `update`, for `run_together`, which can update the trackers of several videos at once.

        Args:
            frame: the next one of the video.

        Returns:
            As `update`.
        """
        before = sum(not track.hidden for track in self._tracks)
        size, self._size = self._size, frame.image.shape[:2]
        resized = size is not None and size != self._size
        if resized:
            self._tracks = []
        tracks, observations = yield from self._follow(frame)
        tracked = len(observations)
        if tracked < self._max_faces:
            lost = resized or tracked < before
            boxes = self._schedule.boxes(frame.image, frame.timestamp_s, tracked=tracked, lost=lost)
            if boxes:
                tracks = yield from self._add(frame, tracks, observations, boxes)
        self._tracks = tracks
        self._smoothers = {track.id: self._smoothers[track.id] for track in tracks if track.id in self._smoothers}
        return [self._report(track, frame.timestamp_s) for track in tracks if not track.hidden]

    def _follow(self, frame: Frame) -> Inferring[tuple[list[FaceTrack], dict[int, Observation]]]:
        """Every remembered track after this frame, and the observations of those that are visible, by id."""
        now_s = frame.timestamp_s
        known = [track for track in self._tracks if not track.hidden or now_s - track.seen_s <= KEEP_S]
        visible = sum(not track.hidden for track in known)
        asked = [track for track in known if not track.hidden or visible < self._max_faces]
        expected = [track.expected(now_s) for track in asked]
        boxes = [box for _, box in expected]
        regions = [region_of_landmarks(landmarks, self._spec) for landmarks, _ in expected]
        seen = yield from observe(self._spec, frame.image, regions)
        owned = self._owners(asked, boxes, seen, frame.image)
        tracks: list[FaceTrack] = []
        observations: dict[int, Observation] = {}
        places = self._max_faces - sum(track.id in owned for track in known if not track.hidden)
        for track in known:
            own = owned.get(track.id)
            if own is not None and track.hidden:
                places -= 1
            if own is None or (track.hidden and places < 0):
                tracks.append(track.unseen())
                continue
            near = any(
                box_iou(own.box, box) > NEAR_IOU for box, other in zip(boxes, asked, strict=True) if other is not track
            )
            tracks.append(track.seen(own, now_s, contested=near))
            observations[track.id] = own
        return tracks, observations

    def _owners(
        self, asked: Sequence[FaceTrack], boxes: Sequence[FloatArray], seen: Sequence[Observation], image: Image
    ) -> dict[int, Observation]:
        """Id -> the observation of that track. boxes: where each track should be."""
        good = [
            index
            for index, (track, each) in enumerate(zip(asked, seen, strict=True))
            if is_face(each, image, NEW_PRESENCE if track.hidden else self._min_presence)
            and distance(boxes[index], each.box) <= MAX_JUMP
        ]
        meeting = any(box_iou(seen[a].box, seen[b].box) > NEAR_IOU for a, b in itertools.combinations(good, 2))
        if not meeting:
            return {asked[index].id: seen[index] for index in good}
        good.sort(key=lambda index: distance(boxes[index], seen[index].box) + HIDDEN_COST * asked[index].hidden)
        single = _without_duplicates([seen[index] for index in good])
        penalty = [HIDDEN_COST * track.hidden for track in asked]
        pairs = assign(boxes, [each.box for each in single], limit=MAX_JUMP, penalty=penalty)
        return {asked[place].id: single[index] for index, place in pairs.items()}

    def _add(
        self, frame: Frame, tracks: list[FaceTrack], observations: dict[int, Observation], boxes: Sequence[Box]
    ) -> Inferring[list[FaceTrack]]:
        """Add new faces up to the limit, the best detection first; their observations are added to `observations`."""
        now_s = frame.timestamp_s
        found = yield from self._find(frame.image, [*observations.values()], boxes)
        hidden = [track for track in tracks if track.hidden]
        places = assign([track.expected(now_s)[1] for track in hidden], [each.box for each in found], MAX_JUMP)
        added = []
        for index, each in enumerate(found):
            old = hidden[places[index]] if index in places else None
            if old is not None:
                tracks = [track for track in tracks if track is not old]
                track = old.seen(each, now_s, contested=True)
            else:
                track = FaceTrack(next(self._ids), each, now_s)
            added.append(track)
            observations[track.id] = each
        return sorted([*tracks, *added], key=lambda track: track.id)

    def _find(self, image: Image, known: Sequence[Observation], boxes: Sequence[Box]) -> Inferring[list[Observation]]:
        """Observations of new faces up to the limit, the best detection first."""
        free = self._max_faces - len(known)
        found: list[Observation] = []
        rest = iter(boxes)
        while len(found) < free:
            batch = list(itertools.islice(_untaken(rest, [*known, *found]), free - len(found)))
            if not batch:
                break
            begun = yield from self._begin(image, batch)
            found = _without_duplicates([*known, *found, *begun])[len(known) :]
        return found

    def _begin(self, image: Image, boxes: Sequence[Box]) -> Inferring[list[Observation]]:
        """Observe each box twice: in an upright crop of the box, then in the crop that tracking would use."""
        spec = self._spec
        upright = [evaluation_affine(box.xyxy, spec.input_size, spec.crop_scale) for box in boxes]
        first = yield from observe(spec, image, upright)
        rough = [each for each in first if is_face(each, image, self._min_presence)]
        second = yield from observe(spec, image, [region_of_landmarks(each.landmarks, spec) for each in rough])
        return [each for each in second if is_face(each, image, NEW_PRESENCE)]

    def _report(self, track: FaceTrack, now_s: float) -> Face:
        seen = track.observation
        if self._new_smoother is None:
            return Face(track.id, Box(seen.box, seen.presence), seen.landmarks, seen.presence, track.age_frames)
        if track.id not in self._smoothers:
            self._smoothers[track.id] = self._new_smoother()
        points = self._smoothers[track.id].update(seen.landmarks.points, seen.spread, now_s)
        landmarks = Landmarks(points, seen.landmarks.layout)
        return Face(track.id, Box(landmark_box(points), seen.presence), landmarks, seen.presence, track.age_frames)


def _untaken(boxes: Iterator[Box], faces: Sequence[Observation]) -> Iterator[Box]:
    """The boxes that lie on none of `faces`."""
    return (box for box in boxes if all(box_iou(box.xyxy, face.box) < DUPLICATE_IOU for face in faces))


def _without_duplicates(observations: Sequence[Observation]) -> list[Observation]:
    """`observations` without those that show the same face as an earlier one."""
    kept: list[Observation] = []
    for each in observations:
        if all(box_iou(each.box, other.box) < DUPLICATE_IOU for other in kept):
            kept.append(each)
    return kept
