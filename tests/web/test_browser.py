"""The page in Chromium: metres, files, gestures, and what it says when something is wrong."""

import base64
import json
import math
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import numpy as np
import pytest
import trimesh
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from leadline import Intrinsics, load
from leadline.cli import app
from leadline.io.formats import read_depth
from leadline.io.pointcloud import write_ply
from leadline.web import open_server, page_files, write_page
from tests.web.pages import (
    ROOT,
    find_chromium,
    load_fetcher,
    load_script,
    why_no_browser_tests,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_no_browser_tests()), reason=why_no_browser_tests() or "-"),
]

ROOM = ROOT / "examples" / "room.jpg"
SECONDS = 120_000
FLAGS = load_script(ROOT / "benchmarks" / "browser.py").FLAGS
DROP = """([name, type, content, kind]) => {
  const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type}));
  const event = kind === 'drop'
    ? new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true})
    : new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true});
  document.body.dispatchEvent(event);
}"""
# While `isHolding`, predictions are kept from the page after the worker has made them; `surfaces`
# are the beginnings of those that it made.
HOLD = """window.isHolding = false;
window.held = [];
window.surfaces = [];
Worker.prototype.addEventListener = function (kind, listener) {
  EventTarget.prototype.addEventListener.call(this, kind, (event) => {
    const {positions, depth} = event.data?.result ?? {};
    if (positions) window.surfaces.push([...positions.slice(0, 300)]);
    if (depth && window.isHolding) window.held.push(() => listener.call(this, event));
    else listener.call(this, event);
  });
};"""
# While `isHolding`, the pictures of the camera are kept from the page.
HOLD_CAMERA = """window.isHolding = false;
window.held = [];
const make = window.createImageBitmap;
window.createImageBitmap = async (source, ...rest) => {
  const made = await make(source, ...rest);
  if (window.isHolding && source instanceof HTMLVideoElement) {
    await new Promise((go) => window.held.push(go));
  }
  return made;
};"""
# The answers to the question for the camera wait for one of `permits`; `tracks` is what they bring.
HOLD_PERMISSION = """window.permits = [];
window.tracks = [];
const {getUserMedia} = MediaDevices.prototype;
MediaDevices.prototype.getUserMedia = async function (...rest) {
  await new Promise((allow) => window.permits.push(allow));
  const stream = await getUserMedia.apply(this, rest);
  window.tracks.push(...stream.getTracks());
  return stream;
};"""
STATES = "tracks.map((track) => track.readyState).join()"
LET_GO = "isHolding = false; held.forEach((go) => go())"


@pytest.fixture(scope="module")
def predictor():
    return load(precision="f32")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    load_fetcher().fetch_vendor()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield chromium
        chromium.close()


@contextmanager
def serving(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class Visit:
    """A loaded page, what it asked for, and what its console said."""

    def __init__(self, browser, address, script="", **options):
        self.context = browser.new_context(accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.page.add_init_script(script)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-warm]", state="attached", timeout=SECONDS)

    def open(self, path):
        with self.waiting():
            self.page.set_input_files("#file", str(path))

    @contextmanager
    def waiting(self):
        """Wait until another picture is shown."""
        before = self.page.get_attribute("html", "data-shown") or ""
        yield
        self.page.wait_for_selector(
            f'html[data-shown]:not([data-shown="{before}"])', state="attached", timeout=SECONDS
        )

    def until(self, condition):
        """Ask until it is true: the page's policy forbids `wait_for_function` to ask again."""
        end = time.monotonic() + SECONDS / 1000
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, condition
            self.page.wait_for_timeout(50)

    def save(self, format, folder):
        with self.page.expect_download(timeout=SECONDS) as download:
            self.page.click(f"[data-format={format}]")
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path


@pytest.fixture(scope="module")
def address():
    with serving(open_server(page_files())) as url:
        yield url


@pytest.fixture(scope="module")
def visit(browser, address):
    visit = Visit(browser, address)
    visit.context.set_offline(True)  # whatever comes now, it comes from the device
    yield visit
    assert not visit.complaints
    visit.context.close()


def with_lens(path, pixels, focal_35mm, orientation):
    """A JPEG with a focal length, that is to be turned."""
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0xA405] = focal_35mm
    image.save(path, quality=92, exif=exif)
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Pictures whose metres are compared: plain, PNG, with a lens and turned, transparent."""
    folder = tmp_path_factory.mktemp("pictures")
    astronaut = folder / "astronaut.png"
    Image.fromarray(data.astronaut()).save(astronaut)
    coffee = with_lens(folder / "coffee.jpg", data.coffee(), 26, 6)
    alpha = np.tile(np.linspace(0, 255, 451).astype(np.uint8), (300, 1))
    glass = folder / "glass.png"
    Image.fromarray(np.dstack([data.chelsea(), alpha])).save(glass)
    tags = with_lens(folder / "page.webp", np.dstack([data.page()] * 3), 50, 1)
    return {path.stem: path for path in (ROOM, astronaut, coffee, glass, tags)}


@pytest.mark.parametrize("name", ["room", "astronaut", "coffee", "glass", "page"])
def test_the_png_holds_the_metres_of_load(visit, predictor, pictures, tmp_path, name):
    visit.open(pictures[name])
    saved = read_depth(visit.save("png16", tmp_path))
    expected = predictor(pictures[name])
    assert saved.shape == expected.shape
    assert np.abs(saved.depth - expected.depth).max() < 1e-3
    assert saved.intrinsics.to_dict() == pytest.approx(expected.intrinsics.to_dict())
    for key in ("model", "camera", "camera_use", "camera_scale", "source"):
        assert saved.provenance[key] == expected.provenance[key]


def test_the_field_of_view_acts_on_metres_as_in_predict(visit, predictor, tmp_path):
    visit.open(ROOM)
    visit.page.fill("#fov-number", "80")
    saved = read_depth(visit.save("png16", tmp_path))
    expected = predictor(ROOM, Intrinsics.from_fov(80, 640, 480))
    assert np.abs(saved.depth - expected.depth).max() < 1e-3
    assert saved.provenance["camera_scale"] == expected.provenance["camera_scale"] != "1"
    visit.page.click("#fov-reset")
    again = read_depth(visit.save("png16", tmp_path))
    assert np.abs(again.depth - predictor(ROOM).depth).max() < 1e-3


def test_the_other_files_are_those_of_predict(visit, predictor, tmp_path):
    visit.open(ROOM)
    expected = predictor(ROOM)
    pixels = np.asarray(Image.open(ROOM))
    assert np.abs(np.load(visit.save("npy", tmp_path)) - expected.depth).max() < 1e-4

    cloud = trimesh.load(visit.save("ply", tmp_path))
    count = write_ply(tmp_path / "expected.ply", expected, pixels)
    # A step that is within rounding of the threshold may fall on either side.
    assert abs(len(cloud.vertices) - count) <= count / 1000
    assert cloud.bounds == pytest.approx(trimesh.load(tmp_path / "expected.ply").bounds, abs=1e-3)

    surface = trimesh.load(visit.save("glb", tmp_path), force="mesh")
    mesh = expected.mesh()
    assert abs(len(surface.faces) - len(mesh.triangles)) <= len(mesh.triangles) / 1000
    turned = mesh.vertices * np.array([1, -1, -1])
    assert surface.bounds == pytest.approx(np.array([turned.min(0), turned.max(0)]), abs=1e-3)
    assert surface.visual.material.baseColorTexture.size == (640, 480)

    colors = Image.open(visit.save("color", tmp_path))
    assert colors.text["leadline:kind"] == "picture of depth"
    assert colors.height == 480
    assert colors.width > 640


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(visit, pictures, kind):
    content = base64.b64encode(pictures["astronaut"].read_bytes()).decode()
    with visit.waiting():
        visit.page.evaluate(DROP, ["face.png", "image/png", content, kind])
    assert visit.page.get_attribute("#photo", "width") == "512"


def test_points_are_read_and_measured_by_keyboard(visit, predictor):
    visit.open(ROOM)
    expected = predictor(ROOM)
    visit.page.focus("#frame")
    visit.page.keyboard.press("ArrowRight")  # from the middle, an eightieth of the width
    x, y = 320 + 8, 240
    assert visit.page.inner_text("#here") == f"{expected.depth[y, x]:.2f} m"
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Shift+ArrowDown")  # a twelfth
    visit.page.keyboard.press("Enter")
    camera, depth = expected.intrinsics, expected.depth
    ends = []
    for row in (y, y + 53):
        z = depth[row, x]
        ends.append(((x - camera.cx) / camera.fx * z, (row - camera.cy) / camera.fy * z, z))
    assert visit.page.inner_text("#distance") == f"{math.dist(*ends):.2f} m"
    assert visit.page.inner_text("#spoken") == f"{math.dist(*ends):.2f} m"
    visit.page.keyboard.press("Escape")
    assert visit.page.inner_text("#distance") == "click two points"


def test_the_pointer_reads_and_the_divider_moves(visit, predictor):
    visit.open(ROOM)
    box = visit.page.locator("#frame").bounding_box()
    visit.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.5)
    visit.page.wait_for_selector("#here:has-text(' m')", timeout=SECONDS)
    read = float(visit.page.inner_text("#here").split()[0])
    around = predictor(ROOM).depth[235:245, 475:485]
    assert around.min() - 0.01 <= read <= around.max() + 0.01
    visit.page.fill("#mix", "80")
    assert visit.page.locator("#frame").evaluate("e => e.style.getPropertyValue('--mix')") == "20%"


def test_a_fixed_range_and_another_map_change_the_colours(visit):
    visit.open(ROOM)
    pixel = """e => {
        const copy = new OffscreenCanvas(1, 1).getContext('2d');
        copy.drawImage(e, -600, -400);
        return [...copy.getImageData(0, 0, 1, 1).data];
    }"""
    before = visit.page.locator("#depth").evaluate(pixel)
    visit.page.fill("#far", "9")
    assert not visit.page.is_checked("#auto-range")
    assert visit.page.locator("#depth").evaluate(pixel) != before
    visit.page.check("#auto-range")
    assert visit.page.locator("#depth").evaluate(pixel) == before
    visit.page.select_option("#map", "gray")
    red, green, blue, _ = visit.page.locator("#depth").evaluate(pixel)
    assert red == green == blue
    visit.page.select_option("#map", "turbo")


def test_the_scene_is_shown_in_space_and_turns(visit):
    visit.open(ROOM)
    visit.page.check("[name=view][value=surface]", force=True)
    visit.page.wait_for_selector("html[data-space]", state="attached", timeout=SECONDS)
    first = picture_of(visit)
    assert (first.max(axis=2) > 60).mean() > 0.4  # the room, not the empty dark
    visit.page.focus("#space")
    visit.page.keyboard.press("ArrowLeft")
    turned = picture_of(visit)
    assert np.abs(turned.astype(int) - first).mean() > 1
    visit.page.check("[name=view][value=points]", force=True)
    assert (picture_of(visit).max(axis=2) > 60).mean() > 0.3
    visit.page.check("[name=view][value=depth]", force=True)


def test_the_first_look_at_space_compiles_nothing(browser, address):
    count = """window.links = 0;
        const {linkProgram} = WebGL2RenderingContext.prototype;
        WebGL2RenderingContext.prototype.linkProgram = function (program) {
            window.links++;
            return linkProgram.call(this, program);
        };"""
    visit = Visit(browser, address, count)
    prepared = visit.page.evaluate("links")
    assert prepared >= 2  # of the surface, and of the points
    visit.open(ROOM)
    for kind in ("surface", "points"):
        visit.page.check(f"[name=view][value={kind}]", force=True)
        visit.page.wait_for_selector("html[data-space]", state="attached", timeout=SECONDS)
        picture_of(visit)
    assert visit.page.evaluate("links") == prepared
    visit.context.close()


def test_the_camera_is_live_in_space_as_well(visit):
    visit.open(ROOM)
    visit.page.check("[name=view][value=surface]", force=True)
    visit.page.wait_for_selector("html[data-space]", state="attached", timeout=SECONDS)
    room = picture_of(visit)
    visit.page.evaluate("delete document.documentElement.dataset.space")
    visit.page.click("#camera-next")
    visit.page.wait_for_selector("html[data-space]", state="attached", timeout=SECONDS)
    assert np.abs(picture_of(visit).astype(int) - room).mean() > 5
    with visit.waiting():
        visit.page.click("#freeze")
    visit.page.check("[name=view][value=depth]", force=True)


def test_a_browser_without_webgl_says_so_and_keeps_the_rest(browser, address):
    refuse = """const {getContext} = HTMLCanvasElement.prototype;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind === '2d' ? getContext.call(this, kind, ...rest) : null;
        };"""
    visit = Visit(browser, address, refuse)
    visit.open(ROOM)
    visit.page.check("[name=view][value=surface]", force=True)
    message = visit.page.wait_for_selector("#error:visible", timeout=SECONDS).inner_text()
    assert "WebGL" in message
    visit.page.check("[name=view][value=depth]", force=True)
    assert visit.page.locator("#frame").is_visible()
    visit.context.close()


def picture_of(visit):
    content = visit.page.locator("#space").screenshot()
    return np.asarray(Image.open(BytesIO(content)).convert("RGB"))


def test_the_camera_is_live_and_its_picture_is_kept(visit, tmp_path):
    visit.open(ROOM)
    visit.page.click("#camera-next")
    visit.page.wait_for_selector("#rate:has-text('.')", timeout=SECONDS)
    for _ in range(3):
        with visit.waiting():
            pass
    assert float(visit.page.inner_text("#rate").split()[0]) > 0
    width = "e => e.width"
    assert visit.page.locator("#depth").evaluate(width) == 320  # live as the network sees it
    box = visit.page.locator("#frame").bounding_box()
    visit.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.5)
    with visit.waiting():
        visit.page.click("#freeze")
    visit.until("document.querySelector('#depth').width === 640")
    assert visit.page.is_hidden("#live")
    marked = visit.page.locator("#overlay circle").bounding_box()
    assert marked["x"] + marked["width"] / 2 == pytest.approx(box["x"] + box["width"] * 0.75, abs=4)
    kept = read_depth(visit.save("png16", tmp_path))
    assert kept.valid.all()
    assert kept.shape == (480, 640)
    assert (kept.intrinsics.width, kept.intrinsics.height) == (640, 480)


def test_saving_while_the_camera_is_live_takes_the_picture_first(visit, tmp_path):
    visit.open(ROOM)
    visit.page.click("#camera-next")
    visit.page.wait_for_selector("#rate:has-text('.')", timeout=SECONDS)
    assert read_depth(visit.save("npy", tmp_path)).shape == (480, 640)
    assert visit.page.is_hidden("#live")


def test_what_is_shown_is_saved_while_the_next_picture_is_at_work(
    browser, address, predictor, pictures, tmp_path
):
    visit = Visit(browser, address, HOLD)
    visit.open(ROOM)
    show_surface(visit)
    visit.page.evaluate("isHolding = true")
    visit.page.set_input_files("#file", str(pictures["astronaut"]))
    visit.until("held.length === 1")
    path = visit.save("png16", tmp_path)
    assert path.name == "room.png"
    saved = read_depth(path)
    assert saved.provenance["source"] == "room.jpg"
    assert saved.shape == (480, 640)
    assert np.abs(saved.depth - predictor(ROOM).depth).max() < 1e-3
    visit.page.check("[name=view][value=depth]", force=True)
    show_surface(visit)
    first, second = visit.page.evaluate("surfaces")
    assert first == second  # of the room, twice
    with visit.waiting():
        visit.page.evaluate(LET_GO)
    visit.until("surfaces.length === 3")
    assert visit.page.evaluate("surfaces")[2] != first
    path = visit.save("png16", tmp_path)
    assert path.name == "astronaut.png"
    assert read_depth(path).shape == (512, 512)
    assert not visit.complaints
    visit.context.close()


def show_surface(visit):
    visit.page.evaluate("delete document.documentElement.dataset.space")
    visit.page.check("[name=view][value=surface]", force=True)
    visit.page.wait_for_selector("html[data-space]", state="attached", timeout=SECONDS)


def test_a_late_picture_of_the_camera_does_not_take_the_place_of_the_kept_one(
    browser, address, tmp_path
):
    visit = Visit(browser, address, HOLD_CAMERA)
    visit.open(ROOM)
    visit.page.evaluate("isHolding = true")
    visit.page.click("#camera-next")
    visit.until("held.length === 1")
    assert visit.save("npy", tmp_path).name == "room.npy"  # the camera has given nothing yet
    with visit.waiting():
        visit.page.evaluate("held.pop()()")
    visit.until("held.length === 1")
    with visit.waiting():
        visit.page.click("#freeze")
    visit.page.evaluate(LET_GO)
    visit.page.wait_for_timeout(1000)  # so that it would be there, were it predicted
    path = visit.save("npy", tmp_path)
    assert path.name == "camera.npy"
    assert np.load(path).shape == (480, 640)
    assert not visit.complaints
    visit.context.close()


def test_a_camera_that_is_allowed_after_another_picture_was_opened_is_let_go(
    browser, address, tmp_path
):
    visit = Visit(browser, address, HOLD_PERMISSION)
    visit.page.evaluate("""() => {
        const button = document.querySelector('#camera-start');
        button.click();
        button.click();
    }""")
    assert visit.page.evaluate("permits.length") == 1
    visit.open(ROOM)
    shown = visit.page.get_attribute("html", "data-shown")
    visit.page.evaluate("permits[0]()")
    visit.until(f"{STATES} === 'ended'")
    visit.page.wait_for_timeout(500)  # so that a picture of the camera would be there
    assert visit.page.get_attribute("html", "data-shown") == shown
    assert visit.save("npy", tmp_path).name == "room.npy"
    visit.page.click("#camera-next")  # and when it is asked for again, it comes
    visit.until("permits.length === 2")
    with visit.waiting():
        visit.page.evaluate("permits[1]()")
    visit.page.click("#freeze")
    visit.until(f"{STATES} === 'ended,ended'")
    assert not visit.complaints
    visit.context.close()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.txt", b"no picture at all", "cannot be read as a picture"),
        ("empty.jpg", b"", "is empty"),
        ("phone.heic", b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        ("ball.jpg", b"\xff\xd8GPano:ProjectionType='equirectangular'", "360-degree"),
        ("half.jpg", ROOM.read_bytes()[:300], "cannot be read as a picture"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_are_said_in_words(visit, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    visit.page.set_input_files("#file", str(tmp_path / name))
    message = visit.page.wait_for_selector("#error:not([hidden])", timeout=SECONDS).inner_text()
    assert name in message
    assert words in message
    visit.open(ROOM)  # and the page goes on
    assert visit.page.is_hidden("#error")


def test_avif_of_a_common_brand_is_read_and_not_called_heic(visit, tmp_path):
    Image.open(ROOM).save(tmp_path / "a.avif")
    data = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "common.avif").write_bytes(data.replace(b"ftypavif", b"ftypmif1", 1))
    visit.open(tmp_path / "common.avif")
    assert visit.page.is_hidden("#error")


def test_a_file_without_a_surface_or_points_is_refused_in_words(browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}files.js")  # as text, of the page's origin
    said = page.evaluate(
        """async () => {
            const files = await import('/files.js');
            const none = new Float32Array(), facts = {provenance: {}};
            const surface = {positions: none, uv: none, triangles: none};
            const words = (write) => { try { write(); } catch (error) { return error.message; } };
            return [
                words(() => files.glb(surface, new Uint8Array(4), facts)),
                words(() => files.ply({positions: none, colors: none}, facts)),
            ];
        }"""
    )
    context.close()
    assert "neighbouring pixels" in said[0] and "no point to write" in said[1]


def test_a_picture_given_while_a_damaged_one_is_read_is_shown(visit, pictures):
    visit.open(ROOM)
    good = base64.b64encode(pictures["astronaut"].read_bytes()).decode()
    bad = base64.b64encode(ROOM.read_bytes()[:300]).decode()
    both = f"(pictures) => pictures.forEach({DROP})"
    drops = [["half.jpg", "image/jpeg", bad, "drop"], ["face.png", "image/png", good, "drop"]]
    with visit.waiting():
        visit.page.evaluate(both, drops)
    assert visit.page.get_attribute("#photo", "width") == "512"
    assert visit.page.inner_text("#error").startswith("half.jpg cannot be read as a picture")
    assert visit.page.is_hidden("#status")


def test_an_error_stands_above_the_picture_and_moves_nothing_aside(visit, tmp_path):
    visit.open(ROOM)
    before = visit.page.locator("#frame").bounding_box()
    (tmp_path / "notes.txt").write_text("no picture")
    visit.page.set_input_files("#file", str(tmp_path / "notes.txt"))
    visit.page.wait_for_selector("#error:visible", timeout=SECONDS)
    after = visit.page.locator("#frame").bounding_box()
    error = visit.page.locator("#error").bounding_box()
    assert after["width"] == before["width"]
    assert error["y"] + error["height"] <= after["y"]


def test_a_picture_too_long_and_thin_or_too_large_is_refused(visit, tmp_path):
    Image.new("RGB", (16000, 2)).save(tmp_path / "strip.png")
    visit.page.set_input_files("#file", str(tmp_path / "strip.png"))
    assert "too long and thin" in visit.page.wait_for_selector("#error:visible").inner_text()
    Image.new("1", (8000, 6000)).save(tmp_path / "huge.png")
    visit.page.set_input_files("#file", str(tmp_path / "huge.png"))
    visit.page.wait_for_selector("#error:has-text('48 million pixels')", timeout=SECONDS)


def test_a_phone_wide_screen_needs_no_scrolling_sideways(visit):
    visit.open(ROOM)
    visit.page.set_viewport_size({"width": 375, "height": 740})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 375
    assert visit.page.locator("#frame").bounding_box()["width"] > 250
    visit.page.set_viewport_size({"width": 1280, "height": 800})


def test_dark_and_light_differ_and_both_can_be_read(visit):
    shades = {}
    for scheme in ("light", "dark"):
        visit.page.emulate_media(color_scheme=scheme)
        color = "e => getComputedStyle(e)"
        shades[scheme] = [
            luminance(visit.page.evaluate(f"({color})(document.body).{part}"))
            for part in ("backgroundColor", "color")
        ]
    assert shades["light"][0] > 0.8
    assert shades["dark"][0] < 0.1
    for paper, ink in shades.values():  # WCAG 2: the contrast of small text is at least 4.5
        assert (max(paper, ink) + 0.05) / (min(paper, ink) + 0.05) > 4.5


def luminance(color):
    parts = np.array([float(part) for part in re.findall(r"[\d.]+", color)[:3]]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_everything_that_can_be_used_has_a_name(visit):
    visit.open(ROOM)
    nameless = visit.page.evaluate("""[...document.querySelectorAll(
        'button, input:not([type=file]), select, [tabindex="0"], summary')].filter((e) =>
        !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length))
        .map((e) => e.outerHTML)""")
    assert nameless == []


def test_nothing_is_asked_of_another_host(visit, address):
    own = [url for url in visit.asked if url.startswith((address, "blob:", "data:"))]
    assert own
    assert own == visit.asked


def test_a_plain_web_server_does_with_one_thread(browser, predictor, tmp_path):
    write_page(tmp_path / "page")
    handler = partial(QuietHandler, directory=str(tmp_path / "page"))
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        visit = Visit(browser, url)
        assert "1 thread." in visit.page.inner_text("#facts")
        visit.open(ROOM)
        saved = read_depth(visit.save("png16", tmp_path))
        assert np.abs(saved.depth - predictor(ROOM).depth).max() < 1e-3
        assert not visit.complaints
        visit.context.close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


def test_the_first_picture_may_come_before_the_model(browser, address):
    context = browser.new_context()
    page = context.new_page()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("body.started", timeout=SECONDS)
    page.set_input_files("#file", str(ROOM))
    page.wait_for_selector("#result:not([hidden])", timeout=SECONDS)
    context.close()


def test_a_finger_reads_and_measures(browser, address, predictor):
    visit = Visit(browser, address, has_touch=True, viewport={"width": 375, "height": 740})
    visit.open(ROOM)
    expected = predictor(ROOM)
    box = visit.page.locator("#frame").bounding_box()

    def tap(x, y):
        visit.page.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])

    tap(0.75, 0.5)
    read = float(visit.page.inner_text("#here").split()[0])  # it stays when the finger has left
    around = expected.depth[232:248, 472:488]
    assert around.min() - 0.01 <= read <= around.max() + 0.01
    tap(0.25, 0.5)
    near, far = (slice(232, 248), slice(152, 168)), (slice(232, 248), slice(472, 488))
    points = expected.points()[0].reshape(*expected.shape, 3)
    wanted = np.linalg.norm(points[near].mean((0, 1)) - points[far].mean((0, 1)))
    measured = float(visit.page.inner_text("#distance").split()[0])
    assert measured == pytest.approx(wanted, rel=0.05)
    assert not visit.complaints
    visit.context.close()


def unsure_model(path, spread, novelty):
    """Write a graph whose depth is 2 m everywhere, of a given uncertainty and novelty."""
    import onnx
    from onnx import TensorProto, helper

    shape = [1, "H", "W"]
    nodes = [
        helper.make_node("Shape", ["image"], ["size"], start=0, end=3),
        helper.make_node("ConstantOfShape", ["size"], ["depth"], value=number("two", 2.0)),
        helper.make_node("ConstantOfShape", ["size"], ["uncertainty"], value=number("b", spread)),
        helper.make_node("Constant", [], ["novelty"], value=number("n", novelty)),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [*shape, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name in ("depth", "uncertainty")
    ]
    outputs.append(helper.make_tensor_value_info("novelty", TensorProto.FLOAT, [1]))
    graph = helper.make_graph(nodes, "unsure", [image], outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    config = {"interval_factors": {"80": 1.6}, "training_focal": 260.0}
    model.metadata_props.add(key="leadline", value=json.dumps(config))
    onnx.save(model, path)
    return path


def number(name, value):
    from onnx import TensorProto, helper

    return helper.make_tensor(name, TensorProto.FLOAT, [1], [value])


def test_a_model_that_states_its_uncertainty_is_shown_with_it(browser, tmp_path):
    files = page_files(unsure_model(tmp_path / "unsure.onnx", 0.5, 1.2))
    with serving(open_server(files)) as url:
        visit = Visit(browser, url)
        visit.open(ROOM)
        visit.page.focus("#frame")
        visit.page.keyboard.press("ArrowLeft")
        assert visit.page.inner_text("#here") == "2.00 m"
        assert visit.page.inner_text("#doubt") == "0.90 – 4.45 m"  # 2 exp(-+ 1.6 * 0.5)
        assert "unlike those" in visit.page.inner_text("#unlike")
        visit.context.close()


def test_the_shipped_model_states_intervals_and_knows_rooms(visit, predictor):
    visit.open(ROOM)
    visit.page.focus("#frame")
    visit.page.keyboard.press("ArrowRight")
    low, high = (end[240, 328] for end in predictor(ROOM).interval(80))
    stated = [float(number) for number in re.findall(r"[\d.]+", visit.page.inner_text("#doubt"))]
    assert stated == pytest.approx([low, high], abs=0.011)
    assert visit.page.is_hidden("#unlike")


def test_the_page_of_a_run_predicts_as_the_run_does(browser, quick_run, tmp_path):
    done = CliRunner().invoke(app, ["web", "-o", str(tmp_path / "page"), "--model", str(quick_run)])
    assert done.exit_code == 0, done.output
    handler = partial(QuietHandler, directory=str(tmp_path / "page"))
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        visit = Visit(browser, url)
        visit.open(ROOM)
        saved = read_depth(visit.save("png16", tmp_path))
        # The page has the weights in half precision.
        expected = load(quick_run)(ROOM)
        assert np.median(np.abs(saved.depth / expected.depth - 1)) < 0.01
        assert quick_run.name in visit.page.inner_text("#facts")
        visit.context.close()


@contextmanager
def leadline_serve():
    command = [sys.executable, "-m", "leadline", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield re.search(r"http://\S+?:\d+", process.stdout.readline())[0] + "/"
        finally:
            process.terminate()


def test_the_page_of_leadline_serve_asks_the_server_when_told_to(browser, predictor, tmp_path):
    pytest.importorskip("fastapi")
    with leadline_serve() as url:
        visit = Visit(browser, url)
        visit.open(ROOM)
        assert not any("v1/depth" in asked for asked in visit.asked)  # not without being told
        visit.page.check("[name=where][value=server]")
        visit.open(ROOM)
        assert any("v1/depth" in asked for asked in visit.asked)
        visit.page.fill("#fov-number", "80")
        saved = read_depth(visit.save("png16", tmp_path))
        expected = predictor(ROOM, Intrinsics.from_fov(80, 640, 480))
        # The server may compute in bfloat16.
        assert np.median(np.abs(saved.depth / expected.depth - 1)) < 0.02
        assert not visit.complaints
        visit.context.close()
