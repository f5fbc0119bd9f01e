"""A model file's hash of itself, in its last bytes, so that no byte can change unnoticed.

In an ONNX file it is a metadata entry, in an OpenVINO IR a comment, in a .tflite file the comment of the archive that
holds its passport: programs that know nothing of it read the file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FILE_HASH = "sdfl.file_sha256"


@dataclass(frozen=True)
class Seal:
    """How the SHA-256 of all bytes before stands at the end of a file.

    Attributes:
        before: the bytes before the 64 hexadecimal digits.
        after: the bytes behind them.
    """

    before: bytes
    after: bytes

    @property
    def length(self) -> int:
        """Bytes."""
        return len(self.before) + 64 + len(self.after)

    def of(self, content: bytes | memoryview) -> bytes:
        """The last bytes of a file that begins with `content`."""
        return self.before + hashlib.sha256(content).hexdigest().encode() + self.after

    def add(self, path: Path) -> None:
        """Seal a file that has no seal yet and, as of `atomic_path`, does not have its final name yet."""
        content = path.read_bytes()
        with path.open("ab") as file:
            file.write(self.of(content))

    def fits(self, content: bytes | memoryview) -> bool:
        """Whether the file ends in a seal, and nothing before it was changed."""
        length = self.length
        return len(content) >= length and self.of(content[:-length]) == content[-length:]


def _metadata_entry() -> Seal:
    """Field 14 of ModelProto, a message of key and value; the value is JSON like those of all entries."""
    key = FILE_HASH.encode()
    value = b'\x12\x42"'
    length = 2 + len(key) + len(value) + 64 + 1
    return Seal(b"\x72" + bytes([length]) + b"\x0a" + bytes([len(key)]) + key + value, b'"')


OF_ONNX = _metadata_entry()
OF_LITERT = Seal(f"{FILE_HASH}: ".encode(), b"")
OF_IR = Seal(f"<!-- {FILE_HASH}: ".encode(), b" -->\n")
