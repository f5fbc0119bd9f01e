"""Pictures that a browser sends: strangers' bytes become a frame or one sentence, and never a large picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from toy_face import scene

from sdfl.errors import SourceError
from sdfl.runtime.sources.browser import JPEG_START, MAX_SIDE_PX, BrowserSource
from sdfl.types import Image

DAMAGED = "the JPEG cannot be decoded; it is cut off or damaged"


def jpeg(image: Image) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


def frame_header(marker: int, width: int, height: int) -> bytes:
    """A start-of-frame segment of a JPEG of three colours."""
    sizes = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes([0xFF, marker, 0, 17, 8]) + sizes + bytes.fromhex("03012200021101031101")


def sent(content: bytes) -> Image:
    source = BrowserSource(clock=lambda: 5.0)
    source.put(content)
    frame = next(iter(source))
    assert frame.timestamp_s == 5.0
    return frame.image


PICTURE = jpeg(scene((160, 120, 40)))
WITH_TWO_SIZES = JPEG_START[:2] + frame_header(0xC0, 8192, 8192) + PICTURE[2:]


def test_a_picture_becomes_a_frame() -> None:
    assert np.abs(sent(PICTURE).astype(int) - scene((160, 120, 40))).mean() < 4
    assert sent(jpeg(np.full((8, 9), 100, np.uint8))).shape == (8, 9, 3), "grey"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is no JPEG; send image/jpeg", id="nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "is no JPEG", id="PNG"),
        pytest.param(PICTURE[:100], DAMAGED, id="cut off in its header"),
        pytest.param(jpeg(np.zeros((10, MAX_SIDE_PX + 1, 3), np.uint8)), "has 4097 x 10 px; at most 4096", id="large"),
        pytest.param(
            JPEG_START[:2] + frame_header(0xC0, 65535, 65535),
            f"has 65535 x 65535 px|{DAMAGED}",
            id="gigabytes; OpenCV 4.8 calls them damaged",
        ),
        pytest.param(WITH_TWO_SIZES, "has 8192 x 8192 px; at most 4096", id="a large size behind a small one"),
    ],
)
def test_what_is_no_usable_picture_is_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        BrowserSource().put(content)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real picture with some bytes changed and its end perhaps cut off."""
    content = bytearray(PICTURE)
    for place, value in draw(st.lists(st.tuples(st.integers(2, 700), st.integers(0, 255)), max_size=8)):
        content[place] = value
    return bytes(content[: draw(st.integers(3, len(content)))])


@given(st.one_of(damaged(), st.binary(max_size=300).map(lambda rest: JPEG_START + rest), st.binary(max_size=20)))
@example(WITH_TWO_SIZES)
def test_any_bytes_are_a_picture_of_bounded_size_or_one_sentence(content: bytes) -> None:
    try:
        image = sent(content)
    except SourceError:
        return
    assert image.ndim == 3
    assert max(image.shape[:2]) <= MAX_SIDE_PX
