"""A hub on this machine: what `huggingface_hub` asks of the real one, with every payload checked.

Small files come base64-coded inside a commit; large ones are sent ahead, by their SHA-256 and size
(Git LFS), and a commit names them. A payload that is not what it says is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

LARGE = 100_000
"""Bytes from which a file goes by Git LFS."""


@dataclass
class Hub:
    """The repositories, {name: {path: bytes}}, and what was asked: (method, path)."""

    url: str = ""
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    large: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    refused: int | None = None

    def commit_of(self, repo: str) -> str:
        """The revision of a repository's content, as Git would name it."""
        parts = [f"{path} {digest(data)}" for path, data in sorted(self.repos[repo].items())]
        return hashlib.sha1("\n".join(parts).encode()).hexdigest()


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            parts = []
            while size := int(self.rfile.readline().strip(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, status: int, content: Any = b"", headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, fault: str) -> None:
        self.hub.faults.append(fault)
        self._send(400, {"error": fault})

    def _missing(self, code: str) -> None:
        self._send(404, {"error": "not found"}, {"X-Error-Code": code})

    def do_POST(self) -> None:  # noqa: PLR0911
        """Answer what creates, announces and commits."""
        body = self._body()
        path = self.path.partition("?")[0]
        self.hub.asked.append(("POST", path))
        if self.hub.refused is not None:
            return self._send(self.hub.refused, {"error": "no"})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            content = json.loads(body)["content"]
            yaml.safe_load(content.split("---")[1])
            return self._send(200, {"errors": [], "warnings": []})
        if found := re.fullmatch(r"/api/models/(.+)/preupload/main", path):
            return self._preupload(found[1], json.loads(body))
        if found := re.fullmatch(r"/(.+)\.git/info/lfs/objects/batch", path):
            return self._batch(json.loads(body))
        if found := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            return self._commit(found[1], [json.loads(line) for line in body.splitlines()])
        if path == "/lfs-verify":
            asked = json.loads(body)
            stored = self.hub.objects.get(asked["oid"])
            fits = stored is not None and len(stored) == asked["size"]
            return self._send(200 if fits else 404, {})
        return self._refuse(f"POST {path} is not known")

    def do_PUT(self) -> None:
        """Take a large file, whose SHA-256 is in the address."""
        body, oid = self._body(), self.path.rpartition("/")[2]
        self.hub.asked.append(("PUT", self.path))
        if digest(body) != oid:
            return self._refuse(f"a payload of {len(body)} bytes is not that of {oid}")
        self.hub.objects[oid] = body
        return self._send(200)

    def do_HEAD(self) -> None:
        """Say what a file is."""
        self._file()

    def do_GET(self) -> None:
        """Give a repository's list of files, or a file."""
        path = self.path.partition("?")[0]
        self.hub.asked.append(("GET", path))
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/([^/]+))?", path):
            if found[1] not in self.hub.repos:
                return self._missing("RepoNotFound")
            sha = self.hub.commit_of(found[1])
            if found[3] not in (None, "main", sha):
                return self._missing("RevisionNotFound")
            files = [{"rfilename": name} for name in sorted(self.hub.repos[found[1]])]
            private = self.hub.private[found[1]]
            about = {"id": found[1], "modelId": found[1], "sha": sha, "private": private}
            return self._send(200, about | {"siblings": files, "tags": [], "downloads": 0})
        if found := re.fullmatch(r"/api/models/(.+)/tree/([^/]+)", path):
            return self._send(200, self._tree(found[1]))
        return self._file()

    def _tree(self, repo: str) -> list[dict[str, Any]]:
        entries = []
        for path, data in sorted(self.hub.repos[repo].items()):
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            entry = {"type": "file", "oid": git, "size": len(data), "path": path}
            if path in self.hub.large:
                entry["lfs"] = {"oid": digest(data), "size": len(data), "pointerSize": 134}
            entries.append(entry)
        return entries

    def _file(self) -> None:
        found = re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", self.path.partition("?")[0])
        if not found or found[1] not in self.hub.repos:
            return self._missing("RepoNotFound")
        data = self.hub.repos[found[1]].get(found[3])
        if data is None:
            return self._missing("EntryNotFound")
        if found[3] in self.hub.damaged:
            data = data[:-1] + bytes([data[-1] ^ 1])
        headers = {
            "ETag": f'"{digest(data)}"',
            "X-Repo-Commit": self.hub.commit_of(found[1]),
            "Content-Length": str(len(data)),
            "Accept-Ranges": "bytes",
        }
        return self._send(200, data, headers)

    def _create(self, asked: dict[str, Any]) -> None:
        owner = asked.get("organization")
        name = f"{owner}/{asked['name']}" if owner else asked["name"]
        url = {"url": f"{self.hub.url}/{name}", "id": name, "name": name}
        if name in self.hub.repos:
            return self._send(409, url)
        self.hub.repos[name] = {}
        self.hub.private[name] = bool(asked.get("private")) or asked.get("visibility") == "private"
        return self._send(200, url)

    def _preupload(self, repo: str, asked: dict[str, Any]) -> None:
        if repo not in self.hub.repos:
            return self._missing("RepoNotFound")
        modes = [
            {
                "path": each["path"],
                "uploadMode": "lfs" if each["size"] >= LARGE else "regular",
                "shouldIgnore": False,
            }
            for each in asked["files"]
        ]
        return self._send(200, {"files": modes})

    def _batch(self, asked: dict[str, Any]) -> None:
        answers = []
        for each in asked["objects"]:
            answer = {"oid": each["oid"], "size": each["size"]}
            if each["oid"] not in self.hub.objects:
                answer["actions"] = {
                    "upload": {"href": f"{self.hub.url}/lfs-upload/{each['oid']}"},
                    "verify": {"href": f"{self.hub.url}/lfs-verify"},
                }
            answers.append(answer)
        return self._send(
            200,
            {"transfer": "basic", "objects": answers},
            {"Content-Type": "application/vnd.git-lfs+json"},
        )

    def _commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
        files = self.hub.repos[repo]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                data = base64.b64decode(value["content"])
                if len(data) >= LARGE:
                    return self._refuse(f"{value['path']} is too large for a commit")
                files[value["path"]] = data
            elif line["key"] == "lfsFile":
                stored = self.hub.objects.get(value["oid"])
                if stored is None or len(stored) != value["size"]:
                    return self._refuse(f"{value['path']}: {value['oid']} was never uploaded")
                files[value["path"]] = stored
                self.hub.large.add(value["path"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
            elif line["key"] != "header":
                return self._refuse(f"{line['key']} is not known")
        sha = self.hub.commit_of(repo)
        answer = {"commitUrl": f"{self.hub.url}/{repo}/commit/{sha}", "commitOid": sha}
        return self._send(200, {"success": True, **answer, "hookOutput": ""})


@contextmanager
def run_hub() -> Iterator[Hub]:
    """Serve a hub until the block is left."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
