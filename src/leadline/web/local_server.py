"""Serve the page on this machine only, with the headers that allow it several threads."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from leadline.errors import LeadlineError, one_line
from leadline.web.page import content_of

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every answer of a server of the page; the first two allow threads."""

LOOPBACK = "127.0.0.1"

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".wasm": "application/wasm",
}


def media_type(name: str) -> str:
    """Return the media type of a page file by its suffix.

    >>> media_type("app.js")
    'text/javascript; charset=utf-8'
    """
    return _MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream")


def open_server(files: Mapping[str, Path | bytes], port: int = 0) -> ThreadingHTTPServer:
    """Return a server of `files` on the loopback address, to be run with `serve_forever`.

    Only the keys of `files` exist as addresses; request paths are never looked up on the disk.
    `port` 0 takes a free one, in `server.server_port`.
    Errors: LeadlineError for a port that cannot be used.
    """
    handler = type("PageHandler", (_Handler,), {"files": files})
    try:
        return _Server((LOOPBACK, port), handler)
    except (OSError, OverflowError) as error:
        raise LeadlineError(
            f"port {port}: cannot be used ({one_line(error)}); give another --port, or 0"
        ) from error


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that leaves while a file is sent."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    files: Mapping[str, Path | bytes] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send one file."""
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        """Send the headers of one file."""
        self._answer(with_content=False)

    def _answer(self, with_content: bool) -> None:
        name = unquote(urlsplit(self.path).path).lstrip("/") or "index.html"
        file = self.files.get(name)
        if file is None:
            self.send_error(404, "There is no such file")
            return
        try:
            content = content_of(file)
        except LeadlineError as error:
            self.send_error(500, "A file of the page cannot be read", str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", media_type(name))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-cache")
        for header, value in HEADERS.items():
            self.send_header(header, value)
        self.end_headers()
        if with_content:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing, since the terminal shows only the address of the page."""
