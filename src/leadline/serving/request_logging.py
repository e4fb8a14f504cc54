"""The frame of every request: its id, its time, its log line, and the end of its connection."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from leadline.serving.body import Receive, discard
from leadline.serving.logs import LOGGER, log
from leadline.serving.metrics import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ROUTES = frozenset(
    {"/", "/v1/depth", "/v1/models", "/healthz", "/readyz", "/metrics", "/openapi.json"}
)
"""Routes that metrics distinguish; all others are "other"."""

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes polled every few seconds, which are logged only if the answer is not 200."""


class RequestLogging:
    """An ASGI middleware.

    Every answer has the request's id: that of the header X-Request-ID, or a new one. If a request
    is answered before all of it was read, the rest is discarded for a short time and the connection
    ends, since the rest could not be distinguished from the next request.
    """

    def __init__(
        self, app: App, metrics: Metrics, is_draining: Callable[[], bool], most_discarded: int
    ):
        self._app = app
        self._metrics = metrics
        self._is_draining = is_draining
        self._most_discarded = most_discarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or pass on the start and the end of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._is_draining, self._most_discarded)
        scope.setdefault("state", {})["record"] = exchange.record
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            # FastAPI has sent an answer, and raises the error again for logging.
            LOGGER.exception("fault", extra={"fields": exchange.record})
        finally:
            self._note(scope, exchange)

    def _note(self, scope: Scope, exchange: _Exchange) -> None:
        route = scope["path"] if scope["path"] in ROUTES else "other"
        seconds = time.monotonic() - exchange.began
        self._metrics.requests.labels(route, str(exchange.status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route in _QUIET and exchange.status == 200:
            return
        record = exchange.record | {
            "status": exchange.status,
            "ms": round(1000 * seconds, 1),
            "answer_bytes": exchange.sent,
        }
        level = logging.WARNING if exchange.status >= 500 else logging.INFO
        log("request", level, **record)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        is_last: Callable[[], bool],
        most_discarded: int,
    ):
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        self.request_id = given.decode() if _ID.fullmatch(given) else secrets.token_hex(16)
        self.began = time.monotonic()
        self.status = 0
        self.sent = 0
        client = scope.get("client")
        self.record: dict[str, Any] = {
            "request_id": self.request_id,
            "client": client and client[0],
            "method": scope["method"],
            "path": scope["path"][:200],
        }
        self._receive, self._send, self._is_last = receive, send, is_last
        self._unread = headers.get(b"content-length", b"0") != b"0" or (
            b"transfer-encoding" in headers
        )
        # With "Expect: 100-continue", do not ask for the body only to discard it.
        self._may_discard = headers.get(b"expect", b"").lower() != b"100-continue"
        self._most_discarded = most_discarded

    async def receive(self) -> Message:
        """Receive, and record the end of the request."""
        self._may_discard = True
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        """Send, with the headers of every answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), (b"x-request-id", self.request_id.encode())]
            headers.append((b"x-content-type-options", b"nosniff"))
            if self._unread and self._may_discard:
                await discard(self.receive, self._most_discarded)
            if self._unread or self._is_last():
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        self.sent += len(message.get("body", b""))
        await self._send(message)
