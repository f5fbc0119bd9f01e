"""`python -m web_bench`: bytes, time to the first landmarks and processor time a frame, as a table.

Every round starts a browser with an empty profile for each contender, in turns. Processor times are thread ticks of the
page's main thread by the DevTools protocol, and the times of the renderer's and the GPU's process, because times on the
clock say little on a busy computer.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import chromium
from web_pages import camera_file, served

from sdfl.errors import SdflError
from web_bench.contenders import MEDIAPIPE, OWN, Contender, files

WARM_UP_FRAMES = 90  # while these pass, V8 compiles what is hot
STEP = 5
Measures = dict[str, float]
COLUMNS = {
    "bytes": "MB to load",
    "first_s": "s to the first landmarks",
    "first_cpu_s": "CPU s until then",
    "main_ms": "main thread, CPU ms a frame",
    "renderer_ms": "renderer with its threads",
    "gpu_ms": "GPU process",
    "wall_ms": "ms a frame on the clock, fastest tenth",
    "found": "frames with a face",
}


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure and print.

    Returns:
        0, or 2 where a file or program is missing.
    """
    parser = argparse.ArgumentParser("web_bench", description=str(__doc__).split("\n")[0])
    parser.add_argument("--mediapipe", type=Path, help="folder of the npm package @mediapipe/tasks-vision")
    parser.add_argument("--task", type=Path, help="its model, face_landmarker.task")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=150, help="in each round")
    parser.add_argument("--only", action="append", default=[], help="part of a contender's title; all")
    chosen = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            measured = measure(chosen, Path(scratch))
    except SdflError as error:
        print(f"web_bench: {error}", file=sys.stderr)
        return 2
    print(table(measured))
    return 0


def measure(chosen: argparse.Namespace, folder: Path) -> dict[str, list[Measures]]:
    """Title of a contender -> measures of each round."""
    if chromium.find_chromium() is None:
        raise SdflError("no Chromium or Chrome is installed; install it (apt-get install chromium)")
    every = OWN + (MEDIAPIPE if chosen.mediapipe else [])
    contenders = [each for each in every if not chosen.only or any(part in each.title for part in chosen.only)]
    camera = camera_file(folder / "camera.mjpeg", 300)
    measured: dict[str, list[Measures]] = {contender.title: [] for contender in contenders}
    with served(files(chosen.mediapipe, chosen.task, folder / "mediapipe")) as address:
        for number in range(chosen.rounds):
            for contender in contenders:
                with tempfile.TemporaryDirectory() as profile:
                    once = measure_once(contender, address, camera, Path(profile), chosen.frames)
                measured[contender.title].append(once)
                print(f"round {number + 1}, {contender.title}: {once}", file=sys.stderr, flush=True)
    return measured


def measure_once(contender: Contender, address: str, camera: Path, profile: Path, frames: int) -> Measures:
    """One engine in a browser that has never seen it."""
    page_address = f"{address}page.html"
    with chromium.open_page(page_address, profile, camera=camera, flags=chromium.SOFTWARE_GL) as page:
        page.wait("window.isReady")
        page.run("openCamera()")
        page.send("Performance.enable", timeDomain="threadTicks")
        loaded, before_s = page.bytes_loaded, _processes_s(page)
        first_ms = page.run(f"openEngine({contender.engine!r}, {contender.options or '{}'})")
        first_cpu_s = _processes_s(page) - before_s
        _follow(page, WARM_UP_FRAMES)
        main_s, before = _main_thread_s(page), page.processor_s()
        found, wall_ms = _follow(page, frames)
        after = page.processor_s()
        return {
            "bytes": page.bytes_loaded - loaded,
            "first_s": first_ms / 1000,
            "first_cpu_s": first_cpu_s,
            "main_ms": (_main_thread_s(page) - main_s) * 1000 / frames,
            "renderer_ms": (after["renderer"] - before["renderer"]) * 1000 / frames,
            "gpu_ms": (after["GPU"] - before["GPU"]) * 1000 / frames,
            "wall_ms": sorted(wall_ms)[frames // 10],
            "found": found / frames,
        }


def _follow(page: Any, frames: int) -> tuple[int, list[float]]:
    """Follow frames, a few at a time, so that no answer takes long: how many have a face, and the time of each, ms."""
    answers = [page.run(f"run({min(STEP, frames - done)})") for done in range(0, frames, STEP)]
    return sum(int(each["found"]) for each in answers), [ms for each in answers for ms in each["wallMs"]]


def _main_thread_s(page: Any) -> float:
    metrics = page.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def _processes_s(page: Any) -> float:
    return float(sum(seconds for kind, seconds in page.processor_s().items() if kind in ("renderer", "GPU")))


def table(measured: dict[str, list[Measures]]) -> str:
    """Medians over the rounds, in Markdown."""
    lines = [f"| | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for title, rounds in measured.items():
        middle = {key: statistics.median(once[key] for once in rounds) for key in COLUMNS}
        cells = [
            f"{middle['bytes'] / 1e6:.1f}",
            f"{middle['first_s']:.1f}",
            f"{middle['first_cpu_s']:.1f}",
            f"{middle['main_ms']:.1f}",
            f"{middle['renderer_ms']:.1f}",
            f"{middle['gpu_ms']:.1f}",
            f"{middle['wall_ms']:.1f}",
            f"{100 * middle['found']:.0f} %",
        ]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
