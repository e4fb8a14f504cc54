"""Draw the pictures of docs/browser.md: the page in Chromium with the example room.

Run it as  python scripts/draw_browser_pictures.py  (needs playwright, chromium and `make web`).
"""

import threading
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from leadline.web import open_server, page_files

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
ROOM = ROOT / "examples" / "room.jpg"
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WAIT = 120_000
QUALITY = 88


def open_room(page: Page, address: str) -> None:
    """Load the page, open the example and mark two points of it."""
    page.goto(address)
    page.wait_for_selector("html[data-warm]", state="attached", timeout=WAIT)
    page.set_input_files("#file", str(ROOM))
    page.wait_for_selector("html[data-shown]", state="attached", timeout=WAIT)
    page.wait_for_selector("#status", state="hidden")
    box = page.locator("#frame").bounding_box()
    assert box is not None
    for x, y in ((0.30, 0.40), (0.74, 0.68)):
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def draw(page: Page, name: str) -> None:
    """Write what the page shows."""
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    path = IMAGES / name
    picture.save(path, quality=QUALITY, subsampling=0, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Write browser.jpg, browser_space.jpg and browser_phone.jpg."""
    server = open_server(page_files())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 830})
        open_room(page, address)
        draw(page, "browser.jpg")
        page.check("[name=view][value=surface]", force=True)
        page.wait_for_selector("html[data-space]", state="attached", timeout=WAIT)
        for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
            page.locator("#space").press(key)
        draw(page, "browser_space.jpg")
        phone = browser.new_page(
            viewport={"width": 375, "height": 760}, color_scheme="dark", device_scale_factor=1.5
        )
        open_room(phone, address)
        draw(phone, "browser_phone.jpg")
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
