"""What `track` and `demo` share where they are given several sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdfl.cli.outputs import check_outputs

if TYPE_CHECKING:
    from sdfl.runtime.landmarker import FaceLandmarker
    from sdfl.runtime.results import Result
    from sdfl.runtime.sources.many import ManySources

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
        for save in saves or (None,):
            check_outputs(source, {**outputs, "--save": save})


def tracked_results(many: ManySources, landmarker: FaceLandmarker) -> Iterator[Tracked]:
    """The results of several sources. Times of files count from their beginning, those of live sources together.

    Args:
        many: the sources.
        landmarker: follows their faces.
    """
    from sdfl.runtime.results import results_of_many

    starts: dict[int, float] = {}
    for results in results_of_many(many, landmarker):
        live = [many.sources[each.number].live for each in results]
        first_live_s = min(
            (e.frame.timestamp_s for e, is_live in zip(results, live, strict=True) if is_live), default=0
        )
        for each, is_live in zip(results, live, strict=True):
            key, time_s = (-1, first_live_s) if is_live else (each.number, each.frame.timestamp_s)
            yield each.number, each.source, starts.setdefault(key, time_s), each
