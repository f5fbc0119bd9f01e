"""A camera with every fault that cameras have, in an order that is drawn, and a tracker that follows it.

Each picture holds its number and a face in a place that follows from it, so that every answer can be checked.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from toy_face import box_of, scene, toy_network, truth

from robust.rows import REFUSED, TRACEBACK, UNCLEAR, WRONG, Row
from robust.trials import run_trials

PER_CASE = 0.2  # of the cases of a parser
STALL_S = 0.5  # instead of 15 s
SEEN_S = 3.0  # in which a picture that the camera sends all the time has to come out of the tracker
BACK_OFF_S = (0.01, 0.02, 0.03)
SIZES = ((320, 240), (240, 320), (640, 480), (176, 144))
NOISE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
MARK_PX = 8  # side of the corner that holds the number of a picture
Attempt = Callable[[Random], tuple[str, str]]

# What a driver might give instead of a picture -> whether it is one all the same.
GARBAGE: dict[str, tuple[Callable[[], Any], bool]] = {
    "none": (lambda: None, False),
    "empty": (lambda: np.zeros((0, 0, 3), np.uint8), False),
    "floats": (lambda: NOISE.astype(np.float64), False),
    "signed": (lambda: NOISE.astype(np.int16), False),
    "two channels": (lambda: NOISE[..., :2], False),
    "five channels": (lambda: np.concatenate([NOISE, NOISE[..., :2]], axis=2), False),
    "a line": (lambda: NOISE[0, :, 0], False),
    "a stack": (lambda: NOISE[None], False),
    "objects": (lambda: np.array([None, "x"], object), False),
    "text": (lambda: "no signal", False),
    "bytes": (lambda: bytes(1000), False),
    "huge side": (lambda: np.zeros((1, 70_000, 3), np.uint8), False),
    "noise": (lambda: NOISE, True),
    "black": (lambda: np.zeros_like(NOISE), True),
    "grey": (lambda: NOISE[..., 0], True),
    "16 bits": (lambda: NOISE.astype(np.uint16) * 257, True),
    "with alpha": (lambda: np.concatenate([NOISE, NOISE[..., :1]], axis=2), True),
    "one pixel": (lambda: NOISE[:1, :1], True),
    "not contiguous": (lambda: NOISE[::-2, ::2], True),
}
RAISED = (cv2.error("OpenCV(4.0) error:\n> (-215) assertion"), OSError(19, "No such device"), RuntimeError("a\nb"))


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happens to the camera.

    Attributes:
        name: for messages.
        run: camera -> what its `read` returns instead of a picture; None for nothing special.
    """

    name: str
    run: Callable[[FaultyCamera], tuple[bool, Any] | None]


def draw_events(random: Random) -> list[Event]:
    """Several that a tracker survives, and one that ends it."""
    events = [random.choice(_SURVIVED)(random) for _ in range(random.randrange(1, 6))]
    return [*events, random.choice(_FATAL)(random)]


def _stall(length_s: float) -> Event:
    def run(camera: FaultyCamera) -> None:
        camera.stop.wait(length_s)

    return Event(f"stalls {length_s:.2g} s", run)


def _resize(random: Random) -> Event:
    size = random.choice(SIZES)

    def run(camera: FaultyCamera) -> None:
        camera.size = size

    return Event(f"becomes {size[0]} x {size[1]}", run)


def _lose(failures: int, random: Random) -> Event:
    size = random.choice(SIZES)

    def run(camera: FaultyCamera) -> tuple[bool, Any]:
        camera.failures, camera.size = failures, size
        return False, None

    return Event(f"is lost, {failures} attempts fail", run)


def _garbage(random: Random, *, picture: bool) -> Event:
    name = random.choice([name for name, (_, is_one) in GARBAGE.items() if is_one == picture])
    return Event(f"sends {name}", lambda _: (True, GARBAGE[name][0]()))


def _raises(random: Random) -> Event:
    error = random.choice(RAISED)

    def run(_: FaultyCamera) -> None:
        raise error

    return Event(f"raises {type(error).__name__}", run)


_SURVIVED: tuple[Callable[[Random], Event], ...] = (
    lambda random: _stall(random.uniform(0, STALL_S / 4)),
    _resize,
    lambda random: _lose(random.randrange(len(BACK_OFF_S)), random),
    lambda random: _garbage(random, picture=True),
)
_FATAL: tuple[Callable[[Random], Event], ...] = (
    lambda _: _stall(3 * STALL_S),
    lambda random: _lose(len(BACK_OFF_S), random),
    lambda random: _garbage(random, picture=False),
    _raises,
)


class FaultyCamera:
    """A `cv2.VideoCapture` to which something happens as soon as pictures of it have come out of the tracker.

    Args:
        events: what happens.

    Attributes:
        size: (W, H) of the pictures.
        failures: how many attempts to open it again fail.
        happened: how many events have happened.
        seen: number of the newest picture that has come out.
        stop: set to end a stall.
        late: why the last event has not happened; "" without a reason.
    """

    def __init__(self, events: list[Event]) -> None:
        self.size, self.failures, self.happened, self.seen = SIZES[0], 0, 0, -1
        self.stop, self.late = threading.Event(), ""
        self._events, self._number, self._first, self._since_s = events, 0, 0, time.monotonic()

    def read(self) -> tuple[bool, Any]:
        """A picture or what happens in its place."""
        time.sleep(0.002)
        if self.happened < len(self._events):
            if self.seen >= self._first:
                event = self._events[self.happened]
                self.happened, self._first, self._since_s = self.happened + 1, self._number, time.monotonic()
                instead = event.run(self)
                self._since_s = time.monotonic()
                if instead is not None:
                    return instead
            elif time.monotonic() > self._since_s + SEEN_S:
                self.late = f"no picture has come out for {SEEN_S:g} s"
                return False, None
        self._number += 1
        return True, numbered_picture(self._number - 1, self.size)

    def get(self, prop: int, /) -> float:
        """It declares nothing."""
        return 0.0

    def release(self) -> None:
        """Nothing to release."""

    def reopen(self) -> FaultyCamera | None:
        """The same camera, once the attempts that fail are over."""
        if self.failures or self.late:
            self.failures -= 1
            return None
        return self


def _face(number: int, size: tuple[int, int]) -> tuple[float, float, float]:
    width, height = size
    angle = number / 40
    return width / 2 + 15 * np.cos(angle), height / 2 + 15 * np.sin(angle), min(size) / 6


def numbered_picture(number: int, size: tuple[int, int]) -> Any:
    """(H, W, 3) uint8 with a face, and its number in the upper left corner."""
    picture = scene(_face(number, size), size=size)
    picture[:MARK_PX, :MARK_PX] = (number % 256, number // 256, 77)
    return picture


def number_of(image: Any) -> int | None:
    """The number of a picture; None where it is none of `numbered_picture`."""
    low, high, mark = (int(value) for value in image[0, 0])
    height, width = image.shape[:2]
    number = low + 256 * high
    is_ours = mark == 77 and np.array_equal(image, numbered_picture(number, (width, height)))
    return number if is_ours else None


class _ToyDetector:
    """Finds the toy face in a picture of any size."""

    def detect(self, image: Any) -> list[Any]:
        number = number_of(image)
        return [] if number is None else [box_of(*_face(number, image.shape[1::-1]))]


class FaultyCameraTrial:
    """What a tracker makes of it."""

    def prepare(self, _: Path) -> Attempt:
        """Nothing to prepare."""
        from sdfl import FaceLandmarker
        from sdfl.artifacts.landmark_spec import ModelSpec
        from sdfl.runtime.backends.fake import FakeBackend

        spec = ModelSpec(name="toy", layout="ibug68", num_points=68, input_size=128, crop_scale=1.5)

        def attempt(random: Random) -> tuple[str, str]:
            events = draw_events(random)
            names = "; ".join(event.name for event in events)
            with FaceLandmarker(backend=FakeBackend(spec, toy_network), detector=_ToyDetector()) as landmarker:
                outcome, words = _follow(landmarker, FaultyCamera(events), events)
            return outcome, f"{words} (the camera {names})" if words else ""

        return attempt


def _follow(landmarker: Any, camera: FaultyCamera, events: list[Event]) -> tuple[str, str]:
    from sdfl.errors import SourceError
    from sdfl.runtime.sources import LiveSource

    threads = threading.active_count()
    with_face, problem, ended = 0, "", ""
    source = LiveSource("camera 0", camera, camera.reopen, lost="stopped sending pictures", back_off_s=BACK_OFF_S,
                        stall_s=STALL_S, say=lambda _: None)  # fmt: skip
    try:
        for frame, faces in landmarker.track(source):
            number = number_of(frame.image)
            if number is not None and number <= camera.seen:
                problem = problem or f"picture {number} comes after picture {camera.seen}"
            problem = problem or _wrong_face(number, frame.image, faces)
            with_face += bool(faces)
            camera.seen = camera.seen if number is None else number
    except SourceError as error:
        ended = str(error)
    except Exception as error:
        return TRACEBACK, f"{type(error).__name__}: {error}"
    finally:
        camera.stop.set()
        source.close()
    if problem or camera.late:
        return WRONG, problem or camera.late
    if camera.happened != len(events):
        return WRONG, f"ended at event {camera.happened}: {ended}"
    if not with_face:
        return WRONG, "no face was found"
    if threading.active_count() > threads:
        return WRONG, f"{threading.active_count() - threads} threads are left"
    clear = ended.startswith("camera 0: ") and "\n" not in ended and "object has no" not in ended
    return (REFUSED, "") if clear else (UNCLEAR, repr(ended) if ended else "it ended in silence")


def _wrong_face(number: int | None, image: Any, faces: list[Any]) -> str:
    """What is wrong with the faces of a picture; "" where nothing is. None may be found, but not in a wrong place."""
    if number is None or not faces:
        return ""
    x, y, radius = _face(number, image.shape[1::-1])
    off_px = float(np.abs(np.asarray(faces[0].landmarks) - truth(x, y, radius)).mean())
    return f"picture {number}: the face is {off_px:.1f} px off" if off_px > radius / 3 else ""


TRIALS = {"camera": FaultyCameraTrial()}


def rows(cases: int, seed: int, only: str = "") -> Iterator[Row]:
    """One row."""
    yield from run_trials("robust.camera", [name for name in TRIALS if name.startswith(only)], cases, seed)
