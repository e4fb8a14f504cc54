"""`leadline web` without a browser: the files, the server and the command."""

import base64
import hashlib
import json
import re
import socket
import struct
import threading
import time
from http.client import HTTPConnection

import leadline_web
import numpy as np
import onnxruntime
import pytest
from typer.testing import CliRunner

import leadline
from leadline.cli import app
from leadline.errors import LeadlineError
from leadline.hub.card import model_card
from leadline.inference import find_model
from leadline.viz.color import COLORMAPS, color_table
from leadline.web import HEADERS, open_server, page_files, write_page
from leadline.web.page import CARD, about_model
from tests.web.pages import PAGE, PINS, VENDOR, load_fetcher

SCRIPTS = sorted(PAGE.glob("*.js"))


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    """A folder of libraries that stands in for the fetched ones."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    (folder / "engine.wasm").write_bytes(b"\0asm1234")
    monkeypatch.setattr(leadline_web, "vendor_folder", lambda: folder)
    return folder


def test_the_model_of_the_page_is_the_shipped_one(libraries):
    files = page_files()
    picture = np.random.default_rng(1).integers(0, 256, (1, 60, 80, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(files["model.onnx"])
    (depth,) = session.run(["depth"], {"image": picture})
    expected = leadline.load(precision="f32")(picture[0]).depth
    assert np.abs(depth[0] - expected).max() < 1e-3
    assert files["vendor/engine.wasm"] == libraries / "engine.wasm"


@pytest.mark.parametrize(
    ("model", "said", "limit"),
    [
        (
            "crisp-nyu",
            "Leadline's default model",
            "outdoor scenes, or distances beyond 10 m; c",
        ),
        (
            "compact-nyu",
            "A light model that ships",
            "outdoor scenes, or distances beyond 10 m; p",
        ),
        ("crisp-street", "Leadline's model for streets", "rooms (use crisp-nyu); what"),
    ],
)
def test_the_page_says_what_a_model_is_for_and_what_not(model, said, limit):
    lead, limits = about_model(find_model(model).parent / CARD)[1:3]
    assert lead.startswith(said) and "RGB photograph" in lead
    assert limits.startswith(f"Do not use it for: {limit}")
    assert "\n" not in limits and limits.endswith(".")
    assert not {"`", "*"} & set(lead + limits)


def test_the_page_reads_the_cards_that_training_and_the_hub_write(quick_run, tmp_path):
    (tmp_path / CARD).write_text(model_card("rooms", {"architecture": "compact"}, [], None))
    for folder in (tmp_path, quick_run / "model"):
        assert "RGB photograph" in about_model(folder / CARD)[1]


def test_the_page_knows_the_model_and_the_colours(libraries):
    files = page_files()
    config = json.loads(files["config.json"])
    assert config["model"]["training_focal"] == pytest.approx(259.56846482)
    assert config["name"] == "crisp-nyu"
    assert config["server"] is None
    assert config["bytes"] == 8 + len(files["model.onnx"])
    for name in COLORMAPS:
        colors = np.frombuffer(bytes.fromhex(config["colors"][name]), np.uint8).reshape(256, 3)
        assert (colors == color_table(name)).all()


def test_a_checkout_without_the_libraries_says_what_to_run(libraries):
    (libraries / "engine.wasm").unlink()
    with pytest.raises(LeadlineError, match="make web"):
        page_files()


def test_openvino_files_are_refused(tmp_path, libraries):
    model = tmp_path / "net.xml"
    model.write_text("<net/>")
    with pytest.raises(LeadlineError, match=r"net\.xml: browsers run ONNX"):
        page_files(model)


def test_a_model_for_photographs_of_one_size_is_refused(libraries, monkeypatch):
    about = {"leadline": json.dumps({"picture_size": [480, 640]})}
    monkeypatch.setattr("leadline.web.page.read_metadata", lambda _graph: about)
    with pytest.raises(LeadlineError, match=r"takes photographs of 640x480 alone"):
        page_files()


def test_the_server_knows_its_files_alone(libraries):
    files = {"vendor/a.wasm": libraries / "engine.wasm", "gone.js": libraries / "gone.js"}
    server = open_server({"index.html": b"<p>page", "whole.html": PAGE / "index.html", **files})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        answers = {}
        strangers = ("/../pyproject.toml", "/libraries/engine.wasm")
        for path in ("/", "/whole.html", "/vendor/a.wasm", *strangers):
            connection.request("GET", path)
            answer = connection.getresponse()
            answers[path] = answer.status, answer.headers, answer.read()
        connection.request("HEAD", "/")
        head = connection.getresponse()
        gone = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        gone.request("GET", "/gone.js")
        assert gone.getresponse().status == 500
        assert (head.status, head.headers["Content-Length"], head.read()) == (200, "7", b"")
    finally:
        server.shutdown()
        server.server_close()
    status, headers, content = answers["/"]
    assert (status, content) == (200, b"<p>page")
    assert HEADERS.items() <= dict(headers).items()
    assert answers["/whole.html"][2] == (PAGE / "index.html").read_bytes()
    assert answers["/vendor/a.wasm"][1]["Content-Type"] == "application/wasm"
    assert answers["/vendor/a.wasm"][2] == b"\0asm1234"
    assert answers["/../pyproject.toml"][0] == answers["/libraries/engine.wasm"][0] == 404


def test_a_browser_that_leaves_is_no_fault(capfd):
    with open_server({"index.html": bytes(30_000_000)}) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        connection = socket.create_connection(server.server_address)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()  # with a reset
        time.sleep(0.1)
        server.shutdown()
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_said(libraries):
    with open_server({}) as first, pytest.raises(LeadlineError, match="give another --port"):
        open_server({}, first.server_port)


def test_the_command_writes_the_page(tmp_path, libraries):
    done = CliRunner().invoke(app, ["web", "-o", str(tmp_path / "page")])
    assert done.exit_code == 0, done.output
    assert {"index.html", "app.js", "model.onnx"} <= {p.name for p in (tmp_path / "page").iterdir()}
    assert (tmp_path / "page" / "vendor" / "engine.wasm").read_bytes() == b"\0asm1234"


def test_the_size_that_is_written_is_said(tmp_path, libraries):
    size = write_page(tmp_path / "page")
    assert size == sum(path.stat().st_size for path in (tmp_path / "page").rglob("*.*"))


def test_every_library_that_a_script_wants_is_pinned():
    pinned = json.loads(PINS.read_text())["packages"]
    names = {name.rpartition("/")[2] for package in pinned for name in package["files"]}
    texts = [path.read_text() for path in [*SCRIPTS, PAGE / "index.html"]]
    wanted = {name for text in texts for name in re.findall(r"\./vendor/([\w.-]+)", text)}
    assert wanted
    assert wanted <= names


def test_fetched_libraries_are_the_pinned_ones():
    if not any(VENDOR.glob("*.wasm")):
        pytest.skip("the page's libraries are not here (make web)")
    for path in load_fetcher().fetch_vendor():
        package = next(p for p in json.loads(PINS.read_text())["packages"] if has(p, path.name))
        entry = next(sha for name, sha in package["files"].items() if name.endswith(path.name))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry


def has(package, name):
    return any(each.endswith(f"/{name}") for each in package["files"])


def test_the_page_asks_no_other_host():
    for path in [*SCRIPTS, *PAGE.glob("*.html"), *PAGE.glob("*.css"), *PAGE.glob("*.svg")]:
        addresses = set(re.findall(r"https?://[^\"'\s)]+", path.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path


def test_the_inline_import_map_is_the_one_that_the_policy_allows():
    page = (PAGE / "index.html").read_text()
    (import_map,) = re.findall(r'<script type="importmap">(.*?)</script>', page)
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page
    assert "connect-src 'self'" in page


def test_both_distributions_have_one_version():
    assert leadline_web.__version__ == leadline.__version__
