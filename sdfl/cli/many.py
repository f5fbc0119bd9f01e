"""What `track` and `demo` share where they are given several sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdfl.cli.outputs import check_outputs

if TYPE_CHECKING:
    from sdfl.runtime.landmarker import FaceLandmarker
    from sdfl.runtime.results import Result
    from sdfl.runtime.sources import FrameSource

Tracked = tuple[int, "str | None", float, "Result"]  # number and name of the source, the time that is 0, the result


def numbered(path: Path | None, count: int) -> list[Path]:
    """The files that `path` stands for: itself for one source, `clip-1.mp4`, `clip-2.mp4`, ... for several.

    Args:
        path: of the option, None where it is not given.
        count: number of sources.
    """
    if path is None:
        return []
    return [path] if count == 1 else [path.with_stem(f"{path.stem}-{number}") for number in range(1, count + 1)]


def check_all_outputs(sources: Sequence[str], outputs: dict[str, Path | None], saves: Sequence[Path]) -> None:
    """Refuse outputs that would replace a source or each other.

    Args:
        sources: that are read; need not be files.
        outputs: option -> the file that it names, None where it is not given.
        saves: the videos of --save.

    Raises:
        ConfigError: names the option.
    """
    for source in sources or [""]:
        for save in saves or [None]:
            check_outputs(source, {**outputs, "--save": save})


def tracked_results(
    opened: Sequence[FrameSource], landmarker: FaceLandmarker, max_frames: int | None
) -> Iterator[Tracked]:
    """The results of several sources. Times of files count from their beginning, those of live sources together.

    Args:
        opened: the sources.
        landmarker: follows their faces.
        max_frames: after which each source ends, None for no limit.
    """
    from sdfl.runtime.results import results_of_many
    from sdfl.runtime.sources.many import ManySources

    starts: dict[int, float] = {}
    with ManySources(opened, max_frames=max_frames) as many:
        for results in results_of_many(many, landmarker):
            live_s = [each.frame.timestamp_s for each in results if opened[each.number].live]
            for each in results:
                live = opened[each.number].live
                start_s = starts.setdefault(
                    -1 if live else each.number, min(live_s) if live else each.frame.timestamp_s
                )
                yield each.number, each.source, start_s, each
