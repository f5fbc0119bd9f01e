"""What pages send: bodies of bounded size, and pictures that are decoded in a thread of their own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request

from sdfl.errors import SdflError
from sdfl.runtime.sources.browser import BrowserSource

MAX_PICTURE_BYTES = 4 << 20
MAX_UPLOADS = 8  # pictures that are received or decoded at the same time
MAX_WAITING = 2  # pictures that are decoded or wait for it; a page sends the next one after the answer


class TooLarge(SdflError):
    """The body of a request is too large."""


class TooMany(SdflError):
    """More pictures come than can be taken."""


async def body(request: Request, limit: int) -> bytes:
    """The body of a request.

    Args:
        request: whose body has not been read.
        limit: largest number of bytes.

    Raises:
        TooLarge: it is, or says that it is, larger than `limit` bytes.
    """
    message = f"a request may have at most {limit} bytes"
    if int(request.headers.get("content-length", "0")) > limit:
        raise TooLarge(message)
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > limit:
            raise TooLarge(message)
    return bytes(parts)


class Uploads:
    """Takes pictures for a camera without keeping anything else waiting.

    Args:
        camera: gets the pictures.
    """

    def __init__(self, camera: BrowserSource) -> None:
        self._camera = camera
        self._decoder = ThreadPoolExecutor(1, "decode pictures")
        self._under_way = self._waiting = 0

    async def take(self, request: Request) -> None:
        """Read and decode the picture that a request brings.

        Raises:
            TooLarge: it has too many bytes.
            TooMany: others are still being received or decoded.
            SourceError: as `BrowserSource.put`.
        """
        if self._under_way >= MAX_UPLOADS:
            raise TooMany("too many pictures are being sent; send one at a time")
        self._under_way += 1
        try:
            await self._decode(await body(request, MAX_PICTURE_BYTES))
        finally:
            self._under_way -= 1

    async def _decode(self, jpeg: bytes) -> None:
        if self._waiting >= MAX_WAITING:
            raise TooMany("pictures come faster than they can be decoded; send one at a time")
        self._waiting += 1
        try:
            await asyncio.get_running_loop().run_in_executor(self._decoder, self._camera.put, jpeg)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Decode nothing more; what is being decoded is not waited for."""
        self._decoder.shutdown(wait=False, cancel_futures=True)
