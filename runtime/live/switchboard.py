"""A landmarker whose model and settings a viewer may change while frames are tracked.

`Switchboard` takes the place of a `FaceLandmarker`. Another model is opened and warmed up in a thread, while the one
before goes on tracking; between two frames it takes over, with the same detector. The one before is then closed in a
thread too. Every other setting takes effect with the next frame.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ConfigError
from sdfl.runtime.followers import Update
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.live.attention_reader import AttentionReader
from sdfl.runtime.live.jitter import Jitter
from sdfl.runtime.live.memory import hand_back_free_memory
from sdfl.runtime.live.settings import Settings, covered
from sdfl.runtime.outputs.graph_overlay import GraphEdges
from sdfl.runtime.sources import FrameSource
from sdfl.runtime.views.base import FrameExtras
from sdfl.runtime.zoo import families, resolve_model
from sdfl.runtime.zoo.opening import model_to_run
from sdfl.types import Face, Frame

REMEMBERED_FRAMES = 32  # whose edges and jitter are kept until a view shows them
STORED = "as stored"  # the precision of a model file that is not the package's


class Switchboard:
    """A landmarker for `pipeline.run` that is also the `Controls` of a view.

    Args:
        model: as for `FaceLandmarker`.
        precision: as for `FaceLandmarker`.
        smoothing: whether points are steadied to begin with.
        new_landmarker: makes each landmarker; takes the arguments of `FaceLandmarker`.
        options: what else is handed to `new_landmarker`.

    Raises:
        ConfigError, ArtifactError, MissingDependency: as `FaceLandmarker`.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        precision: str | None = None,
        smoothing: bool = True,
        new_landmarker: Callable[..., FaceLandmarker] = FaceLandmarker,
        **options: Any,
    ) -> None:
        self._landmarker = new_landmarker(model, precision=precision, smoothing=smoothing, **options)
        self._running = self._landmarker  # the one before, until a frame comes for the one that takes over
        options = {**options, "detector": self._landmarker.detector}
        options.pop("detection_threshold", None)  # the detector that the next ones share has it already
        self._new_landmarker, self._options = new_landmarker, options
        runs = self._landmarker.model_file or model_to_run(model, precision, options.get("backend"))
        name, precision = _choice_of(runs)
        self.choices = {family: list(stored) for family, stored in families().items()}
        if precision == STORED:
            self.choices = {name: [STORED], **self.choices}
        self._lock = threading.Lock()
        self._settings = Settings(name, precision, smoothing=smoothing)
        self._loading: threading.Thread | None = None
        self._problem = ""
        self._attention: AttentionReader | None = None
        self._jitter = Jitter()
        self._num_faces = 0  # in the last frame
        self._extras: deque[tuple[int, FrameExtras]] = deque(maxlen=REMEMBERED_FRAMES)

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
        """Take over some settings.

        Args:
            changes: as for `Settings.changed`.

        Raises:
            ConfigError: a setting is wrong, or another model is still being loaded; nothing was changed then.
        """
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
            reload = _loaded_for(new) != _loaded_for(old) or (wants_edges and self._lacks_attention(new))
            if reload and self._loading is not None:
                raise ConfigError("a model is being loaded; choose again in a moment")
            if reload:
                loading = threading.Thread(target=self._load, args=(new, old), name="load model", daemon=True)
                loading.start()
                self._loading = loading
            self._settings, self._problem = new, ""

    def follow(self, source: FrameSource) -> Update:
        """As `FaceLandmarker.follow`; the tracking starts anew when another model takes over."""
        running = self._take_over()
        update = running.follow(source)

        def tracked(frame: Frame) -> list[Face]:
            nonlocal running, update
            if self._landmarker is not running:
                running = self._take_over()
                update = running.follow(source)
                self._jitter = Jitter()
            faces = update(frame)
            self._num_faces = len(faces)
            self._jitter.update(faces)
            self._extras.append((frame.index, FrameExtras(self._edges(frame, faces), self._jitter.percent)))
            return faces

        return tracked

    def extras(self, index: int) -> FrameExtras:
        """What is known of the tracked frame `index` beside its faces; empty for a frame that is no longer kept."""
        return next((extras for known, extras in reversed([*self._extras]) if known == index), FrameExtras([], None))

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
        """Free the models. May be called twice."""
        loading = self._loading
        if loading is not None:
            loading.join()
        self._running.close()
        self._landmarker.close()

    def _take_over(self) -> FaceLandmarker:
        """The landmarker for the frames from now on; the one before is closed, in a thread because that takes 0.1 s."""
        with self._lock:
            before, self._running = self._running, self._landmarker
        if before is not self._running:
            threading.Thread(target=_close, args=(before,), name="close model").start()
        return self._running

    def _landmarker_for(self, settings: Settings) -> FaceLandmarker:
        return self._new_landmarker(_path(settings), smoothing=settings.smoothing, **self._options)

    def _load(self, new: Settings, old: Settings) -> None:
        """The loading thread: replace what has changed, or go back to the old settings and say why."""
        opened: FaceLandmarker | None = None
        attention, problem = self._attention, "the model was not loaded"
        try:
            if _loaded_for(new) != _loaded_for(old):
                opened = self._landmarker_for(new)
                opened.warm_up(max(1, self._num_faces))
            if self._lacks_attention(new):
                attention = AttentionReader(_path(new))
            problem = ""
        except BaseException as error:  # nobody else would see what ends this thread
            problem = str(error) or type(error).__name__
        finally:
            self._loaded(opened, attention, problem, old)

    def _loaded(
        self, opened: FaceLandmarker | None, attention: AttentionReader | None, problem: str, old: Settings
    ) -> None:
        """What was loaded takes over with the next frame; where there is a problem, nothing does."""
        with self._lock:
            unused = opened
            if problem:
                back = {key: getattr(old, key) for key in ("model", "precision", "smoothing", "edges")}
                self._settings, self._problem = replace(self._settings, **back), problem
            else:
                self._attention = attention
                if opened is not None:
                    unused = None if self._landmarker is self._running else self._landmarker  # no frame came for it
                    self._landmarker = opened
            self._loading = None
        if unused is not None:
            unused.close()

    def _lacks_attention(self, settings: Settings) -> bool:
        reader = self._attention
        return settings.edges and (reader is None or reader.path != _path(settings))

    def _edges(self, frame: Frame, faces: list[Face]) -> list[GraphEdges]:
        """The weighted edges of every face, where they are asked for and their network is loaded."""
        settings, reader = self._settings, self._attention
        if reader is None or not settings.edges or reader.path != _path(settings):
            return []
        return [reader.edges(frame.image, face) for face in faces]


def _close(landmarker: FaceLandmarker) -> None:
    """Close a model for which another one has taken over."""
    landmarker.close()
    hand_back_free_memory()


def _loaded_for(settings: Settings) -> tuple[object, ...]:
    """The settings that need another landmarker when they change."""
    return settings.model, settings.precision, settings.smoothing


def _choice_of(path: Path) -> tuple[str, str]:
    """Model and precision, as `Switchboard.choices` names them, of a model file."""
    for family, stored in families().items():
        for precision, file in stored.items():
            if file == path:
                return family, precision
    return str(path), STORED


def _path(settings: Settings) -> Path:
    return resolve_model(settings.model, None if settings.precision == STORED else settings.precision)
