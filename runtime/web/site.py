"""The files of the page that tracks faces in the browser itself: where they come from, plain and compressed.

The library in `src` is built into `dist` by `npm run build`, which needs node; wheels of a release contain `dist`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sdfl.errors import SdflError
from sdfl.files import atomic_path
from sdfl.runtime.detector.network import FACES
from sdfl.runtime.views.browser import STATIC
from sdfl.runtime.zoo import DEFAULT_MODEL, zoo_models

HERE = Path(__file__).parent
LIBRARY = "sdfl"  # folder of the site that the library lies in, with its models
DIST = HERE / "dist" / LIBRARY
WORKER = "sw.js"
PAGE = ("index.html", "app.js", "app.css", "manifest.webmanifest", WORKER)
SHARED = ("page.css", "icon.svg")  # with the view of `sdfl demo`
SUFFIXES = {"gzip": ".gz", "br": ".br"}  # HTTP's name of an encoding -> what a compressed file is called
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
GZIP_LEVEL = 9


@dataclass(frozen=True, eq=False)
class SiteFile:
    """One file of the site.

    Attributes:
        name: its path below the site's root.
        path: of the plain file, None where only compressed ones are stored.
        stored: encoding -> compressed file.
        before: text in front of the content.
    """

    name: str
    path: Path | None
    stored: dict[str, Path] = field(default_factory=dict)
    before: str = ""

    @property
    def media_type(self) -> str:
        """As HTTP calls it."""
        fallback = "text/plain" if Path(self.name).suffix in (".ts", ".txt") else "application/octet-stream"
        return MEDIA_TYPES.get(Path(self.name).suffix, fallback)

    @cached_property
    def tag(self) -> str:
        """Changes with the content."""
        source = self.path or self.stored["gzip"]
        return hashlib.sha256(self.before.encode() + source.read_bytes()).hexdigest()[:32]

    @property
    def plain(self) -> bytes:
        """The content."""
        if self.path is None:
            return gzip.decompress(self.stored["gzip"].read_bytes())
        return self.before.encode() + self.path.read_bytes()

    def encoded(self, encoding: str) -> bytes | None:
        """The content compressed, None where that form is not to be had.

        Args:
            encoding: a key of SUFFIXES.
        """
        if encoding in self.stored:
            return self.stored[encoding].read_bytes()
        return self._zipped if encoding == "gzip" else None

    @cached_property
    def _zipped(self) -> bytes:
        return gzip.compress(self.plain, GZIP_LEVEL, mtime=0)


def site_files() -> dict[str, SiteFile]:
    """Path below the site's root -> file, of every file of the site.

    Raises:
        SdflError: the library is not built; says how to do so.
    """
    if not (DIST / "face-landmarker.js").is_file():
        raise SdflError(
            f"{DIST}: the browser's library is not built; run `make web` in a clone, or "
            f"`npm ci --prefix {HERE} && npm run build --prefix {HERE}`, which need node 18 or newer"
        )
    files = {name: SiteFile(name, HERE / "page" / name) for name in PAGE}
    files |= {name: SiteFile(name, STATIC / name) for name in SHARED}
    files |= _library_files()
    models = {**zoo_models(), FACES.stem: FACES}
    files |= {name: SiteFile(name, path) for path in models.values() for name in [f"{LIBRARY}/models/{path.name}"]}
    site = {"version": _version(files), "files": first_files(files)}
    files[WORKER] = SiteFile(WORKER, HERE / "page" / WORKER, before=f"self.SITE = {json.dumps(site)};\n")
    return files


def first_files(files: dict[str, SiteFile]) -> list[str]:
    """What the page needs to work without a network, with the default model; "./" is the page itself."""
    models = f"{LIBRARY}/models/"
    needed = {f"{models}{DEFAULT_MODEL}.onnx", f"{models}{FACES.name}", f"{LIBRARY}/face-landmarker.js"}
    runtime = {name for name in files if name.startswith(f"{LIBRARY}/ort-")}
    page = {name for name in (*PAGE, *SHARED) if name not in ("index.html", WORKER)}
    return ["./", *sorted(needed | runtime | page)]


def write_site(folder: Path) -> int:
    """Write the site into a folder that any static host can serve, with compressed files beside the plain ones.

    Args:
        folder: is made where it is missing; files of the same names are replaced.

    Returns:
        The number of bytes, without the compressed files.

    Raises:
        SdflError: the library is not built.
        WriteError: names the file that cannot be written.
    """
    total = 0
    for name, file in site_files().items():
        total += len(file.plain)
        forms = {"": file.plain} | {suffix: file.encoded(encoding) for encoding, suffix in SUFFIXES.items()}
        for suffix, content in forms.items():
            if content is not None:
                with atomic_path(folder / f"{name}{suffix}") as path:
                    path.write_bytes(content)
    return total


def _library_files() -> dict[str, SiteFile]:
    """The built library; a compressed file without its plain form stands for that."""
    files: dict[str, SiteFile] = {}
    for path in sorted(DIST.rglob("*")):
        if not path.is_file():
            continue
        is_compressed = path.suffix in SUFFIXES.values()
        plain = path.with_suffix("") if is_compressed else path
        name = f"{LIBRARY}/{plain.relative_to(DIST).as_posix()}"
        stored = {encoding: beside for encoding, suffix in SUFFIXES.items() if (beside := _beside(plain, suffix))}
        files[name] = SiteFile(name, plain if plain.is_file() else None, stored)
    return files


def _beside(plain: Path, suffix: str) -> Path | None:
    path = plain.with_name(plain.name + suffix)
    return path if path.is_file() else None


def _version(files: dict[str, SiteFile]) -> str:
    return hashlib.sha256("".join(f"{name} {file.tag}" for name, file in files.items()).encode()).hexdigest()[:16]
