"""The process of `leadline serve`: its socket, its client timeouts, and its shutdown."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from leadline.errors import LeadlineError, one_line
from leadline.io.malloc import keep_freed_memory
from leadline.serving.app import DepthService, create_app, log_start
from leadline.serving.logs import log, log_as_json
from leadline.serving.options import ServeOptions

DRAIN_SECONDS = 1.0
"""How long a stopping server still accepts requests: every answer then ends its connection, and
`/readyz` says no, so that clients and load balancers leave before the socket is closed."""

PATIENCE_SECONDS = 10.0
"""Largest time in which a client must send the head of a request, and read what is sent to it; it
is checked twice in that time."""

KEEP_ALIVE_SECONDS = 30
BACKLOG = 256
LARGEST_PORT = 65535

_KEPT = 128 << 20
"""Bytes of freed memory kept for the next picture."""


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with timeouts for inactive connections.

    uvicorn itself waits forever for an incomplete request, and for a client that does not read.
    """

    _waited_since: object = None
    _unsent = 0

    def connection_made(self, transport: Any) -> None:
        """Start checking the connection periodically."""
        super().connection_made(transport)
        self.loop.call_later(PATIENCE_SECONDS / 2, self._look)

    def _look(self) -> None:
        """End the connection if nothing has changed since the last check."""
        if self not in self.connections:
            return
        unsent = self.transport.get_write_buffer_size()
        waits = self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None
        since = (self.cycle, "head") if waits else None
        stuck = 0 < unsent == self._unsent
        if stuck or (since is not None and since == self._waited_since):
            self.transport.abort()
            return
        self._waited_since, self._unsent = since, unsent
        self.loop.call_later(PATIENCE_SECONDS / 2, self._look)


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which drains its connections before it stops."""

    def __init__(self, config: uvicorn.Config, service: DepthService):
        super().__init__(config)
        self._service = service
        self._stop_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start draining; a second signal stops at once."""
        if self._service.is_draining:
            self.should_exit = self.force_exit = True
            return
        self._service.is_draining = True
        self._stop_at = time.monotonic() + DRAIN_SECONDS

    async def on_tick(self, counter: int) -> bool:
        """Stop accepting requests after the time for clients to leave."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(options: ServeOptions, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C, then answer accepted requests, and return.

    `announce` is called with one line when the server is ready. Port 0 takes a free one.
    Errors: LeadlineError for an address that is not free, or a model that cannot be loaded.
    """
    keep_freed_memory(_KEPT)
    app, service = create_app(options)
    listener = _listen(host, port)
    try:
        service.models.load(service.models.default)
        log_as_json()
        config = uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(options.deadline) + 5,
            backlog=BACKLOG,
        )
        shown, real_port = listener.getsockname()[:2]
        log_start(service)
        announce(
            f"serving {', '.join(options.models)} on http://"
            f"{f'[{shown}]' if ':' in shown else shown}:{real_port} (Ctrl-C ends)"
        )
        DrainingServer(config, service).run(sockets=[listener])
        log("stopped")
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket."""
    if not 0 <= port <= LARGEST_PORT:  # some systems take it modulo 65536
        raise LeadlineError(f"port {port}: give a number from 0, any free one, to {LARGEST_PORT}")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise LeadlineError(f"{host}:{port}: no such address ({one_line(error)})") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise LeadlineError(
            f"{host}:{port}: cannot listen there ({one_line(error)}); give another --port"
        ) from None
    return listener
