"""Requests that mean harm, or are broken: what `leadline serve` makes of each.

    python benchmarks/hostile_requests.py --requests 2000

Files of `fuzz.py` with bytes changed, raw, in forms and in JSON; changed forms, JSON and heads of
requests; headers that contradict each other; pictures that state or unpack to huge sizes; endless
and slow bodies; clients that leave; parameters that name paths and addresses. Each must be answered
with a status other than 500, or its connection ended, within 20 seconds; the server must live, keep
its memory, open no more files than before, and answer a good request as it did at the beginning.
The same seed makes the same requests.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from fuzz import TARGETS, mutate, mutated
from PIL import Image

LIMIT_SECONDS = 20.0
MEGABYTES, MILLION_PIXELS, DEADLINE = 4, 4, 5
CLIENTS = 24
PHOTOS = [name for name in TARGETS if name.startswith("photo ")] + ["inside png"]
SAMPLE = (
    "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/a.jpg", "../../../etc/shadow", "\0",
    "a" * 5000, "nan", "-1", "1e999", "{}", "[]", "true", "<script>", "%s%n", "\u202e", "' OR 1=1",
)  # fmt: skip


@dataclass(frozen=True)
class Hostile:
    """Bytes to send, in parts with pauses between them; `leaves` closes before the answer."""

    parts: tuple[bytes, ...]
    pause: float = 0.0
    leaves: bool = False


def request(
    body: bytes,
    content_type: str = "image/png",
    target: str = "/v1/depth",
    extra: Iterable[str] = (),
    method: str = "POST",
    length: str | None = None,
) -> bytes:
    """The bytes of a request over HTTP/1.1."""
    stated = str(len(body)) if length is None else length
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Content-Type: {content_type}"]
    lines += [f"Content-Length: {stated}", "Connection: close", *extra]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def form(picture: bytes, fields: dict[str, str]) -> tuple[bytes, str]:
    """A form with a file, and its media type."""
    parts = [b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture]
    for name, value in fields.items():
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        parts.append(head.encode("utf-8", "surrogateescape"))
    return b"\r\n".join(parts) + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


def good_files() -> dict[str, bytes]:
    """A good file of each format of pictures that `fuzz.py` changes."""
    files = {}
    for name in PHOTOS:
        with TemporaryDirectory() as folder:
            files[name] = TARGETS[name].write(Path(folder)).read_bytes()
    return files


class Maker:
    """Makes the hostile requests; number N is always the same."""

    def __init__(self) -> None:
        self.files = good_files()
        self.photo = self.files["photo jpeg"]
        self.kinds: dict[str, Callable[[random.Random], Hostile]] = {
            "changed picture": self._changed_picture,
            "changed picture in a form": self._changed_in_form,
            "changed picture in JSON": self._changed_in_json,
            "changed form": self._changed_form,
            "changed JSON": self._changed_json,
            "wrong JSON": self._wrong_json,
            "wrong parameters": self._wrong_parameters,
            "changed head": self._changed_head,
            "wrong headers": self._wrong_headers,
            "huge picture": self._huge_picture,
            "huge body": self._huge_body,
            "slow body": self._slow_body,
            "client leaves": self._leaves,
            "other paths": self._other_paths,
        }

    def make(self, number: int) -> tuple[str, Hostile]:
        """Return the kind of a request, and the request."""
        rng = random.Random(f"hostile {number}")
        names = list(self.kinds)
        # A slow body takes seconds: one in eighty.
        quick = [name for name in names if name != "slow body"]
        name = "slow body" if number % 80 == 79 else quick[number % len(quick)]
        return name, self.kinds[name](rng)

    def _changed(self, rng: random.Random) -> bytes:
        name = rng.choice(PHOTOS)
        target = TARGETS[name]
        return target.seal(mutated(name, rng.randrange(10**9), self.files[name]))

    def _changed_picture(self, rng: random.Random) -> Hostile:
        kind = rng.choice(["image/png", "image/jpeg", "application/octet-stream"])
        return Hostile((request(self._changed(rng), kind, rng.choice(_TARGETS)),))

    def _changed_in_form(self, rng: random.Random) -> Hostile:
        return Hostile((request(*form(self._changed(rng), {"fov": "60"})),))

    def _changed_in_json(self, rng: random.Random) -> Hostile:
        text = base64.b64encode(self._changed(rng)).decode()
        return Hostile((request(json.dumps({"inputs": text}).encode(), "application/json"),))

    def _changed_form(self, rng: random.Random) -> Hostile:
        body, kind = form(self.photo, {"fov": "60", "format": "npy"})
        return Hostile((request(mutate(body, rng), kind),))

    def _changed_json(self, rng: random.Random) -> Hostile:
        text = base64.b64encode(self.photo).decode()
        body = json.dumps({"parameters": {"fov": 60, "camera": "auto"}, "inputs": text}).encode()
        start = mutate(body[:60], rng)
        return Hostile((request(start + body[60:], "application/json"),))

    def _wrong_json(self, rng: random.Random) -> Hostile:
        text = base64.b64encode(self.photo).decode()
        odd = rng.choice([None, 1, 1e308, [], {}, "x", True, [[[]]], rng.choice(SAMPLE)])
        name = rng.choice(["fov", "intrinsics", "camera", "model", "format", "cmap", "bar", "x"])
        bodies = [
            json.dumps({"inputs": odd, "parameters": {}}),
            json.dumps({"inputs": text, "parameters": odd}),
            json.dumps({"inputs": text, "parameters": {name: odd}}),
            "[" * rng.randint(1, 200_000),
            '{"inputs": ' + "9" * 6000 + "}",
            '{"inputs": "' + text + '", "parameters": {"fov": NaN}}',
            '{"inputs": "' + text + '", "inputs": "", "parameters": {"intrinsics": {"K": "/x"}}}',
        ]
        return Hostile((request(rng.choice(bodies).encode(), "application/json"),))

    def _wrong_parameters(self, rng: random.Random) -> Hostile:
        names = ["fov", "intrinsics", "camera", "model", "format", "range", "cmap", "bar", "file"]
        fields = {rng.choice(names): rng.choice(SAMPLE) for _ in range(rng.randint(1, 3))}
        if rng.random() < 0.5:
            return Hostile((request(*form(self.photo, fields)),))
        query = urllib.parse.urlencode(fields)
        return Hostile((request(self.photo, target=f"/v1/depth?{query}"),))

    def _changed_head(self, rng: random.Random) -> Hostile:
        whole = request(self.photo)
        head = whole.index(b"\r\n\r\n") + 4
        return Hostile((mutate(whole[:head], rng) + whole[head:],))

    def _wrong_headers(self, rng: random.Random) -> Hostile:
        photo = self.photo
        choices = [
            request(photo, length="-5"),
            request(photo, length="99999999999999999999999"),
            request(photo, length="5"),
            request(photo, length="5", extra=["Content-Length: 6"]),
            request(photo, extra=["Transfer-Encoding: chunked"]),
            request(b"zz\r\n" + photo, extra=["Transfer-Encoding: chunked"], length="0"),
            request(photo, extra=["Content-Encoding: " + rng.choice(["gzip", "br", "x"])]),
            request(photo, extra=["Expect: 100-continue"], length="999999999"),
            request(photo, extra=["Accept: " + rng.choice(SAMPLE).replace("\0", "")]),
            request(photo, extra=["Accept: " + ",".join(["a/b;q=2"] * 5000)]),
            request(photo, extra=["X-Request-ID: " + "a\tb" * 300]),
            request(photo, extra=["Upgrade: websocket", "Connection: upgrade"]),
            request(photo, extra=["A: " + "b" * 100_000]),
            request(photo, extra=[f"H{n}: x" for n in range(3000)]),
            request(photo, content_type=rng.choice(SAMPLE).replace("\0", "")),
            request(photo, content_type="multipart/form-data; boundary=" + "b" * 5000),
            request(photo, content_type="multipart/form-data"),
            request(photo).replace(b"HTTP/1.1", b"HTTP/9.9"),
            request(photo).replace(b"Host: x\r\n", b""),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(300),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ]
        return Hostile((rng.choice(choices),))

    def _huge_picture(self, rng: random.Random) -> Hostile:
        return Hostile((request(rng.choice(_BOMBS)),))

    def _huge_body(self, rng: random.Random) -> Hostile:
        zeros = bytes(1 << 16)
        if rng.random() < 0.5:
            head = request(b"", length=str(rng.choice([5_000_000, 10**9, 10**15])))
            return Hostile((head, *[zeros] * rng.randint(10, 300)))
        chunk = b"10000\r\n" + zeros + b"\r\n"
        head = request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        return Hostile((head, *[chunk] * rng.randint(100, 600)))

    def _slow_body(self, rng: random.Random) -> Hostile:
        whole = request(self.photo)
        step = rng.randint(1, 5)
        start = rng.choice([10, len(whole) - 200])
        parts = [whole[at : at + step] for at in range(start, start + 40 * step, step)]
        return Hostile((whole[:start], *parts), pause=0.5)

    def _leaves(self, rng: random.Random) -> Hostile:
        whole = request(self.photo)
        return Hostile((whole[: rng.choice([1, 30, 150, len(whole) - 5, len(whole)])],), 0.0, True)

    def _other_paths(self, rng: random.Random) -> Hostile:
        paths = ["/", "/metrics", "/v1/models", "/openapi.json", "/docs", "/../../etc/passwd", "*",
                 "//x", "/%00", "/v1/depth/../../x", "http://127.0.0.1/x", "/" + "a" * 20_000,
                 "/%2e%2e/%2e%2e/etc/passwd", "/v1/depth?" + "a=1&" * 3000]  # fmt: skip
        methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "HEAD", "X" * 300]
        return Hostile((request(b"", target=rng.choice(paths), method=rng.choice(methods)),))


_TARGETS = ["/v1/depth", "/v1/depth?format=json", "/v1/depth?format=glb&fov=60",
            "/v1/depth?format=mesh", "/v1/depth?format=color-webp"]  # fmt: skip


def _png_bomb(width: int, height: int, is_filled: bool) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress(bytes((width // 8 + 1) * height), 9) if is_filled else b"\0"
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000), 9))
    parts = [head, text, chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _bombs() -> list[bytes]:
    """Pictures that state, or unpack to, more than anybody's memory."""
    files = []
    kinds: list[tuple[str, int, dict[str, object]]] = [
        ("TIFF", 8000, {"compression": "tiff_deflate"}), ("GIF", 6000, {}), ("WEBP", 3000, {}),
    ]  # fmt: skip
    for kind, side, options in kinds:
        buffer = BytesIO()
        Image.new("L", (side, side)).save(buffer, kind, **options)
        files.append(buffer.getvalue())
    buffer = BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG")
    jpeg = buffer.getvalue()
    frame = jpeg.index(b"\xff\xc0")
    files.append(jpeg[: frame + 5] + b"\xff\xff\xff\xff" + jpeg[frame + 9 :])
    files += [_png_bomb(30_000, 30_000, True), _png_bomb(2**31 - 1, 2**31 - 1, False)]
    files += [b"P6 60000 60000 255\n" + bytes(100), b"P6 1 99999999 255\n" + bytes(100)]
    sizes = struct.pack("<IiiHHIIiiII", 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0)
    files.append(b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + sizes)
    files.append(b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\xff" * 2 + bytes(8))
    return [each for each in files if len(each) < MEGABYTES * 1_000_000]


def send(address: tuple[str, int], hostile: Hostile) -> str:
    """Send a request; return its status, "closed" for no answer, or "hang"."""
    began, received = time.monotonic(), b""
    try:
        with socket.create_connection(address, timeout=LIMIT_SECONDS) as connection:
            try:
                for part in hostile.parts:
                    connection.sendall(part)
                    time.sleep(hostile.pause)
            except OSError:
                pass  # ended while it was sent; the answer may be there all the same
            if hostile.leaves:
                return "left"
            while part := connection.recv(1 << 16):
                received = received or part
                if time.monotonic() - began > LIMIT_SECONDS:
                    return "hang"
    except TimeoutError:
        if not received:  # else it was answered, and may ask again over the same connection
            return "hang"
    except OSError:
        pass
    words = received.split(b" ", 2)
    return words[1].decode("latin-1") if len(words) > 1 else "closed"


class Server:
    """A `leadline serve` with small limits."""

    def __init__(self, log: Path):
        self.log = log.open("w")
        limits = ["--max-body", MEGABYTES, "--max-pixels", MILLION_PIXELS, "--deadline", DEADLINE]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "leadline", "serve", "--port", "0", *map(str, limits)],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        url = self.process.stdout.readline().split()[3]
        self.address = ("127.0.0.1", int(url.rpartition(":")[2]))
        self.url = url

    def memory(self) -> int:
        """Resident bytes."""
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def open_files(self) -> int:
        """Files and sockets that are open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def depth(self, photo: bytes) -> bytes:
        """The millimetres of a good picture."""
        call = urllib.request.Request(
            f"{self.url}/v1/depth?format=npy-mm", photo, {"Content-Type": "image/jpeg"}
        )
        with urllib.request.urlopen(call, timeout=60) as response:
            return bytes(response.read())


def attack(server: Server, maker: Maker, numbers: range) -> Iterator[tuple[str, str]]:
    """Yield (kind, outcome) of every request, several at a time."""

    def one(number: int) -> tuple[str, str]:
        kind, hostile = maker.make(number)
        return kind, send(server.address, hostile)

    with ThreadPoolExecutor(CLIENTS) as threads:
        yield from threads.map(one, numbers)


def main() -> None:
    """Send them, and print a table; the status is 1 where something broke."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="the server's log")
    options = parser.parse_args()
    maker, server = Maker(), Server(options.log)
    try:
        broken = _run(server, maker, options.requests)
    finally:
        server.process.kill()
    sys.exit(1 if broken else 0)


def _run(server: Server, maker: Maker, requests: int) -> bool:
    good = [server.depth(maker.photo) for _ in range(20)][-1]
    memory, files = server.memory(), server.open_files()
    most, is_over = [memory], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.25) and server.process.poll() is None:
            most.append(server.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, outcome in attack(server, maker, range(requests)):
        outcomes[kind][outcome] += 1
    is_over.set()
    watcher.join()
    for kind, counts in outcomes.items():
        print(f"{kind:<26}{sum(counts.values()):>5}  {dict(sorted(counts.items()))}")
    total = sum(outcomes.values(), Counter())
    time.sleep(2)
    is_same = np.array_equal(np.frombuffer(server.depth(maker.photo)[-1536:], "<u2"),
                             np.frombuffer(good[-1536:], "<u2"))  # fmt: skip
    left = server.open_files() - files
    server.process.send_signal(signal.SIGTERM)
    status = server.process.wait(60)
    print(f"all: {dict(sorted(total.items()))}; 500: {total['500']}, hangs: {total['hang']}")
    print(
        f"memory {memory / 1e6:.0f} MB before, at most {max(most) / 1e6:.0f} MB; {left} files more "
        f"open after; a good picture as before: {is_same}; status of the server: {status}"
    )
    return bool(total["500"] or total["hang"] or left > 1 or not is_same or status)


_BOMBS = _bombs()

if __name__ == "__main__":
    main()
