"""What a URL names: an endless stream, a video with an end, or a picture."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.errors import SourceError
from sdfl.pictures import MAX_PIXELS
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.sources.addresses import without_credentials
from sdfl.runtime.sources.base import FrameSource
from sdfl.runtime.sources.capture import NETWORK_TIMEOUT_MS
from sdfl.runtime.sources.live import LiveSource
from sdfl.runtime.sources.video import VideoSource, pyav
from sdfl.runtime.sources.video.decoder import DecodedFrame, VideoDecoder
from sdfl.runtime.sources.video.opencv import OpencvDecoder
from sdfl.runtime.sources.video.source import check_frames
from sdfl.types import Frame

STALL_S = 20.0  # longer than readers wait by themselves
BACK_OFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
OPTIONS = {"rtsp_transport": "tcp"}  # UDP loses packets, and what is built on them
SAFE = "%/:=&?~+!$,;'@()*[]"  # what an address may hold as it is
LOST = "stopped sending and could not be reached again; check the network, then start again"


def open_url(
    url: str,
    open_file: Callable[[Path, int, Say], FrameSource],
    *,
    max_pixels: int = MAX_PIXELS,
    say: Say = to_stderr,
) -> FrameSource:
    """What a URL names. It is endless where it has no length: RTSP, a camera's MJPEG, a live broadcast.

    Args:
        url: rtsp://, http:// or another one that FFmpeg reads.
        open_file: opens a picture or video on disk, since a picture is downloaded first, and so is a video whose server
            gives no parts of it.
        max_pixels: largest number of pixels of a frame.
        say: is told when a stream stops sending, and when a video was damaged.

    Raises:
        SourceError: it does not answer with video; never shows the password.
    """
    name = without_credentials(url)
    decoder = _decoder(url, name)
    try:
        check_frames(decoder, name, max_pixels)
        kept = decoder.endless or not _must_be_downloaded(url, decoder)
    except SourceError:
        decoder.close()
        raise
    if not decoder.endless:
        decoder.close()
        if kept:
            return VideoSource(
                None,
                name=name,
                opening=lambda: _decoder(url, name),
                described_by=decoder,
                max_pixels=max_pixels,
                say=say,
            )
        if not decoder.still:
            say(f"{name}: its server gives no parts of a file, so it is downloaded first")
        return DownloadedSource(url, name, lambda path, tell: open_file(path, max_pixels, tell), say)

    def reopen() -> DecodedCapture | None:
        try:
            return DecodedCapture(_decoder(url, name))
        except SourceError:
            return None

    return LiveSource(name, DecodedCapture(decoder), reopen, lost=LOST, back_off_s=BACK_OFF_S, stall_s=STALL_S, say=say)


def _decoder(url: str, name: str) -> VideoDecoder:
    try:
        if pyav.library():
            return pyav.PyavDecoder(url, options=OPTIONS, timeout_s=NETWORK_TIMEOUT_MS / 1000)
        return OpencvDecoder(url, network=True)
    except LookupError as error:
        raise SourceError(f"{name}: {error.args[0]}") from None
    except OSError as error:
        reason = f" ({error.strerror})" if error.strerror else ""
        raise SourceError(
            f"{name}: does not answer with video{reason}; check the address, the network and the password"
        ) from None


def _must_be_downloaded(url: str, decoder: VideoDecoder) -> bool:
    """Whether this is a picture, or the server does not let the decoder jump to the frames of a video."""
    if not url.lower().startswith(("http:", "https:")):
        return False
    try:
        return decoder.still or next(iter(decoder), None) is None
    except OSError:
        return True


class DownloadedSource(FrameSource):
    """What a web server gives, as a temporary copy that is removed with the source.

    Args:
        url: http:// or https://, may hold a user and a password.
        name: what messages call it.
        open_file: opens the copy; takes what is told of it.
        say: takes one-line remarks.

    Raises:
        SourceError: the server does not give it, or it can be neither read as a picture nor as a video.
    """

    def __init__(self, url: str, name: str, open_file: Callable[[Path, Say], FrameSource], say: Say) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="sdfl-")
        self._path = Path(self._folder.name) / "download"
        try:
            download(url, self._path)
            self._inner = open_file(self._path, lambda line: say(self._named(line)))
        except SourceError as error:
            self.close()
            raise SourceError(self._named(str(error))) from None
        except (OSError, HTTPException, EOFError, zlib.error, ValueError) as error:
            self.close()
            reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
            raise SourceError(f"{name}: cannot be downloaded ({reason}); check the network and the disk") from None
        except BaseException:
            self.close()
            raise
        self.fps, self.num_frames = self._inner.fps, self._inner.num_frames
        self.stills, self.loops = self._inner.stills, self._inner.loops

    def __iter__(self) -> Iterator[Frame]:
        try:
            for frame in self._inner:
                yield Frame(frame.image, frame.index, frame.timestamp_s)
        except SourceError as error:
            raise SourceError(self._named(str(error))) from None

    def close(self) -> None:
        """Remove the copy. May be called twice."""
        self._folder.cleanup()

    def _named(self, text: str) -> str:
        return text.replace(str(self._path), self.name)


def download(url: str, path: Path) -> None:
    """Copy what a web server gives into a file.

    Args:
        url: http:// or https://, may hold a user and a password.
        path: of the file to write.

    Raises:
        OSError: the server does not give it, or the disk is full.
    """
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    plain = parts._replace(netloc=place, path=quote(parts.path, SAFE), query=quote(parts.query, SAFE))
    request = Request(urlunsplit(plain), headers={"Accept-Encoding": "identity"})
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        # Unlike other headers, it is not passed on when the server names another address.
        request.add_unredirected_header("Authorization", f"Basic {b64encode(pair.encode()).decode()}")
    with urlopen(request, timeout=NETWORK_TIMEOUT_MS / 1000) as answer, path.open("wb") as file:
        packed = answer.headers.get("Content-Encoding") == "gzip"
        shutil.copyfileobj(gzip.GzipFile(fileobj=answer) if packed else answer, file)


class DecodedCapture:
    """A decoder as a reader of a live source (see `Capture`).

    Args:
        decoder: opened.
    """

    def __init__(self, decoder: VideoDecoder) -> None:
        self._decoder = decoder
        self._frames: Iterator[DecodedFrame] = iter(decoder)

    def read(self) -> tuple[bool, npt.NDArray[Any]]:
        """Whether there is a next frame, and the frame."""
        try:
            return True, next(self._frames).image
        except (StopIteration, OSError):
            return False, np.zeros(0, np.uint8)

    def get(self, prop: int, /) -> float:
        """The rate for `cv2.CAP_PROP_FPS`, 0 for everything else."""
        return self._decoder.fps if prop == cv2.CAP_PROP_FPS else 0.0

    def release(self) -> None:
        """Close the connection."""
        self._decoder.close()
