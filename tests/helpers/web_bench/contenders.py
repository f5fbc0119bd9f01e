"""What is measured, and the files that a browser needs for it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdfl.errors import MissingDependency, SdflError
from sdfl.runtime.web.site import SiteFile, site_files

HERE = Path(__file__).parent
COMPRESS = """
const { readFileSync, writeFileSync } = require("fs");
const { brotliCompressSync } = require("zlib");
for (const file of process.argv.slice(1)) writeFileSync(file + ".br", brotliCompressSync(readFileSync(file)));
"""


@dataclass(frozen=True)
class Contender:
    """An engine with its options.

    Attributes:
        title: in the table.
        engine: a key of ENGINES in page.js.
        options: of the engine.
    """

    title: str
    engine: str
    options: dict[str, Any]


OWN = [
    Contender("camera alone", "none", {}),
    Contender("`nano`", "sdfl", {"model": "nano"}),
    Contender("`small`", "sdfl", {"model": "small"}),
    Contender("`small`, int8", "sdfl", {"model": "small", "precision": "int8"}),
    Contender("`small`, 2 threads", "sdfl", {"model": "small", "threads": 2}),
]
MEDIAPIPE = [
    Contender("MediaPipe FaceLandmarker, CPU", "mediapipe", {"delegate": "CPU"}),
    Contender("MediaPipe FaceLandmarker, GPU", "mediapipe", {"delegate": "GPU"}),
]


def files(package: Path | None, task: Path | None, folder: Path) -> dict[str, SiteFile]:
    """The site with the measuring page, and MediaPipe's files where they are given.

    Args:
        package: folder of the npm package @mediapipe/tasks-vision, None to leave MediaPipe out.
        task: its model, face_landmarker.task.
        folder: to keep compressed files in.

    Raises:
        SdflError: a file or node is missing.
    """
    table = site_files() | {name: SiteFile(name, HERE / name) for name in ("page.html", "page.js")}
    if package is None:
        return table
    if task is None or not task.is_file():
        raise SdflError(f"{task}: is not there; make it with: make peers, or leave out --mediapipe")
    paths = [path for path in package.rglob("*") if path.suffix in KINDS and not UNUSED & set(path.stem.split("_"))]
    sources = {path.relative_to(package).as_posix(): path for path in paths}
    if "vision_bundle.mjs" not in sources:
        raise SdflError(f"{package}: is not the npm package @mediapipe/tasks-vision; make it with: make peers")
    sources[task.name] = task
    for name, path in sources.items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    _compress([folder / name for name in sources])
    return table | {
        f"mediapipe/{name}": SiteFile(f"mediapipe/{name}", folder / name, {"br": folder / f"{name}.br"})
        for name in sources
    }


KINDS = (".mjs", ".js", ".wasm")
UNUSED = {"nosimd", "module"}  # parts of the names of builds that this Chromium does not load


def _compress(paths: list[Path]) -> None:
    """As strongly as the site's own files."""
    node = shutil.which("node")
    if node is None:
        raise MissingDependency("node")
    subprocess.run([node, "-e", COMPRESS, *map(str, paths)], check=True)
