"""Damage, drawn with a seed: to bytes, to text, and to what JSON, TOML and checkpoints hold.

`draw_bytes`, `draw_text` and `draw_tree` take something undamaged and a generator, and return something damaged.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

DEEP = 100_000  # brackets in brackets: more than Python's stack takes
LONG = 6000  # digits: more than Python makes a number of (4300)
LARGE = 1_000_000  # bytes of a file of one value

NUMBERS = (
    "0", "-1", "1e308", "1e999", "-1e308", "1e30", "1e-320", "nan", "NaN", "inf", "Infinity", "-inf", "9" * 25,
    "9" * LONG, "-0.0", "0x10", "1_000", "1,5", "2147483648", "9223372036854775808",
)  # fmt: skip
WORDS = (*NUMBERS, "null", "true", '""', "[]", "{}", "[" * DEEP, '{"a":' * DEEP, "\0", "\ufeff", "\ud800", '"', "\n")
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, float("nan"), float("inf"), 1e30, 2**31, 2**63, 10**25, 0.5, -0.5, "", "x", "x" * 5000,
    "a\nb", [], [None], {}, {"": None}, [[[]]],
)  # fmt: skip
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def _block(data: bytearray, random: Random) -> tuple[int, int]:
    """Begin and end of a piece, most often a small one."""
    length = min(len(data), int(2 ** random.uniform(0, 12)))
    begin = random.randrange(len(data) - length + 1)
    return begin, begin + length


def flip_bit(data: bytearray, random: Random) -> None:
    """One bit of one byte."""
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def set_byte(data: bytearray, random: Random) -> None:
    """One byte becomes another one."""
    at = random.randrange(len(data))
    data[at] = (data[at] + random.randrange(1, 256)) % 256


def cut_off(data: bytearray, random: Random) -> None:
    """The end is missing."""
    del data[random.randrange(len(data)) :]


def remove_block(data: bytearray, random: Random) -> None:
    """A piece is missing."""
    begin, end = _block(data, random)
    del data[begin:end]


def zero_block(data: bytearray, random: Random) -> None:
    """A piece is zeros."""
    begin, end = _block(data, random)
    data[begin:end] = bytes(end - begin)


def fill_block(data: bytearray, random: Random) -> None:
    """A piece is 0xFF: integers without an end in protobuf."""
    begin, end = _block(data, random)
    data[begin:end] = b"\xff" * (end - begin)


def repeat_block(data: bytearray, random: Random) -> None:
    """A piece stands twice."""
    begin, end = _block(data, random)
    data[end:end] = data[begin:end]


def splice(data: bytearray, random: Random) -> None:
    """A piece stands in another place as well, in place of what was there."""
    begin, end = _block(data, random)
    at = random.randrange(len(data) - (end - begin) + 1)
    data[at : at + end - begin] = data[begin:end]


def insert(data: bytearray, random: Random) -> None:
    """Bytes that do not belong there."""
    at = random.randrange(len(data) + 1)
    data[at:at] = random.randbytes(random.randrange(1, 9))


OF_BYTES: tuple[Callable[[bytearray, Random], None], ...] = (
    flip_bit, set_byte, cut_off, remove_block, zero_block, fill_block, repeat_block, splice, insert,
)  # fmt: skip
IN_PLACE = (flip_bit, set_byte, zero_block)  # what failing disks and memories do


def other_file(random: Random) -> bytes:
    """No relation of the file: empty, of one value, or of chance."""
    kinds = (b"", b"\xff" * LARGE, b"\0" * LARGE, b"\x80" * LARGE, random.randbytes(random.randrange(1, 2000)))
    return random.choice(kinds)


def draw_bytes(content: bytes, random: Random) -> bytes:
    """Damage bytes once to three times; one in 30 is another file altogether."""
    if random.randrange(30) == 0:
        return other_file(random)
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        if data:
            random.choice(OF_BYTES)(data, random)
    return bytes(data)


def draw_text(content: bytes, random: Random) -> bytes:
    """Damage a text in UTF-8: a number becomes an extreme one, a line goes or comes twice, or bytes are damaged."""
    text = content.decode()
    kind = random.randrange(5)
    numbers = list(_NUMBER.finditer(text))
    if kind < 2 and numbers:
        found = random.choice(numbers)
        return (text[: found.start()] + random.choice(WORDS) + text[found.end() :]).encode(errors="surrogatepass")
    if kind == 2:
        lines = text.splitlines(keepends=True)
        at = random.randrange(len(lines))
        lines[at : at + 1] = random.choice(([], [lines[at]] * 2, [random.choice(lines)], [random.choice(WORDS)]))
        return "".join(lines).encode(errors="surrogatepass")
    if kind == 3:
        at = random.randrange(len(text) + 1)
        return (text[:at] + random.choice(WORDS) + text[at:]).encode(errors="surrogatepass")
    return draw_bytes(content, random)


def draw_tree(tree: Any, random: Random, values: tuple[Any, ...] = VALUES) -> Any:
    """Damage a tree of dicts and lists once or twice: an entry gets another value, is missing, or is one too many.

    Args:
        tree: stays as it is.
        random: draws.
        values: what entries become.

    Returns:
        A damaged copy; the copy shares what is neither dict nor list.
    """
    tree = _copy(tree)
    for _ in range(random.choice((1, 1, 1, 2))):
        places = list(_places(tree))
        if not places or random.randrange(40) == 0:
            return random.choice(values)
        owner, key = random.choice(places)
        kind = random.randrange(6)
        if kind == 0:
            del owner[key]
        elif kind == 1:
            other, other_key = random.choice(places)
            owner[key] = _copy(other.get(other_key) if isinstance(other, dict) else other[other_key])
        elif kind == 2 and isinstance(owner, list):
            owner.insert(key, random.choice((owner[key], *values)))
        elif kind == 2:
            owner[random.choice(("x", "", "a\nb", 1))] = random.choice(values)
        else:
            owner[key] = random.choice(values)
    return tree


def _copy(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _copy(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_copy(value) for value in tree]
    return copy.copy(tree) if isinstance(tree, str | int | float) else tree


def _places(tree: Any) -> Any:
    """(owner, key) of every entry."""
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in entries:
        yield tree, key
        yield from _places(value)


def draw_json(content: bytes, random: Random) -> bytes:
    """Damage a JSON text: what it holds, or the text itself."""
    if random.randrange(2):
        return draw_text(content, random)
    return json.dumps(draw_tree(json.loads(content), random)).encode()
