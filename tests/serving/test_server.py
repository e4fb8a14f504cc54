"""The process: a real socket, the client, slow and endless requests, and the end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import uvicorn
from PIL import Image

import leadline
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.serving import body, server
from leadline.serving.app import DepthService
from leadline.serving.client import Client
from leadline.serving.server import DrainingServer, PatientProtocol
from tests.cli.helpers import fails_in_one_line, leadline_here
from tests.serving.pictures import app_of, lens, picture

PHOTO = picture()
PATIENCE = 0.3


@contextmanager
def running(predictor, **options) -> Iterator[tuple[tuple[str, int], DepthService]]:
    """Serve on a free port, in a thread of this process; yield its address and its service."""
    app, service = app_of(predictor, **options)
    config = uvicorn.Config(
        app, http=PatientProtocol, ws="none", lifespan="on", log_config=None, access_log=False
    )
    listener = server._listen("127.0.0.1", 0)
    running_server = DrainingServer(config, service)
    thread = threading.Thread(target=running_server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not running_server.started:
        time.sleep(0.01)
    try:
        yield listener.getsockname(), service
    finally:
        running_server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def address(predictor):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "PATIENCE_SECONDS", PATIENCE)
        patch.setattr(body, "LINGER_SECONDS", 0.2)
        with running(predictor, max_body=300_000, deadline=2.0) as (address, _):
            yield address


@pytest.fixture
def client(address):
    return Client(f"http://{address[0]}:{address[1]}")


def test_the_client_gives_the_depth_map_of_the_predictor(client, predictor, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(picture(kind="JPEG", exif=lens(50)))
    with Image.open(tmp_path / "photo.jpg") as opened:
        images = [tmp_path / "photo.jpg", str(tmp_path / "photo.jpg"), PHOTO, opened]
        images.append(np.asarray(opened))
        for image in images:
            wanted, got = predictor(image), client(image)
            np.testing.assert_array_equal(got.depth, wanted.depth)
            assert got.intrinsics == wanted.intrinsics
            assert got.provenance["camera"] == wanted.provenance["camera"]
    camera = leadline.Intrinsics(70.0, 71.0, 30.0, 25.0, 64, 48)
    np.testing.assert_allclose(client(PHOTO, camera).depth, predictor(PHOTO, camera).depth)
    assert client(PHOTO, fov=60).provenance["camera"] == "declared"
    assert client(PHOTO, camera="ignore").provenance["camera_use"] == "ignored"
    assert client.models()[0]["name"] == "crisp-nyu"


def test_pillow_images_of_every_mode_are_those_of_the_predictor(client, predictor, tmp_path):
    grey = np.linspace(0, 65535, 48 * 64).astype(np.uint16).reshape(48, 64)
    (tmp_path / "grey.ppm").write_bytes(b"P5\n64 48\n65535\n" + grey.astype(">u2").tobytes())
    (tmp_path / "turned.jpg").write_bytes(picture(kind="JPEG", exif=lens(50, orientation=6)))
    images = [Image.fromarray(grey), Image.open(tmp_path / "grey.ppm")]
    images += [Image.open(tmp_path / "turned.jpg")]
    images += [Image.open(BytesIO(PHOTO)).convert(mode) for mode in ("L", "LA", "CMYK", "P", "1")]
    for image in images:
        wanted, got = predictor(image), client(image)
        np.testing.assert_array_equal(got.depth, wanted.depth)
        assert got.intrinsics == wanted.intrinsics
    for number in (np.int32, np.float32):
        with pytest.raises(LeadlineError, match=r"picture: holds .* white level is unknown"):
            client(Image.fromarray(grey.astype(number)))


def test_the_client_has_uncertainty_novelty_classes_and_camera_as_the_predictor(predictor):
    plain, factors = predictor.predict(PHOTO), {"80": 1.6}
    scale = np.random.default_rng(0).random(plain.depth.shape, dtype=np.float32)
    depth = replace(plain.depth, uncertainty=scale, interval_factors=factors)
    labels = np.arange(scale.size, dtype=np.int32).reshape(scale.shape)
    wanted = replace(plain, depth=depth, labels=labels, novelty=0.73)
    states_all = copy(predictor)
    states_all.predict = lambda *photo: wanted
    with running(states_all) as ((host, port), _):
        got = Client(f"http://{host}:{port}").predict(PHOTO)
    np.testing.assert_array_equal(got.depth.uncertainty, scale)
    for end, expected in zip(got.depth.interval(80), depth.interval(80), strict=True):
        np.testing.assert_array_equal(end, expected)
    np.testing.assert_array_equal(got.labels, labels)
    assert (got.novelty, got.camera) == (0.73, plain.camera)


def test_the_client_warns_of_what_the_server_warns_of(predictor):
    with (
        running(predictor) as ((host, port), service),
        pytest.warns(LeadlineWarning) as warned,
        service.warning_collector.installed(),  # again: pytest hears the warnings of all threads
    ):
        Client(f"http://{host}:{port}")(PHOTO, fov=0.5)
    [warning] = warned
    assert str(warning.message).startswith(f"http://{host}:{port}: fov 0.5: a focal length of")
    assert warning.filename == __file__


def test_the_client_reads_names_in_any_script_back(predictor):
    unlike = copy(predictor)
    unlike.predict = lambda *photo: replace(predictor.predict(*photo), novelty=1.53)
    with (
        running(unlike, models={"深度": "crisp-nyu"}) as ((host, port), _),
        pytest.warns(LeadlineWarning, match="unlike those that 深度 was trained on"),
    ):
        assert Client(f"http://{host}:{port}", model="深度")(PHOTO).shape == (48, 64)


def test_the_client_says_what_the_server_says(client, tmp_path):
    with pytest.raises(LeadlineError, match="no picture"):
        client(b"nothing")
    with pytest.raises(LeadlineError, match="not served here"):
        Client(client.url, model="other")(PHOTO)
    with pytest.raises(LeadlineError, match="no such file"):
        client(tmp_path / "missing.jpg")
    with pytest.raises(LeadlineError, match="300,000 bytes"):
        client(bytes(500_000))
    with pytest.raises(LeadlineError, match="address of a server"):
        Client("localhost:8000")
    with pytest.raises(LeadlineError, match="does not answer"):
        Client("http://127.0.0.1:1")(PHOTO)


def answer_to(address, sent: bytes, seconds: float = 5.0) -> bytes:
    """Send bytes, and return everything that comes until the server ends the connection."""
    with socket.create_connection(address, timeout=seconds) as connection:
        connection.sendall(sent)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_a_client_waits_when_the_server_is_busy(client, monkeypatch):
    """The server is a stand-in: it is busy twice, and says how long."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    waits = []
    monkeypatch.setattr("leadline.serving.client.time.sleep", waits.append)
    busy = b"HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def answer():
        for reply in (busy, busy, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(LeadlineError, match="does not answer as 'leadline serve'"):
        Client(f"http://127.0.0.1:{port}").models()
    thread.join()
    listener.close()
    assert waits == [7.0, 7.0]


HEAD = b"POST /v1/depth HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"


def test_a_body_that_comes_too_slowly(address):
    answer = answer_to(address, HEAD + b"Content-Length: 1000\r\n\r\nabc")
    assert b" 408 " in answer and b"connection: close" in answer and b"3 bytes" in answer


def test_a_head_that_never_ends_and_a_connection_that_says_nothing(address):
    began = time.monotonic()
    for sent in (b"POST /v1/depth HT", b""):
        with suppress(ConnectionResetError):
            assert answer_to(address, sent) == b""
    assert time.monotonic() - began < 20 * PATIENCE


@pytest.mark.parametrize("path", [b"/v1/depth", b"/nothing"])
def test_an_endless_body_is_answered_and_cut_off(address, path):
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(
            b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"8000\r\n" + bytes(0x8000) + b"\r\n"
        with pytest.raises(OSError):  # reset or broken pipe, as it comes
            for _ in range(10_000):
                connection.sendall(chunk)


def test_who_asks_before_he_sends_too_much_is_told_so(address):
    sent = HEAD + b"Expect: 100-continue\r\nContent-Length: 900000000\r\n\r\n"
    answer = answer_to(address, sent)
    assert answer.startswith(b"HTTP/1.1 413 ") and b"100 Continue" not in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST /v1/depth HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/depth HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /v1/depth HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000,
    ],
)
def test_what_is_no_http_ends_in_400(address, sent):
    assert b" 400 " in answer_to(address, sent)


def test_a_client_that_leaves_is_not_waited_for(address, client):
    for _ in range(5):
        with socket.create_connection(address) as connection:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(PHOTO) + PHOTO)
    assert client(PHOTO).shape == (48, 64)


@contextmanager
def command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `leadline serve`; yield the process and its address."""
    child = subprocess.Popen(
        [sys.executable, "-m", "leadline", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("serving crisp-nyu on http://127.0.0.1:"), line
        yield child, line.split()[3]
    finally:
        child.kill()
        child.wait()


def test_sigterm_answers_what_was_accepted_and_ends_with_status_0(tmp_path):
    with command("--workers", "1") as (child, url):
        answers: list[object] = []
        large = picture((600, 800), "JPEG")
        threads = [
            threading.Thread(target=lambda: answers.append(Client(url, retries=0)(large)))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        metrics = url + "/metrics"
        while not _is_in_work(metrics):
            time.sleep(0.01)
        child.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(30)
        assert [each.shape for each in answers] == [(600, 800)] * 6
        assert child.wait(30) == 0
        log = [json.loads(line) for line in child.stderr.read().splitlines()]
        assert log[0]["message"] == "start" and log[-1]["message"] == "stopped"
        with pytest.raises(LeadlineError, match="does not answer"):
            Client(url)(PHOTO)


def test_answers_to_what_came_before_the_signal_end_their_connections(predictor, monkeypatch):
    begun = threading.Event()
    with running(predictor) as (address, service):
        estimate = service._estimate

        def slowly(*arguments):
            begun.set()
            while not service.is_draining:
                time.sleep(0.01)
            return estimate(*arguments)

        monkeypatch.setattr(service, "_estimate", slowly)
        threading.Thread(target=lambda: begun.wait(10) and _drain(service)).start()
        sent = HEAD + b"Content-Length: %d\r\n\r\n" % len(PHOTO) + PHOTO
        answer = answer_to(address, sent)
        assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\nconnection: close\r\n" in answer


def _drain(service) -> None:
    service.is_draining = True


def _is_in_work(url: str) -> bool:
    """Whether all six requests are in the queue or done."""
    import urllib.request

    with urllib.request.urlopen(url) as response:
        lines = response.read().decode().splitlines()
    values = dict(line.rpartition(" ")[::2] for line in lines if not line.startswith("#"))
    read = float(values.get("leadline_request_bytes_count", 0))
    return read >= 6


def test_addresses_that_are_not_free(address):
    fails_in_one_line(leadline_here("serve", "--port", address[1]), str(address[1]), "--port")
    fails_in_one_line(leadline_here("serve", "--host", "no.such.host.invalid"), "no such address")
    fails_in_one_line(leadline_here("serve", "--port", "99999"), "99999")
    fails_in_one_line(leadline_here("serve", "--model", "missing.onnx"), "missing.onnx")
    fails_in_one_line(leadline_here("serve", "--workers", "0"), "workers = 0")


@pytest.mark.parametrize("option", ["--max-body", "--max-pixels", "--model-memory", "--deadline"])
@pytest.mark.parametrize("value", ["inf", "nan", "-inf", "0", "-1"])
def test_limits_that_are_no_number_of_anything(option, value):
    fails_in_one_line(leadline_here("serve", option, value), option.strip("-").split("-")[0], value)


@pytest.mark.parametrize("command", ["serve", "predict", "video"])
def test_the_help_names_every_precision_that_auto_takes(command):
    said = " ".join(leadline_here(command, "--help").stdout.split())
    assert "auto: int8 or bf16" in said


def test_without_the_extra_one_line_says_what_to_install():
    hide = "import sys; sys.modules['fastapi'] = None\n"
    code = f"{hide}from leadline.cli import main; sys.argv = ['leadline', 'serve']; main()"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ
    )
    fails_in_one_line(result, "leadline[serve]")
