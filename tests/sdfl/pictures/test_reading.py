"""A picture file is read right whatever its name, or refused in one sentence before it costs memory or time."""

from __future__ import annotations

import io
import logging
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pil
from PIL import features

from sdfl.errors import DataError
from sdfl.pictures import read_picture
from sdfl.pictures.jpeg import MAX_SCANS
from sdfl.runtime.sources.sample import astronaut
from sdfl.types import Image

pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")

ORIENTATION = 0x0112
TRANSPOSED = {  # orientation -> how a camera that is held so stores an upright picture
    1: None,
    2: Pil.Transpose.FLIP_LEFT_RIGHT,
    3: Pil.Transpose.ROTATE_180,
    4: Pil.Transpose.FLIP_TOP_BOTTOM,
    5: Pil.Transpose.TRANSPOSE,
    6: Pil.Transpose.ROTATE_90,
    7: Pil.Transpose.TRANSVERSE,
    8: Pil.Transpose.ROTATE_270,
}
HAS_AVIF = features.check("avif")
LOSSY = 5.0  # mean difference of 8-bit values that compression makes; of a wrong orientation it is above 50


def picture() -> Pil.Image:
    """Higher than wide, so that a wrong orientation has a wrong shape."""
    return Pil.fromarray(np.ascontiguousarray(astronaut()[:, 64:364, ::-1]))


def bgr(of: Pil.Image) -> Image:
    return np.ascontiguousarray(np.asarray(of.convert("RGB"))[:, :, ::-1])


def encoded(kind: str, of: Pil.Image | None = None, **options: Any) -> bytes:
    if kind == "AVIF" and not HAS_AVIF:
        pytest.skip("this Pillow has no AVIF")
    file = io.BytesIO()
    (of or picture()).save(file, kind, **options)
    return file.getvalue()


def by_opencv(suffix: str, pixels: np.ndarray) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


def read(folder: Path, content: bytes, name: str = "picture", **options: Any) -> Image:
    path = folder / name
    path.write_bytes(content)
    return read_picture(path, **options)


def refused(folder: Path, content: bytes, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, content, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{folder}/picture: ")
    return message


def exif(orientation: int) -> Pil.Exif:
    table = Pil.Exif()
    table[ORIENTATION] = orientation
    return table


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", TRANSPOSED)
def test_every_orientation_is_turned_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    turn = TRANSPOSED[orientation]
    stored = picture() if turn is None else picture().transpose(turn)
    image = read(tmp_path, encoded(kind, stored, exif=exif(orientation)))
    assert image.shape == (512, 300, 3)
    assert cv2.absdiff(image, bgr(picture())).mean() < LOSSY


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "jpeg"])
def test_a_compressed_tiff_is_turned_once(tmp_path: Path, compression: str) -> None:
    stored = picture().transpose(Pil.Transpose.ROTATE_90)
    image = read(tmp_path, encoded("TIFF", stored, exif=exif(6), compression=compression))
    assert cv2.absdiff(image, bgr(picture())).mean() < LOSSY


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_broken_exif_block_does_not_lose_the_picture(tmp_path: Path, kind: str) -> None:
    content = encoded(kind, exif=b"Exif\0\0II*\0\xff\xff\xff\xff\1\2\3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cv2.absdiff(read(tmp_path, content), bgr(picture())).mean() < LOSSY


GREY16 = np.asarray(picture().convert("L")).astype(np.uint16) * 257 + 3
KINDS: list[Any] = [
    pytest.param(lambda: encoded("JPEG"), id="JPEG"),
    pytest.param(lambda: encoded("JPEG", progressive=True), id="progressive JPEG"),
    pytest.param(lambda: encoded("JPEG", picture().convert("CMYK")), id="CMYK JPEG of Adobe's kind"),
    pytest.param(lambda: encoded("JPEG", picture().convert("L")), id="grey JPEG"),
    pytest.param(lambda: encoded("JPEG") + b"trailing\xff\xd8\xff" * 99, id="JPEG with something behind it"),
    pytest.param(lambda: encoded("PNG"), id="PNG"),
    pytest.param(lambda: encoded("PNG") + bytes(99), id="PNG with something behind it"),
    pytest.param(lambda: encoded("PNG", picture().convert("RGBA")), id="PNG with alpha"),
    pytest.param(lambda: encoded("PNG", picture().convert("LA")), id="grey PNG with alpha"),
    pytest.param(lambda: encoded("PNG", picture().convert("1")), id="black and white PNG"),
    pytest.param(lambda: encoded("PNG", picture().quantize(64)), id="PNG with a palette"),
    pytest.param(lambda: encoded("PNG", icc_profile=b"no profile"), id="PNG with a broken colour profile"),
    pytest.param(lambda: by_opencv(".png", GREY16), id="grey PNG of 16 bits"),
    pytest.param(lambda: by_opencv(".png", np.dstack([GREY16] * 3)), id="PNG of 16 bits"),
    pytest.param(lambda: encoded("BMP"), id="BMP"),
    pytest.param(lambda: encoded("WEBP"), id="WebP"),
    pytest.param(lambda: encoded("TIFF"), id="TIFF"),
    pytest.param(lambda: encoded("TIFF", picture().convert("CMYK")), id="CMYK TIFF"),
    pytest.param(lambda: encoded("TIFF", picture().convert("1"), compression="group4"), id="fax TIFF"),
    pytest.param(lambda: by_opencv(".tif", GREY16), id="grey TIFF of 16 bits"),
    pytest.param(lambda: by_opencv(".tif", np.dstack([GREY16] * 3)), id="TIFF of 16 bits"),
    pytest.param(lambda: encoded("PPM"), id="PPM"),
    pytest.param(lambda: by_opencv(".pgm", GREY16), id="PGM of 16 bits"),
    pytest.param(lambda: encoded("JPEG2000"), id="JPEG 2000"),
]


@pytest.mark.parametrize("make", KINDS)
def test_pixels_are_those_of_opencv(tmp_path: Path, make: Callable[[], bytes]) -> None:
    content = make()
    expected = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    image = read(tmp_path, content, "named.wrongly")
    assert image.dtype == np.uint8
    assert image.shape == expected.shape
    assert cv2.absdiff(image, expected).max() <= 1  # libraries round 16 bits differently


@pytest.mark.parametrize("kind", ["GIF", "AVIF"])
def test_kinds_that_older_opencv_has_not(tmp_path: Path, kind: str) -> None:
    assert cv2.absdiff(read(tmp_path, encoded(kind)), bgr(picture())).mean() < 5  # a palette of 256 colours


def test_a_small_range_of_values_is_stretched(tmp_path: Path) -> None:
    assert read(tmp_path, b"P5 2 1\n# a comment\n15\n\x0f\x05").tolist() == [[[255] * 3, [85] * 3]]


def test_heic_is_read_with_its_plug_in_and_named_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    assert "HEIC pictures cannot be read here; add the reader: pip install pillow-heif" in refused(tmp_path, head)
    monkeypatch.undo()
    plug_in = pytest.importorskip("pillow_heif", reason="HEIC is written and read by pillow-heif")
    plug_in.register_heif_opener()
    assert cv2.absdiff(read(tmp_path, encoded("HEIF"), "a.jpg"), bgr(picture())).mean() < LOSSY


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_what_is_cut_off_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    content = encoded(kind)
    assert "cut off" in refused(tmp_path, content[: int(share * len(content))])


def test_a_download_that_left_zeros_is_refused(tmp_path: Path) -> None:
    content = encoded("JPEG")
    assert "cut off" in refused(tmp_path, content[: len(content) // 2] + bytes(len(content) // 2))


@pytest.mark.parametrize("behind", [b"", bytes(5000)], ids=["the end", "zeros"])
def test_a_jpeg_that_lacks_only_its_end_marker_is_read(tmp_path: Path, behind: bytes) -> None:
    content = encoded("JPEG")
    np.testing.assert_array_equal(read(tmp_path, content[:-2] + behind), read(tmp_path, content))


def test_a_png_without_its_last_chunk_or_with_a_damaged_extra_is_read(tmp_path: Path) -> None:
    content = encoded("PNG")
    damaged = struct.pack(">I4sI", 4, b"gAMA", 100_000) + b"sum?"
    for changed in (content[:-12], content[:33] + damaged + content[33:]):
        np.testing.assert_array_equal(read(tmp_path, changed), bgr(picture()))


def png_header(width: int, height: int, colour: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body)) + b"\0\0\0\0IDAT"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(png_header(60_000, 60_000, 2), "has 60000 x 60000 px; at most 32766 px a side", id="huge"),
        pytest.param(png_header(30_000, 30_000, 0), "has 30000 x 30000 px, more than 100 megapixels", id="grey"),
        pytest.param(png_header(32_767, 1, 0), "has 32767 x 1 px; at most 32766 px a side", id="wide"),
        pytest.param(png_header(10_000, 10_001, 0), "more than 100 megapixels; reduce it, or raise", id="a bit"),
        pytest.param(
            b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2, "has 16384 x 16384 px", id="WebP"
        ),
        pytest.param(
            b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0\xff\xda\0\2", "has 65535 x 65535", id="JPEG"
        ),
        pytest.param(b"P6 20000 20000 255\n", "has 20000 x 20000 px, more than 100", id="PPM"),
        pytest.param(b"", "is not a picture that can be decoded: the file is empty", id="nothing"),
        pytest.param(b"BM, a text", "is not a picture that can be decoded", id="a text"),
        pytest.param(b"\xff\x0a" + bytes(60), "JPEG XL pictures cannot be read here; convert", id="JPEG XL"),
        pytest.param(by_opencv(".tif", GREY16.astype(np.float32)), "holds floating-point numbers", id="floats"),
        pytest.param(by_opencv(".tif", GREY16.astype(np.int32)), "32 bits", id="long integers"),
    ],
)
def test_what_is_no_usable_picture_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refused(tmp_path, content)


def test_the_limit_can_be_changed_and_nothing_of_pillow_stays_changed(tmp_path: Path) -> None:
    before, tiff = (Pil.MAX_IMAGE_PIXELS, list(warnings.filters)), encoded("TIFF")
    assert "more than 0.1 megapixels" in refused(tmp_path, encoded("PNG"), max_pixels=100_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pil, "MAX_IMAGE_PIXELS", 1000)
        threads = [threading.Thread(target=read, args=(tmp_path, tiff, str(i))) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert read(tmp_path, tiff).shape == (512, 300, 3)
        assert Pil.MAX_IMAGE_PIXELS == 1000
    assert before == (Pil.MAX_IMAGE_PIXELS, list(warnings.filters))


def test_a_jpeg_of_very_many_scans_is_refused(tmp_path: Path) -> None:
    content = encoded("JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    assert f"more than {MAX_SCANS} scans" in refused(tmp_path, content[:-2] + last * MAX_SCANS + b"\xff\xd9")


def test_thumbnails_and_what_follows_the_picture_count_nothing(tmp_path: Path) -> None:
    small = encoded("JPEG", picture().resize((60, 90)), progressive=True)
    last = small[small.rindex(b"\xff\xda") : -2]
    inner = b"Exif\0\0" + small[:-2] + last * MAX_SCANS + b"\xff\xd9"
    content = encoded("JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(inner) + 2) + inner
    motion = content[:2] + segment + content[2:] + b"\0\0\0\x18ftypmp42" + last * MAX_SCANS
    np.testing.assert_array_equal(read(tmp_path, motion), read(tmp_path, content))


@pytest.mark.parametrize(
    ("make", "remark"),
    [
        pytest.param(lambda o: encoded("TIFF", save_all=True, append_images=[o]), "several pages", id="pages"),
        pytest.param(lambda o: encoded("GIF", save_all=True, append_images=[o]), "is an animation", id="GIF"),
        pytest.param(lambda o: encoded("WEBP", save_all=True, append_images=[o]), "is an animation", id="WebP"),
        pytest.param(lambda o: encoded("MPO", save_all=True, append_images=[o]), "", id="a pair for both eyes"),
    ],
)
def test_of_several_pictures_the_first_is_taken(
    tmp_path: Path, make: Callable[[Pil.Image], bytes], remark: str
) -> None:
    said: list[str] = []
    image = read(tmp_path, make(picture().rotate(90)), say=said.append)
    assert cv2.absdiff(image, bgr(picture())).mean() < 6  # a palette, and compression
    assert len(said) == bool(remark)
    assert all(remark in line for line in said)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, message in {
        "gone.jpg": "No such file",
        "loop.jpg": "symbolic links",
        "folder.jpg": "is not a file",
        "pipe.jpg": "is not a file",
    }.items():
        with pytest.raises(DataError, match=message):
            read_picture(tmp_path / name)


def test_a_name_with_a_line_break_stays_in_one_line(tmp_path: Path) -> None:
    assert read(tmp_path, encoded("PNG"), "50%\nof ü.png").shape == (512, 300, 3)
    with pytest.raises(DataError, match=r"50%\\nof") as caught:
        read(tmp_path, b"", "50%\nof ü.png")
    assert "\n" not in str(caught.value)


def test_pillow_says_nothing_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(tmp_path, encoded("TIFF", exif=exif(1))[:-30])
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("PIL").handlers)
