"""sdfl web: the page that tracks faces in the browser itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def web(
    out: Annotated[
        Path | None,
        typer.Option(help="Write the page and its library into this folder, for any static host, and serve nothing."),
    ] = None,
    https: Annotated[
        bool,
        typer.Option(
            "--https",
            help="Serve it with a certificate that this computer makes, to every address of it: phones allow the "
            "camera over https alone.",
        ),
    ] = False,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on. Default: 127.0.0.1, this computer only; with --https every address."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on, 0 for any free one. Default: 8000 if it is free."),
    ] = None,
) -> None:
    """Track faces in the browser of a computer or phone: the page computes on that device and sends nothing."""
    from sdfl.errors import ConfigError

    if out is not None:
        if https or host is not None or port is not None:
            raise ConfigError("--out writes a folder and serves nothing; leave out --https, --host and --port")
        from sdfl.runtime.web.site import write_site

        size = write_site(out)
        typer.echo(f"wrote {out}: {size / 1e6:.0f} MB, of which a page loads 4 MB; serve it over https")
        return
    from sdfl.runtime.web.server import serve

    serve(host=host, port=port, https=https)
