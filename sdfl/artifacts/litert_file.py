"""A .tflite file that carries its passport: a ZIP archive behind the network.

TensorFlow Lite's own metadata files are attached in this way: what runs a network ignores what follows it, and every
program that reads ZIP archives shows `passport.json`. The archive's comment is the seal.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

from sdfl.artifacts.passport import Passport
from sdfl.artifacts.seal import OF_LITERT
from sdfl.errors import ArtifactError

PASSPORT = "passport.json"
LARGEST_PASSPORT = 2**20  # bytes; one with the points of the self-test has 10,000
# What `zipfile` raises for bytes that are no archive, or one that was made by another program.
_NO_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError, NotImplementedError, RuntimeError, OSError,
    EOFError,
)  # fmt: skip


def with_passport(network: bytes, passport: Passport) -> bytes:
    """The content of the file.

    Args:
        network: as LiteRT's converter writes it.
        passport: of the network.
    """
    file = io.BytesIO()
    file.write(network)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(PASSPORT, passport.to_json())
        archive.comment = OF_LITERT.of(b"")  # of the right length; the hash follows
    content = file.getvalue()[: -OF_LITERT.length]
    return content + OF_LITERT.of(content)


def read_passport(path: Path) -> Passport:
    """Read the passport of a .tflite file.

    Raises:
        ArtifactError: the file is missing, damaged or was not made by `sdfl build`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        text = _passport_text(content)
    except _NO_ARCHIVE as error:
        raise ArtifactError(
            f"{path}: holds no passport, so `sdfl build` did not make it, or it was cut off; copy it again, or build "
            "it: sdfl build MODEL --target litert"
        ) from error
    if not OF_LITERT.fits(content):
        raise ArtifactError(
            f"{path}: does not match the hash of itself, so it is damaged or was changed after it was built; copy it "
            "again, or build it again with `sdfl build`"
        )
    return Passport.from_json(text, str(path))


def _passport_text(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entry = archive.getinfo(PASSPORT)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > LARGEST_PASSPORT:
            raise zipfile.BadZipFile(f"{PASSPORT} is not as it was written")
        return archive.read(entry).decode()
