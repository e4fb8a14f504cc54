"""Read the body of a request, within limits of size and time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from leadline.serving.options import ServeOptions
from leadline.serving.problems import ClientGoneError, ProblemError, unavailable

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

LINGER_SECONDS = 1.0
"""How long a client that sends too much may go on, so that it reads the answer, not a reset."""


class Body:
    """The bytes of one request, which count as held until every `with` block over them has ended.

    Several blocks may be open at a time: that of the request, and those of its work, which may end
    later. They are entered and left in the thread of the event loop.
    """

    def __init__(self, reader: BodyReader):
        self._reader = reader
        self._buffer = bytearray()
        self._blocks = 0
        self.size = 0

    def __enter__(self) -> Body:
        self._blocks += 1
        return self

    def __exit__(self, *_error: object) -> None:
        self._blocks -= 1
        if self._blocks == 0:
            self._reader.held -= self.size

    def add(self, part: bytes) -> None:
        """Append received bytes."""
        self._buffer += part
        self.size += len(part)
        self._reader.held += len(part)

    def take(self) -> bytes:
        """Return all bytes received, without keeping a copy; they still count as held."""
        content = bytes(self._buffer)
        self._buffer.clear()
        return content


class BodyReader:
    """Reads bodies; together they may hold at most `options.body_memory` bytes."""

    def __init__(self, options: ServeOptions):
        self._limit = options.max_body
        self._memory = options.body_memory
        self.held = 0

    async def read(
        self, body: Body, headers: Mapping[str, str], receive: Receive, deadline: float
    ) -> None:
        """Read the body of a request; `deadline` is a time of `time.monotonic`.

        Errors: ProblemError 413 for too many bytes, as soon as they are announced or received, 408
        for a client that is too slow, 503 if the bodies of other requests fill the memory;
        ClientGoneError.
        """
        self._check_length(headers)
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                while await self._read_part(body, receive):
                    pass
        except TimeoutError:
            raise ProblemError(
                408, f"the request did not arrive in time: {body.size:,} bytes came", "slow body"
            ) from None

    def _check_length(self, headers: Mapping[str, str]) -> None:
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise ProblemError(400, f"Content-Length {length!r} is no number", "request")
        if len(length) > 18 or int(length) > self._limit:
            raise self._too_large()

    async def _read_part(self, body: Body, receive: Receive) -> bool:
        """Add the next part to a body; return whether there may be more."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        if body.size + len(part) > self._limit:
            raise self._too_large()
        if self.held + len(part) > self._memory:
            raise unavailable("too many requests are being read; try again later", "body memory", 1)
        body.add(part)
        return bool(message.get("more_body", False))

    def _too_large(self) -> ProblemError:
        return ProblemError(413, f"the request is larger than {self._limit:,} bytes", "body size")


async def discard(receive: Receive, most: int) -> None:
    """Read and discard up to `most` more bytes, for a short time."""
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while most > 0:
                message = await receive()
                most -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
