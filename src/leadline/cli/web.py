"""`leadline web`: the page that predicts in the browser."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.inputs import check_needed
from leadline.errors import LeadlineError
from leadline.io.atomic import check_writable
from leadline.web import open_server
from leadline.web.page import PageFiles, page_files, write_files
from leadline.weights import DEFAULT_MODEL


def web_command(
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="Output folder for the page, which any web server can host."
        ),
    ] = None,
    show: Annotated[
        bool,
        typer.Option(
            "--open", help="Serve the page on this machine only, and open it in the browser."
        ),
    ] = False,
    model: Annotated[
        str, typer.Option(help="Shipped model, run folder, model folder, or .onnx.")
    ] = DEFAULT_MODEL,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="With --open: port (default: 0, a free one)."),
    ] = None,
    browser: Annotated[
        bool | None,
        typer.Option(
            "--browser/--no-browser", help="With --open: start the browser (default), or do not."
        ),
    ] = None,
) -> None:
    """Write or open a web page that predicts depth inside the browser.

    The photograph never leaves the device. The folder holds the page, the model and all libraries;
    the page loads nothing else.
    """
    if out is None and not show:
        raise LeadlineError("nothing to do: give -o FOLDER to write the page, --open to see it")
    check_needed("--port", port, "--open", show)
    check_needed("--browser or --no-browser", None if browser is None else True, "--open", show)
    if out is not None:
        check_writable(out)
    files = page_files(model)
    if out is not None:
        size = write_files(out, files)
        typer.echo(f"{out}/index.html and what it needs: {size / 1e6:.1f} MB, for any web server")
    if show:
        serve_until_interrupted(files, port or 0, browser is not False)


def serve_until_interrupted(files: PageFiles, port: int, browser: bool) -> None:
    """Serve the page on the loopback address and start the browser, until Control-C."""
    with open_server(files, port) as server:
        address = f"http://localhost:{server.server_port}/"
        typer.echo(f"{address}  (Control-C ends it)")
        if browser and not webbrowser.open(address):
            typer.echo("no browser could be started here; open that address in one", err=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("ended")
