"""Runs one adapter in a process of its own: a line of JSON in, a line of JSON out.

    python host.py ADAPTER.py [CPU,CPU,...]

Standard library, numpy and OpenCV only, so that it runs in a peer's own environment, where this project is not
installed. An adapter is a file with a class `Peer`:

    class Peer:
        layout = "ibug68"                           # order of the points that it returns
        def __init__(self, options): ...            # options: the request's, such as "model", "setting" and "threads"
        def detect(self, image): ...                # (H, W, 3) uint8 BGR -> list of (N, 2) px, of a still picture
        def track(self, image, timestamp_s): ...    # the same for the next frame of a video; optional
        ids = ()                                    # of the faces that `track` returned last; optional
        def reset(self, max_faces): ...             # a new video begins, with at most so many faces; optional
        def network(self, batch): ...               # returns a function that runs the network alone once; optional
        def live(self, camera, streams): ...        # tracks as many cameras at the same time, see `Host.live`; optional

Requests: open, time_network, time_frames, track, live, faces, memory. Replies carry "error" where one failed. A clip
is a table: "path" of raw BGR frames, "width", "height", "frames", "fps".
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = dict[str, Any]


class Host:
    """Answers requests with the adapter's `Peer`."""

    def __init__(self, peer_class: Any) -> None:
        """Prepare for the class `Peer` of an adapter."""
        self._class = peer_class
        self._peer: Any = None
        self._networks: dict[int, Callable[[], object]] = {}

    def open(self, options: Answer) -> Answer:
        """Load the model.

        Args:
            options: of the adapter.

        Returns:
            "load_ms", "rss_before_mb", and what the peer tells about itself.
        """
        before_mb = memory_mb("VmRSS")
        start = time.perf_counter()
        self._peer = self._class(options)
        load_ms = (time.perf_counter() - start) * 1000
        about = {key: getattr(self._peer, key) for key in ("layout", "version", "note") if hasattr(self._peer, key)}
        return {"load_ms": load_ms, "rss_before_mb": before_mb, **about}

    def time_network(self, batch: int, iterations: int) -> Answer:
        """Time the network alone.

        Args:
            batch: faces at once.
            iterations: number of runs.

        Returns:
            "times_ms", one a run.
        """
        if batch not in self._networks:
            self._networks[batch] = self._peer.network(batch)
        return {"times_ms": [timed_ms(self._networks[batch]) for _ in range(iterations)]}

    def time_frames(self, clip: Answer, start: int, iterations: int) -> Answer:
        """Time whole frames of a clip that is played to and fro, so that nothing jumps.

        Args:
            clip: a table, as in the module's docstring.
            start: number of frames that were played before.
            iterations: number of frames.

        Returns:
            "times_ms", one a frame, and "found", the number of frames in which a face was found.
        """
        track, count = self._tracker(), clip["frames"]
        times_ms, found = [], 0
        for step in range(start, start + iterations):
            image = read_frame(clip, to_and_fro(step, count))
            begin = time.perf_counter()
            faces = track(image, step / clip["fps"])
            times_ms.append((time.perf_counter() - begin) * 1000)
            found += bool(len(faces))
        return {"times_ms": times_ms, "found": found}

    def track(self, clip: Answer, start: int, count: int, max_faces: int) -> Answer:
        """Track faces in a part of a clip.

        Args:
            clip: a table, as in the module's docstring.
            start: the first frame; 0 begins a new video.
            count: number of frames.
            max_faces: of the video.

        Returns:
            "faces" and "ids" of each frame, "cpu_ms" of all threads of this process, and "wall_ms" until the result was
            there.
        """
        if start == 0 and hasattr(self._peer, "reset"):
            self._peer.reset(max_faces)
        track = self._tracker()
        answer: Answer = {"faces": [], "ids": [], "cpu_ms": [], "wall_ms": []}
        for index in range(start, min(start + count, clip["frames"])):
            image = read_frame(clip, index)
            cpu_s, wall_s = time.process_time(), time.perf_counter()
            faces = track(image, index / clip["fps"])
            answer["wall_ms"].append((time.perf_counter() - wall_s) * 1000)
            answer["cpu_ms"].append((time.process_time() - cpu_s) * 1000)
            answer["faces"].append(as_lists(faces))
            answer["ids"].append([int(face_id) for face_id in getattr(self._peer, "ids", ())])
        return answer

    def live(self, clip: Answer, seconds: float, warmup_s: float, streams: int = 1) -> Answer:
        """Track a clip as cameras would give it: a frame that has become old before its turn is dropped.

        Args:
            clip: a table, as in the module's docstring; is played to and fro.
            seconds: that count.
            warmup_s: before that.
            streams: number of cameras; more than one where the peer has `live`.

        Returns:
            "latencies_ms" of each camera's tracked frames, from the capture on; "offered", the number of frames of each
            camera; "found", the number of frames with a face; "cpu_s" of all threads of this process.
        """
        camera = Camera(clip, seconds, warmup_s)
        if hasattr(self._peer, "live"):
            answer: Answer = self._peer.live(camera, streams)
            return answer
        if streams != 1:
            raise ValueError("this peer tracks one camera only")
        track = self._tracker()
        latencies_ms, found, cpu_s = [], 0, None
        for step, image, captured_s in camera.frames():
            cpu_s = time.process_time() if cpu_s is None and camera.counts(step) else cpu_s
            faces = track(image, step / clip["fps"])
            if camera.counts(step):
                latencies_ms.append((time.perf_counter() - captured_s) * 1000)
                found += bool(len(faces))
        spent_s = time.process_time() - cpu_s if cpu_s is not None else 0.0
        return {"latencies_ms": [latencies_ms], "offered": camera.offered, "found": found, "cpu_s": spent_s}

    def faces(self, paths: list[str]) -> Answer:
        """Detect the faces of pictures.

        Args:
            paths: of the pictures.

        Returns:
            "faces", a list for each picture.
        """
        return {"faces": [as_lists(self._peer.detect(read(path))) for path in paths]}

    def memory(self) -> Answer:
        """The largest resident memory of this process so far, "peak_rss_mb"."""
        return {"peak_rss_mb": memory_mb("VmHWM")}

    def _tracker(self) -> Callable[[Any, float], Any]:
        """`detect` stands in for a peer that does not track."""
        if hasattr(self._peer, "track"):
            track: Callable[[Any, float], Any] = self._peer.track
            return track
        return lambda image, _: self._peer.detect(image)


class Camera:
    """A clip that is played to and fro in real time.

    Args:
        clip: a table, as in the module's docstring.
        seconds: that count.
        warmup_s: before that.
        delay_s: before the first frame.
    """

    def __init__(self, clip: Answer, seconds: float, warmup_s: float, delay_s: float = 0.0) -> None:
        self.clip, self.seconds, self.warmup_s, self.delay_s = clip, seconds, warmup_s, delay_s
        self._first: int = round(warmup_s * clip["fps"])
        self.offered: int = round(seconds * clip["fps"])

    def counts(self, step: int) -> bool:
        """Whether a frame comes after the warm-up."""
        return step >= self._first

    def frames(self) -> Any:
        """The newest frame each time: its number, the picture (H, W, 3) and when it was captured."""
        fps, start_s, step = self.clip["fps"], time.perf_counter() + self.delay_s, -1
        while step < self._first + self.offered - 1:
            newest = int((time.perf_counter() - start_s) * fps // 1)
            if newest <= step:
                time.sleep(max(0.0, start_s + (step + 1) / fps - time.perf_counter()))
                continue
            step = min(newest, self._first + self.offered - 1)
            yield step, read_frame(self.clip, to_and_fro(step, self.clip["frames"])), start_s + step / fps


def to_and_fro(step: int, count: int) -> int:
    """The frame of a clip of `count` frames that comes after `step` others, so that nothing jumps."""
    place = step % (2 * count - 2) if count > 1 else 0
    return min(place, 2 * count - 2 - place)


def as_lists(faces: Any) -> list[list[list[float]]]:
    """Faces as [[[x, y], ...], ...] px, rounded to a thousandth."""
    return [[[round(float(x), 3), round(float(y), 3)] for x, y in face] for face in faces]


def read_frame(clip: Answer, index: int) -> Any:
    """One frame of a clip as (H, W, 3) uint8 BGR."""
    import numpy

    size = clip["width"] * clip["height"] * 3
    frame = numpy.fromfile(clip["path"], numpy.uint8, count=size, offset=index * size)
    return frame.reshape(clip["height"], clip["width"], 3)


def read(path: str) -> Any:
    """A picture as (H, W, 3) uint8 BGR."""
    import cv2

    image = cv2.imread(path)
    if image is None:
        raise ValueError(f"{path} cannot be read")
    return image


def timed_ms(function: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1000


def memory_mb(entry: str) -> float | None:
    """Resident memory of this process, None if the system does not tell.

    Unlike getrusage, it does not count the process that started this one.

    Args:
        entry: "VmRSS" for the present, "VmHWM" for the peak.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(entry)), None)


def load_adapter(path: Path) -> Any:
    """The class `Peer` of an adapter file."""
    spec = importlib.util.spec_from_file_location("adapter", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Peer


def main() -> None:
    """Answer requests until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not get between the replies
    if len(sys.argv) > 2 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [int(cpu) for cpu in sys.argv[2].split(",")])
    sys.path.pop(0)  # this folder, whose names must not hide a library's
    host: Host | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            host = host or Host(load_adapter(Path(sys.argv[1])))
            answer = getattr(host, request.pop("op"))(**request)
        except Exception as error:
            lines = [text.strip() for text in str(error).splitlines() if text.strip()]
            answer = {"error": lines[-1] if lines else type(error).__name__}
        replies.write(json.dumps(answer) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
