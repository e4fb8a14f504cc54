"""Times of the browser page in Chromium: ready, first photograph, 3-D, live camera.

Run it as  python benchmarks/browser.py  (needs playwright, Debian's chromium and `make web`). Each
round loads the page anew, with one thread and with two in alternation. Medians are printed, and
beside them the processor time of all processes of the browser and, of the same rounds, the time of
one prediction by the default runtime, since times on a shared machine mean little alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import leadline
from leadline.web import open_server, page_files

ROOM = Path(__file__).parents[1] / "examples" / "room.jpg"
FLAGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
WAIT = 120_000
LIVE_SECONDS = 5


def one_round(browser: Any, address: str, predictor: leadline.Predictor) -> dict[str, float]:
    """Return the times of one visit: milliseconds, frames per second, and of one prediction."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    before = _cpu_seconds()
    page.goto(address)
    times = {"ready, ms": _wait(page, "ready")}
    times["ready, CPU ms"] = 1000 * (_cpu_seconds() - before)
    page.wait_for_selector("html[data-warm]", state="attached", timeout=WAIT)
    before, began = _cpu_seconds(), page.evaluate("performance.now()")
    page.set_input_files("#file", str(ROOM))
    times["first photograph, ms"] = _wait(page, "shown") - began
    times["first photograph, CPU ms"] = 1000 * (_cpu_seconds() - before)
    before = _cpu_seconds()
    page.check("[name=view][value=surface]", force=True)
    times["3-D, ms"] = _wait(page, "space")
    times["3-D, CPU ms"] = 1000 * (_cpu_seconds() - before)
    page.check("[name=view][value=depth]", force=True)
    page.click("#camera-next")
    page.wait_for_selector("#rate:has-text('.')", timeout=WAIT)
    time.sleep(LIVE_SECONDS)
    times["camera, frames/s"] = float(page.inner_text("#rate").split()[0])
    page.close()
    started = time.perf_counter()
    predictor(ROOM)
    times["leadline.load()(photo), ms"] = 1000 * (time.perf_counter() - started)
    return times


def _cpu_seconds() -> float:
    """Return the processor time that the processes below this one have used so far.

    What a page costs on a machine that others use as well; busy waiting of threads is in it.
    """
    ticks: dict[int, int] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = int(fields[11]) + int(fields[12])
    below, own = 0, os.getpid()
    for pid, used in ticks.items():
        ancestor = pid
        while ancestor in parents and ancestor != own:
            ancestor = parents[ancestor]
        below += used if ancestor == own and pid != own else 0
    return below / os.sysconf("SC_CLK_TCK")


def _wait(page: Any, name: str) -> float:
    page.wait_for_selector(f"html[data-{name}]", state="attached", timeout=WAIT)
    return float(page.get_attribute("html", f"data-{name}"))


def main() -> None:
    """Print the median and the least of each time over the rounds."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    predictor = leadline.load()
    predictor(ROOM)
    server = open_server(page_files())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=FLAGS)
        visits = [
            (threads, one_round(browser, f"{address}?threads={threads}", predictor))
            for _ in range(options.rounds)
            for threads in (1, 2)
        ]
        browser.close()
    server.shutdown()
    for threads in (1, 2):
        rounds = [times for count, times in visits if count == threads]
        print(f"{threads} thread(s)")
        for name in rounds[0]:
            values = [each[name] for each in rounds]
            best = max(values) if "/s" in name else min(values)
            print(f"  {name:<28} median {statistics.median(values):8.1f}   best {best:8.1f}")


if __name__ == "__main__":
    main()
