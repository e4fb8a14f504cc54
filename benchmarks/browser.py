"""Times of the browser page in Chromium: ready, first photograph, 3-D, live camera.

Run it as  python benchmarks/browser.py  (needs playwright, Debian's chromium and `make web`). Each
round loads the page anew; medians are printed, and beside them, of the same rounds, the time of one
prediction by the default runtime, since times on a shared machine mean little alone.
"""

from __future__ import annotations

import argparse
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
    page.goto(address)
    times = {"ready, ms": _wait(page, "ready")}
    page.wait_for_selector("html[data-warm]", state="attached", timeout=WAIT)
    began = page.evaluate("performance.now()")
    page.set_input_files("#file", str(ROOM))
    times["first photograph, ms"] = _wait(page, "shown") - began
    page.check("[name=view][value=surface]", force=True)
    times["3-D, ms"] = _wait(page, "space")
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
        rounds = [one_round(browser, address, predictor) for _ in range(options.rounds)]
        browser.close()
    server.shutdown()
    for name in rounds[0]:
        values = [each[name] for each in rounds]
        best = max(values) if "/s" in name else min(values)
        print(f"{name:<28} median {statistics.median(values):8.1f}   best {best:8.1f}")


if __name__ == "__main__":
    main()
