"""A page for a web browser: the picture as an MJPEG stream, figures, plots and settings.

Starlette on uvicorn serves it in a thread of its own, so that a slow viewer delays nobody: the tracking thread only
replaces the latest picture.
"""

from __future__ import annotations

import asyncio
import socket
import threading

from sdfl.errors import MissingDependency
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.outputs.graph_overlay import draw_edges
from sdfl.runtime.sources.browser import BrowserSource
from sdfl.runtime.views.base import Controls, FrameExtras, FrameStats
from sdfl.runtime.views.browser.serving import HOST, Server, configure, listen, shown
from sdfl.types import Image

try:
    from sdfl.runtime.views.browser.access import Access
    from sdfl.runtime.views.browser.app import HEADERS, make_app
    from sdfl.runtime.views.browser.feed import Feed
    from sdfl.runtime.views.browser.uploads import Uploads
except ModuleNotFoundError as error:
    if error.name != "starlette":
        raise
    raise MissingDependency("the browser view's server", extra="demo") from error


class BrowserView:
    """A `View` that is a page for a web browser.

    Args:
        say: is told the address to open.
        host: address to listen on, None for this computer only.
        port: port to listen on. None tries 8000, then any free one; 0 takes any free one.
        token: whether a viewer needs the token that is part of the address to open.
        controls: what the page may change, None for nothing.
        camera: takes the pictures of the page's camera, None where frames come from elsewhere.

    Attributes:
        address: the address to open, with the token.

    Raises:
        SdflError: the address or port cannot be used.
    """

    watched = True

    def __init__(
        self,
        *,
        say: Say = to_stderr,
        host: str | None = None,
        port: int | None = None,
        token: bool = True,
        controls: Controls | None = None,
        camera: BrowserSource | None = None,
    ) -> None:
        host = host or HOST
        self._controls = controls
        self._last: Image | None = None
        listener = listen(host, port)
        loop = asyncio.new_event_loop()
        access = Access.to(host, token=token)
        self._feed = Feed(loop)
        self._uploads = Uploads(camera) if camera is not None else None
        app = make_app(self._feed, access, controls, self._uploads)
        self._server = Server(configure(app, HEADERS))
        self._thread = threading.Thread(target=_serve, args=(self._server, loop, listener), name="browser view")
        self._thread.start()
        self.address = f"http://{shown(host)}:{listener.getsockname()[1]}/"
        if access.token is not None:
            self.address += f"?token={access.token}"
        say(f"open {self.address} in a browser; Ctrl-C here ends it")

    def show(self, image: Image, stats: FrameStats) -> bool:
        """Replace the picture that viewers get next; never waits for them.

        The same picture may be shown again while no new one comes: viewers do not get it twice, and the page shows its
        age.
        """
        if image is self._last:
            return True
        self._last = image
        extras = self._controls.extras(stats.frame) if self._controls else FrameExtras([], None)
        for edges in extras.edges:
            image = draw_edges(image, edges)
        self._feed.put(image, stats, extras.jitter_percent)
        return True

    def close(self) -> None:
        """End all streams and free the port."""
        self._feed.end()
        self._server.should_exit = True
        self._thread.join()
        if self._uploads is not None:
            self._uploads.close()


def _serve(server: Server, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
    """The server's thread."""
    asyncio.set_event_loop(loop)
    try:
        with listener:
            loop.run_until_complete(server.serve(sockets=[listener]))
        loop.run_until_complete(_cut(server))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _cut(server: Server) -> None:
    """End what the server has not waited for: requests that it has cancelled, and viewers that take no bytes."""
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
