"""Errors as sent to clients: one line of JSON, according to RFC 9457."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from leadline.errors import readable

MEDIA_TYPE = "application/problem+json"

CLIENT_GONE = 499
"""Status in logs and metrics of a request whose client left before its answer."""


class ProblemError(Exception):
    """A request that is refused: an HTTP status and one sentence for people.

    `reason` is a word for metrics; `headers` are added to the answer.
    """

    def __init__(
        self, status: int, detail: str, reason: str, headers: Mapping[str, str] | None = None
    ):
        super().__init__(detail)
        self.status = status
        self.detail = " ".join(readable(detail).split())
        self.reason = reason
        self.headers = dict(headers or {})


def unavailable(detail: str, reason: str, retry_after: int) -> ProblemError:
    """Return the problem of a request that may succeed after `retry_after` seconds."""
    return ProblemError(503, detail, reason, {"Retry-After": str(retry_after)})


class ClientGoneError(Exception):
    """The client closed its connection before the answer."""


def problem_json(status: int, detail: str, request_id: str) -> bytes:
    """Return the body of a problem answer with `status`."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
    }
    return json.dumps(content).encode("ascii") + b"\n"
