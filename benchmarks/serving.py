"""`leadline serve` under load from the same machine, beside the same work without a server.

    python benchmarks/serving.py [--rounds 4] [--seconds 20] [--clients 1 8 64] [--json FILE]

JPEG files of 20 sizes, no two requests with the same bytes, become 16-bit PNG. Slices of time
alternate: a plain loop in this process (decode, predict, encode), then the server with so many
clients, which come again after 0.2 s where they are told to wait. Compare the ratio of both rates,
of medians over the rounds: the machine's own speed changes while it is measured. A first round is
not counted in rates and latencies: in it the server meets each size for the first time. The
processor time of a map over that of the plain loop depends least on what else the machine does;
that of the clients, which share the processors, is told beside it.
Then: the server's counters against what the clients saw, its largest memory over that of the first
round, SIGTERM in the middle of a load, and kill -9 with a restart.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import statistics
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from leadline.inference import Predictor
from leadline.io.metadata import Metadata
from leadline.io.photos import png_bytes
from leadline.io.png16 import DEFAULT_UNITS, quantise

SIZES = [(240 + 40 * step, 320 + 52 * step) for step in range(20)]
"""(height, width) of the pictures: 0.08 to 1.3 million pixels."""
QUEUE = 32
CPU = "process_cpu_seconds_total"
COME_AGAIN = 0.2
_NUMBERS = count()


def pictures() -> list[bytes]:
    """JPEG files, smooth colours with grain."""
    rng = np.random.default_rng(0)
    files = []
    for height, width in SIZES:
        coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), int)
        grain = rng.integers(-6, 7, smooth.shape)
        buffer = BytesIO()
        Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(buffer, "JPEG")
        files.append(buffer.getvalue())
    return files


def distinct(files: list[bytes]) -> bytes:
    """The next picture, with a comment that no other has."""
    number = next(_NUMBERS)
    comment = f"request {number}".encode()
    data = files[number % len(files)]
    return data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]


class Server:
    """A `leadline serve` of its own process."""

    def __init__(self, port: int = 0, hint: str = "auto"):
        command = [sys.executable, "-m", "leadline", "serve", "--port", str(port), "--hint", hint]
        self.process = subprocess.Popen(
            [*command, "--queue", str(QUEUE)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[3]
        self.port = int(self.url.rpartition(":")[2])

    def memory(self) -> int:
        """Resident bytes."""
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def metrics(self) -> dict[str, float]:
        """Values of /metrics by name and labels."""
        with urllib.request.urlopen(f"{self.url}/metrics") as response:
            lines = response.read().decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}


@dataclass
class Seen:
    """What clients saw: statuses, latencies of answers with depth, and requests without answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    lost: int = 0
    refused: int = 0


def client(port: int, files: list[bytes], until: float, seen: Seen) -> None:
    """Ask again and again over one connection; a new one where the server ends it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.perf_counter() < until:
        body, began = distinct(files), time.perf_counter()
        try:
            if connection.sock is None:
                connection.connect()
        except OSError:
            seen.refused += 1
            return
        try:
            connection.request("POST", "/v1/depth", body, {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            seen.lost += 1
            connection.close()
            continue
        seen.statuses[response.status] += 1
        if response.status == 200:
            seen.milliseconds.append(1000 * (time.perf_counter() - began))
        else:
            time.sleep(COME_AGAIN)


def load(port: int, files: list[bytes], clients: int, seconds: float, seen: Seen) -> float:
    """Run so many clients for so long; return the depth maps per second."""
    began, answered = time.perf_counter(), seen.statuses[200]
    arguments = (port, files, began + seconds, seen)
    threads = [threading.Thread(target=client, args=arguments) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (seen.statuses[200] - answered) / (time.perf_counter() - began)


def plain_loop(predictor: Predictor, files: list[bytes], seconds: float) -> tuple[float, float]:
    """Do the work without a server for so long; return maps a second, processor seconds a map."""
    began, done, used = time.perf_counter(), 0, time.process_time()
    while time.perf_counter() - began < seconds:
        depth = predictor(distinct(files))
        about = Metadata(DEFAULT_UNITS, depth.intrinsics, depth.provenance)
        png_bytes(quantise(depth, DEFAULT_UNITS)[0], about.to_text())
        done += 1
    return done / (time.perf_counter() - began), (time.process_time() - used) / done


class Watch(threading.Thread):
    """Looks at the memory and the queue of a server twice a second."""

    def __init__(self, server: Server):
        super().__init__(daemon=True)
        self.server, self.began = server, time.monotonic()
        self.memory: list[tuple[float, int]] = []
        self.waiting = 0.0
        self.is_over = False

    def run(self) -> None:
        """Look until it is over."""
        while not self.is_over:
            self.memory.append((time.monotonic() - self.began, self.server.memory()))
            waiting = self.server.metrics()["leadline_waiting"]
            self.waiting = max(self.waiting, waiting)
            time.sleep(0.5)


def measure(server: Server, files: list[bytes], options: argparse.Namespace) -> dict[str, object]:
    """The alternating slices, the counters and the memory."""
    predictor = Predictor.load()
    for data in files:
        predictor(data)
    watch = Watch(server)
    watch.start()
    met_all = 0.0
    rates: dict[int, list[tuple[float, float]]] = {number: [] for number in options.clients}
    costs: dict[int, list[float]] = {number: [] for number in options.clients}
    clients_own: dict[int, list[float]] = {number: [] for number in options.clients}
    seen = {number: Seen() for number in options.clients}
    for round_number in range(options.rounds + 1):
        for number in options.clients:
            alone, used_alone = plain_loop(predictor, files, options.seconds / 2)
            used, done = server.metrics()[CPU], seen[number].statuses[200]
            own = time.process_time()
            served = load(server.port, files, number, options.seconds, seen[number])
            own = time.process_time() - own
            used, done = server.metrics()[CPU] - used, seen[number].statuses[200] - done
            if round_number == 0:
                seen[number].milliseconds.clear()
                continue
            rates[number].append((alone, served))
            if done:
                costs[number].append(used / done / used_alone)
                clients_own[number].append(own / done / used_alone)
        met_all = met_all or time.monotonic() - watch.began
    watch.is_over = True
    watch.join()
    rows = [_row(n, rates[n], costs[n], clients_own[n], seen[n]) for n in options.clients]
    total: Counter[int] = sum((each.statuses for each in seen.values()), Counter())
    prefix = 'leadline_requests_total{route="/v1/depth",status="'
    counted = {
        int(name.removeprefix(prefix)[:3]): int(value)
        for name, value in server.metrics().items()
        if name.startswith(prefix)
    }
    first = max(value for moment, value in watch.memory if moment <= met_all)
    return {
        "rows": rows,
        "statuses": dict(total),
        "counters_equal": counted == dict(total),
        "most_waiting": watch.waiting,
        "memory_of_the_first_round": first,
        "memory_ratio": max(value for _, value in watch.memory) / first,
    }


def _row(
    number: int,
    rates: list[tuple[float, float]],
    costs: list[float],
    clients_own: list[float],
    seen: Seen,
) -> dict[str, object]:
    ratios = [served / alone for alone, served in rates]
    latency = np.percentile(seen.milliseconds, (50, 99))
    row = {
        "clients": number,
        "alone": statistics.median(alone for alone, _ in rates),
        "served": statistics.median(served for _, served in rates),
        "ratio": statistics.median(ratios),
        "ratios": [round(each, 2) for each in ratios],
        "processor_time_ratio": statistics.median(costs),
        "processor_time_ratios": [round(each, 2) for each in costs],
        "processor_time_ratio_of_the_clients": statistics.median(clients_own),
        "p50_ms": float(latency[0]),
        "p99_ms": float(latency[1]),
        "statuses": dict(seen.statuses),
        "lost": seen.lost,
    }
    print(
        f"{number:3} clients: {row['served']:.1f} maps/s, alone {row['alone']:.1f}, ratio "
        f"{row['ratio']:.2f} {row['ratios']}, processor time of a map "
        f"{row['processor_time_ratio']:.2f} {row['processor_time_ratios']}, of the clients "
        f"{row['processor_time_ratio_of_the_clients']:.2f}, "
        f"p50 {latency[0]:.0f} ms, p99 {latency[1]:.0f} ms, "
        f"{dict(seen.statuses)}, lost {seen.lost}",
        flush=True,
    )
    return row


def stop_in_the_middle(server: Server, files: list[bytes]) -> dict[str, object]:
    """SIGTERM while 8 clients ask."""
    seen = Seen()
    thread = threading.Thread(target=load, args=(server.port, files, 8, 20.0, seen))
    thread.start()
    time.sleep(5)
    server.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    status = server.process.wait(60)
    ended = time.monotonic() - began
    thread.join()
    return {
        "status": status,
        "seconds": round(ended, 1),
        "answered": dict(seen.statuses),
        "lost": seen.lost,
        "clients_told_that_nobody_listens": seen.refused,
    }


def kill_and_restart(files: list[bytes]) -> dict[str, object]:
    """Kill -9 while 8 clients ask, then the same command again, at the same port."""
    server, seen = Server(), Seen()
    thread = threading.Thread(target=load, args=(server.port, files, 8, 6.0, seen))
    thread.start()
    time.sleep(4)
    server.process.kill()
    server.process.wait()
    thread.join()
    again, answer = Server(server.port), Seen()
    load(again.port, files, 1, 2.0, answer)
    again.process.send_signal(signal.SIGTERM)
    return {
        "before": dict(seen.statuses),
        "after": dict(answer.statuses),
        "lost_after": answer.lost,
        "status": again.process.wait(60),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0, help="of a slice with the server")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--hint", default="auto", help="that of the server")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    files = pictures()
    print(f"{len(os.sched_getaffinity(0))} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    server = Server(hint=options.hint)
    try:
        result = measure(server, files, options)
        print({key: value for key, value in result.items() if key != "rows"}, flush=True)
        result["sigterm"] = stop_in_the_middle(server, files)
        print("SIGTERM:", result["sigterm"], flush=True)
    finally:
        server.process.kill()
    result["kill"] = kill_and_restart(files)
    print("kill -9 and again:", result["kill"])
    print(f"load {os.getloadavg()[0]:.1f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
