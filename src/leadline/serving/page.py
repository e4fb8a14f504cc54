"""The response to `GET /`: the page of `leadline[web]` if installed, else a short text."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from threading import Lock

from leadline.errors import LeadlineError, one_line
from leadline.serving.logs import log
from leadline.web import HEADERS, media_type, page_files

CONFIG = "config.json"
_PACKAGE = "leadline_web"
SERVER = {"depth": "v1/depth", "models": "v1/models"}
"""The server's addresses in the page's config, relative to the page."""

PAGE_HEADERS = {name: value for name, value in HEADERS.items() if "Content-Type" not in name}
"""Headers of the page, except those that every answer has."""

_PLAIN = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Leadline</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 42rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow: auto }}
</style>
<h1>Leadline: one photograph in, metres out</h1>
<p>This server answers <code>POST /v1/depth</code> with the depth of a photograph in metres, by
{models}.</p>
<pre>curl -F file=@photo.jpg -o depth.png URL/v1/depth
curl -F file=@photo.jpg -o color.png 'URL/v1/depth?format=color-png'</pre>
<p>Its parameters and formats: <a href="openapi.json">openapi.json</a>. There is a page to drop
photographs on, which {absence}.</p>
</html>
"""
_NOT_INSTALLED = "is not installed here: <code>pip install 'leadline[web]'</code>"
_NOT_MADE = "could not be put together here; the server's log says why"


@dataclass(frozen=True)
class PageFile:
    """One file of the page; `digest` is its SHA-256 in hexadecimal."""

    source: Path | bytes
    media_type: str
    digest: str

    def read(self) -> bytes:
        """Return the content."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


class Page:
    """The files of the page with a model, assembled on the first request."""

    def __init__(self, model: str | Path):
        self._model = model
        self._lock = Lock()
        self._files: Mapping[str, Path | bytes] | None = None
        self._is_installed = True
        self._digests: dict[str, tuple[object, str]] = {}

    def file(self, name: str) -> PageFile | None:
        """Return one of the page's files, None for an unknown name.

        Names are looked up only among the page's files, never on the disk. A file's digest is
        computed once, and again if its size or time has changed.
        """
        with self._lock:
            if self._files is None:
                self._files = self._put_together()
        found = self._files.get(name)
        if found is None:
            return None
        known = self._digests.get(name)
        state = _state(found)
        if known is None or known[0] != state:
            content = found if isinstance(found, bytes) else found.read_bytes()
            known = self._digests[name] = (state, hashlib.sha256(content).hexdigest())
        return PageFile(found, media_type(name), known[1])

    def _put_together(self) -> Mapping[str, Path | bytes]:
        try:
            files = dict(page_files(self._model))
        except (LeadlineError, ModuleNotFoundError, OSError) as error:
            log("no page", logging.WARNING, reason=one_line(error))
            self._is_installed = getattr(error, "name", None) != _PACKAGE
            return {}
        config = files[CONFIG]
        text = config if isinstance(config, bytes) else config.read_bytes()
        return {**files, CONFIG: json.dumps({**json.loads(text), "server": SERVER}).encode()}

    def plain(self, models: list[str]) -> str:
        """Return the text shown instead of the page, with the reason."""
        names = ", ".join(f"<code>{escape(name)}</code>" for name in models)
        absence = _NOT_MADE if self._is_installed else _NOT_INSTALLED
        return _PLAIN.format(models=names, absence=absence)


def _state(file: Path | bytes) -> object:
    """Return a value that changes if the file changes."""
    if isinstance(file, bytes):
        return None
    status = file.stat()
    return status.st_mtime_ns, status.st_size
