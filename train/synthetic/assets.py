"""The models that rendered faces are made of, in the folders as they are published. Nothing of them is in the package.

The light model of ICT-FaceKit (MIT) is 154 OBJ files, which take half a minute to read, so that their arrays are kept
in the user's cache. Hair and hats are OBJ files of MakeHuman's core assets (CC0, as each .mhclo beside them says).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sdfl.errors import DataError
from sdfl.files import atomic_path, cache_dir, read_json

Array = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int32]

ICT, ICT_URL = "ICT-FaceKit", "https://github.com/ICT-VGL/ICT-FaceKit"
MAKEHUMAN, MAKEHUMAN_URL = "makehuman-assets", "https://github.com/makehumancommunity/makehuman-assets"
IDENTITIES = 100
HAIR = ("bob01", "bob02", "braid01", "long01", "ponytail01", "short02", "short03")
HATS = ("fedora", "fedora_cocked")
CACHE = "ict_light.npz"  # its layout is in docs/reference/file-formats.md


def vector(*values: float) -> Array:
    """Numbers as an array, to calculate with."""
    return np.array(values, np.float64)


@dataclass(frozen=True, eq=False)
class Mesh:
    """Polygons.

    Attributes:
        vertices: (V, 3) in the file's unit.
        loops: (L,) vertices of all polygons, one after the other.
        sizes: (F,) corners of each polygon.
        uv: (L, 2) texture coordinates of the loops, origin at the lower left.
        materials: (F,) index of the `usemtl` line that each polygon stands behind.
    """

    vertices: Array
    loops: Ints
    sizes: Ints
    uv: Array
    materials: Ints


def read_obj(path: Path) -> Mesh:
    """Read a Wavefront OBJ file whose corners are written `vertex/texture`.

    Raises:
        DataError: names a file that cannot be read or has another form.
    """
    vertices: list[list[float]] = []
    texture: list[list[float]] = []
    corners: list[list[str]] = []
    materials: list[int] = []
    current = -1
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                word, *rest = line.split() or [""]
                if word == "v":
                    vertices.append([float(each) for each in rest[:3]])
                elif word == "vt":
                    texture.append([float(each) for each in rest[:2]])
                elif word == "usemtl":
                    current += 1
                elif word == "f":
                    corners.append(rest)
                    materials.append(max(current, 0))
        pairs = np.array([each.split("/")[:2] for face in corners for each in face], np.int32) - 1
        uv = np.array(texture, np.float32)[pairs[:, 1]]
        sizes = np.array([len(face) for face in corners], np.int32)
        return Mesh(np.array(vertices, np.float32), pairs[:, 0], sizes, uv, np.array(materials, np.int32))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, IndexError) as error:
        raise DataError(f"{path}: is not an OBJ file with texture coordinates ({error})") from error


def load_ict(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of ICT-FaceKit's light model, see docs/reference/file-formats.md.

    Args:
        folder: holds a checkout of ICT-FaceKit, or the cache file of one.

    Raises:
        DataError: names the folder and what to clone, or a file that cannot be read.
    """
    cached = next(iter(sorted(folder.rglob(CACHE))), None)
    if cached is None:
        neutral = next(iter(sorted(folder.rglob("FaceXModel/generic_neutral_mesh.obj"))), None)
        if neutral is None:
            raise _missing(folder, ICT, ICT_URL)
        key = hashlib.sha256(f"{neutral.resolve()} {neutral.stat().st_mtime_ns}".encode()).hexdigest()[:12]
        cached = cache_dir() / "synthetic" / key / CACHE
        if not cached.is_file():
            write_ict_cache(neutral.parent, cached)
    try:
        with np.load(cached, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{cached}: cannot be read ({error}); delete it and run again") from error


def write_ict_cache(model: Path, out: Path) -> None:
    """Read the OBJ files of ICT-FaceKit's light model and write their arrays as one file.

    Args:
        model: the folder `FaceXModel`.
        out: the .npz file to write.

    Raises:
        DataError: a file is missing or wrong.
    """
    words = read_json(model / "vertex_indices.json")
    mesh = read_obj(model / "generic_neutral_mesh.obj")
    names = [path.stem for path in sorted(model.glob("*.obj")) if not path.stem.startswith(("identity", "generic"))]
    identities = [_moves(model / f"identity{number:03d}.obj", mesh) for number in range(IDENTITIES)]
    texture, corners = np.unique(mesh.uv, axis=0, return_inverse=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(out) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            V=mesh.vertices,
            VT=texture,
            F=mesh.loops,
            FT=corners.astype(np.int32).ravel(),
            sz=mesh.sizes.astype(np.int8),
            M=mesh.materials.astype(np.int8),
            ids=np.stack(identities),
            ex=np.stack([_moves(model / f"{name}.obj", mesh) for name in names]),
            exn=np.array(names),
            lm=np.array(words["idx_to_landmark_verts"], np.int64),
        )


def _moves(path: Path, neutral: Mesh) -> npt.NDArray[np.float16]:
    """(V, 3) cm, what a blend shape adds to the neutral mesh."""
    vertices = read_obj(path).vertices
    if vertices.shape != neutral.vertices.shape:
        raise DataError(
            f"{path}: has {len(vertices)} vertices, expected {len(neutral.vertices)}; clone {ICT_URL} again"
        )
    return (vertices - neutral.vertices).astype(np.float16)


def load_makehuman(folder: Path, name: str) -> Mesh:
    """A hair or hat of MakeHuman's core assets.

    Args:
        folder: holds a checkout of makehuman-assets, or the .obj and .mhclo files themselves.
        name: in HAIR or HATS.

    Returns:
        The mesh in cm of a head as wide as MakeHuman's own.

    Raises:
        DataError: names the folder and what to clone, or a file that cannot be read.
    """
    path = next(iter(sorted(folder.rglob(f"{name}.obj"))), None)
    if path is None:
        raise _missing(folder, MAKEHUMAN, MAKEHUMAN_URL)
    clothes = path.with_suffix(".mhclo")
    try:
        words = [line.split() for line in clothes.read_text(encoding="utf-8").splitlines()]
        width = next(float(each[3]) for each in words if each[:1] == ["x_scale"])  # of the head that it was made on, dm
    except (OSError, ValueError, StopIteration) as error:
        raise DataError(f"{clothes}: cannot be read; clone {MAKEHUMAN_URL} again") from error
    mesh = read_obj(path)
    return Mesh(mesh.vertices * np.float32(14.3 / width), mesh.loops, mesh.sizes, mesh.uv, mesh.materials)


def _missing(folder: Path, name: str, url: str) -> DataError:
    return DataError(f"{folder}: holds no {name}; run: git clone {url} {folder / name}")
