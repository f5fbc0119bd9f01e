"""What a viewer may change while frames are tracked: the model, its precision, smoothing, an occluder, edge weights.

`Switchboard` stands where a `FaceLandmarker` stands. A changed model is loaded beside the running one, which goes on
until the new one is ready; everything else counts from the next frame on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ConfigError, SdflError
from sdfl.runtime.landmarker import FaceLandmarker, Update
from sdfl.runtime.live.attention_reader import Edges, AttentionReader
from sdfl.runtime.live.jitter import Jitter
from sdfl.runtime.sources import FrameSource
from sdfl.runtime.zoo import families, model_to_run, resolve_model, zoo_models
from sdfl.types import Face, Frame

OCCLUDER_BGR = (96, 96, 96)
KEPT = 32  # frames whose edges and jitter are remembered until a view shows them
STORED = "as stored"  # the precision of a model file that is not the package's
Occluder = tuple[float, float, float, float]


@dataclass(frozen=True)
class Settings:
    """model, precision: of `Switchboard.choices`. occluder: left, top, right, bottom as shares of the frame, or None.

    edges: compute the learned edge weights too.
    """

    model: str
    precision: str
    smoothing: bool = True
    edges: bool = False
    occluder: Occluder | None = None

    def changed(self, changes: object) -> Settings:
        """With `changes`, a mapping as it comes from JSON. Raises ConfigError that names the key."""
        if not isinstance(changes, dict):
            raise ConfigError("settings must be a JSON object")
        known = {field.name for field in fields(self)}
        for key, value in changes.items():
            if key not in known:
                raise ConfigError(f"{key}: no such setting; there are {', '.join(sorted(known))}")
            wanted = bool if key in ("smoothing", "edges") else str
            if key != "occluder" and not isinstance(value, wanted):
                raise ConfigError(f"{key} must be {'true or false' if wanted is bool else 'text'}, got {value!r}")
        if "occluder" in changes:
            changes = {**changes, "occluder": _occluder(changes["occluder"])}
        return replace(self, **changes)


def _occluder(value: object) -> Occluder | None:
    if value is None:
        return None
    numbers = [float(each) for each in value if isinstance(each, int | float)] if isinstance(value, list) else []
    if len(numbers) != 4 or not all(0 <= each <= 1 for each in numbers):
        raise ConfigError(f"occluder must be null or [left, top, right, bottom] from 0 to 1, got {value!r}")
    x0, y0, x1, y1 = numbers
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


@dataclass(frozen=True, eq=False)
class Extras:
    """edges: of every face, where they are asked for. jitter_percent: see `Jitter`."""

    edges: list[Edges]
    jitter_percent: float | None


class Switchboard:
    """A landmarker for `pipeline.run`, and the settings that a view may change from its own thread.

    model, precision: as for `FaceLandmarker`. smoothing: to begin with. options: what else `FaceLandmarker` takes.
    """

    def __init__(
        self, model: str | Path | None = None, *, precision: str | None = None, smoothing: bool = True, **options: Any
    ) -> None:
        self._options = options
        name, precision = _named(model_to_run(model, precision, options.get("backend")))
        self.choices = {family: list(stored) for family, stored in families().items()}
        if precision == STORED:
            self.choices = {name: [STORED], **self.choices}
        self._lock = threading.Lock()
        self._settings = Settings(name, precision, smoothing=smoothing)
        self._landmarker = self._made(self._settings)
        self._loading: threading.Thread | None = None
        self._problem = ""
        self._edge_weights: AttentionReader | None = None
        self._jitter = Jitter()
        self._extras: deque[tuple[int, Extras]] = deque(maxlen=KEPT)

    @property
    def spec(self) -> ModelSpec:
        """What the model that runs now says about itself."""
        return self._landmarker.spec

    def state(self) -> dict[str, Any]:
        """The settings, the choices, whether a model is being loaded, and what went wrong last, ready for JSON."""
        with self._lock:
            return {
                "settings": asdict(self._settings),
                "choices": self.choices,
                "loading": self._loading is not None,
                "problem": self._problem,
            }

    def change(self, changes: object) -> None:
        """Take over some settings. Raises ConfigError, and then changes nothing."""
        with self._lock:
            new, old = self._settings.changed(changes), self._settings
            if new.model not in self.choices:
                raise ConfigError(f"model must be one of {', '.join(self.choices)}, got {new.model!r}")
            stored = self.choices[new.model]
            if new.precision not in stored:
                if new.model == old.model:
                    raise ConfigError(f"precision must be one of {', '.join(stored)}, got {new.precision!r}")
                new = replace(new, precision=stored[0])  # another model, whose files are others
            wants_edges = new.edges and not old.edges
            reload = _network(new) != _network(old) or (wants_edges and self._lacks_edges(new))
            if reload and self._loading is not None:
                raise ConfigError("a model is being loaded; choose again in a moment")
            self._settings, self._problem = new, ""
            if reload:
                self._loading = threading.Thread(target=self._load, args=(new, old), name="load model", daemon=True)
                self._loading.start()

    def follow(self, source: FrameSource) -> Update:
        """As `FaceLandmarker.follow`; the tracking starts anew when another model takes over."""
        running, update = self._landmarker, self._landmarker.follow(source)

        def tracked(frame: Frame) -> list[Face]:
            nonlocal running, update
            if self._landmarker is not running:
                running.close()
                running, update = self._landmarker, self._landmarker.follow(source)
                self._jitter = Jitter()
            faces = update(frame)
            self._jitter.update(faces)
            self._extras.append((frame.index, Extras(self._weighed(frame, faces), self._jitter.percent)))
            return faces

        return tracked

    def extras(self, index: int) -> Extras:
        """What is known of the tracked frame `index` beside its faces; of a recent one only."""
        return next((extras for known, extras in reversed([*self._extras]) if known == index), Extras([], None))

    def prepared(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """`frames` as the network gets them: with the occluder."""
        for frame in frames:
            occluder = self._settings.occluder
            yield frame if occluder is None else covered(frame, occluder)

    def __enter__(self) -> Switchboard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the models."""
        loading = self._loading
        if loading is not None:
            loading.join()
        self._landmarker.close()

    def _made(self, settings: Settings) -> FaceLandmarker:
        return FaceLandmarker(_path(settings), smoothing=settings.smoothing, **self._options)

    def _load(self, new: Settings, old: Settings) -> None:
        """The loading thread: replace what has changed, or go back to the old settings and say why."""
        landmarker, weights = self._landmarker, self._edge_weights
        try:
            if _network(new) != _network(old):
                landmarker = self._made(new)
            if self._lacks_edges(new):
                weights = AttentionReader(_path(new))
        except SdflError as error:
            with self._lock:
                back = {key: getattr(old, key) for key in ("model", "precision", "smoothing", "edges")}
                self._settings, self._problem = replace(self._settings, **back), str(error)
                self._loading = None
            return
        with self._lock:
            self._landmarker, self._edge_weights, self._loading = landmarker, weights, None

    def _lacks_edges(self, settings: Settings) -> bool:
        weights = self._edge_weights
        return settings.edges and (weights is None or weights.path != _path(settings))

    def _weighed(self, frame: Frame, faces: list[Face]) -> list[Edges]:
        """The weighted edges of every face, where they are asked for and loaded."""
        settings, weights = self._settings, self._edge_weights
        if weights is None or not settings.edges or weights.path != _path(settings):
            return []
        return [weights.of(frame.image, face) for face in faces]


def covered(frame: Frame, occluder: Occluder) -> Frame:
    """A copy of `frame` with a plain rectangle in it."""
    height, width = frame.image.shape[:2]
    x0, y0, x1, y1 = occluder
    image = frame.image.copy()
    image[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)] = OCCLUDER_BGR
    return replace(frame, image=image)


def _network(settings: Settings) -> tuple[object, ...]:
    return settings.model, settings.precision, settings.smoothing


def _named(model: str | Path) -> tuple[str, str]:
    """Model and precision as `choices` name them, of what the user wrote."""
    name = str(model)
    for family, stored in families().items():
        for precision, path in stored.items():
            if name == str(path) or zoo_models().get(name) == path:
                return family, precision
    return name, STORED


def _path(settings: Settings) -> Path:
    return resolve_model(settings.model, None if settings.precision == STORED else settings.precision)
