"""`POST /v1/depth`: what is sent, what comes back, what is refused; without a socket."""

import base64
import json
import struct
import sys
import zlib
from copy import copy
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from leadline.depth import DepthMap, Intrinsics
from leadline.inference import Prediction
from leadline.inference.camera import PhotoCamera
from leadline.io.formats import read_depth
from leadline.io.photos import Photo
from leadline.serving.answers import FORMATS, Estimate, choose_format, encode_answer
from leadline.serving.headers import escape_header, unescape_header
from leadline.serving.parameters import DepthParameters
from leadline.serving.problems import ProblemError
from tests.serving.pictures import app_of, lens, picture

PHOTO = picture()
MILLIMETRE = 1e-3


@pytest.fixture(scope="module")
def served(predictor):
    app, service = app_of(predictor, max_body=300_000, max_pixels=200_000)
    with TestClient(app) as client:
        yield client, service


@pytest.fixture
def client(served):
    return served[0]


@pytest.fixture(scope="module")
def expected(predictor):
    """The metres of PHOTO without a server."""
    return predictor(PHOTO).depth


def post(client, body=PHOTO, query="", accept="application/x-npy", **headers):
    return client.post(
        f"/v1/depth?{query}",
        content=body,
        headers={"Content-Type": "image/png", "Accept": accept, **headers},
    )


def metres(response) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.load(BytesIO(response.content))


def problem(response, status: int, *words: str) -> dict:
    """Check an error for one line of JSON that says what is wrong."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.content.count(b"\n") == 1 and response.content.endswith(b"\n")
    content = response.json()
    assert content["status"] == status
    assert content["request_id"] == response.headers["X-Request-ID"]
    for word in words:
        assert word in content["detail"], content
    return content


def test_every_body_gives_the_metres_of_the_predictor(client, expected):
    form = client.post("/v1/depth", files={"file": ("a.png", PHOTO)}, data={"format": "npy"})
    text = base64.b64encode(PHOTO).decode()
    lines = base64.encodebytes(PHOTO).decode()
    inputs = [text, f"data:image/png;base64,{text}", lines, lines.replace("\n", "\r\n")]
    as_json = [
        client.post("/v1/depth", json={"inputs": each, "parameters": {"format": "npy"}})
        for each in inputs
    ]
    named = client.post("/v1/depth", files={"image": b"x" * 9000})
    problem(named, 422, "'image'", "sent as 'file'")
    untyped = client.post("/v1/depth?format=npy", content=PHOTO)
    for response in (post(client), form, *as_json, untyped):
        np.testing.assert_array_equal(metres(response), expected)


def test_fields_of_a_form_that_are_left_empty_are_not_given(client, expected):
    fields = {"format": "npy", "fov": "", "model": "", "intrinsics": "", "cmap": "", "range": ""}
    response = client.post("/v1/depth", files={"file": ("a.png", PHOTO)}, data=fields)
    np.testing.assert_array_equal(metres(response), expected)
    query = client.post("/v1/depth?format=npy&fov=&model=", content=PHOTO)
    np.testing.assert_array_equal(metres(query), expected)
    wrong = client.post("/v1/depth", files={"file": ("a.png", PHOTO)}, data={"vof": ""})
    problem(wrong, 422, "'vof' is no parameter")


def test_avif_of_a_common_brand_needs_no_reader_of_heic(client, predictor, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    photo = picture(kind="AVIF")
    common = photo.replace(b"ftypavif", b"ftypmif1", 1)
    assert common != photo
    np.testing.assert_allclose(metres(post(client, common)), predictor(photo).depth, atol=1e-4)
    heic = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(40)
    problem(post(client, heic), 415, "leadline[heic]")


def test_png16_is_a_depth_file_that_says_its_unit(client, expected, tmp_path):
    response = post(client, accept="*/*")
    assert response.headers["Content-Type"] == "image/png"
    (tmp_path / "depth.png").write_bytes(response.content)
    read = read_depth(tmp_path / "depth.png")  # refused without a unit
    np.testing.assert_allclose(read.depth, expected, atol=0.51 * MILLIMETRE)
    assert read.provenance["model"] == "compact-nyu"
    assert read.intrinsics is not None


def test_numbers_of_other_types(client, expected):
    half = metres(post(client, accept="application/x-npy; dtype=float16"))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, expected, rtol=2**-11)
    response = post(client, accept="application/x-npy;dtype=uint16")
    assert response.headers["Leadline-Unit"] == "1/1000 metre"
    np.testing.assert_array_equal(metres(response), np.rint(expected * 1000.0))


def test_json_holds_depth_camera_and_model(client, expected):
    response = post(client, accept="application/json", query="fov=60")
    content = response.json()
    depth = content["depth"]
    assert (depth["shape"], depth["unit"], depth["encoding"]) == ([48, 64], "m", "png16")
    with Image.open(BytesIO(base64.b64decode(depth["data"]))) as image:
        values = np.asarray(image) / depth["scale"]
    scale = content["camera"]["scale"]
    np.testing.assert_allclose(values, expected * scale, atol=0.51 * MILLIMETRE)
    assert content["camera"]["source"] == "declared" and content["model"] == "crisp-nyu"
    # 60 degrees across 64 pixels: f = 32 / tan(30 degrees)
    assert content["camera"]["intrinsics"]["fx"] == pytest.approx(32 * 3**0.5)


def test_json_holds_the_uncertainty_and_the_classes_of_models_that_state_them():
    scale, factors = np.full((2, 3), 0.1, np.float32), {"80": 1.6}
    metres = np.array([[1, 2, 3], [4, 5, 0]], np.float32)
    depth = DepthMap.from_metres(metres, uncertainty=scale, interval_factors=factors)
    labels = np.arange(6, dtype=np.int32).reshape(2, 3) * 100
    camera = PhotoCamera(None, "unknown", "no training camera")
    photo = Photo(np.zeros((2, 3, 3), np.uint8))
    estimate = Estimate(photo, Prediction(depth, camera, labels), DepthParameters(), "m", [], "id")
    content = json.loads(encode_answer(estimate, "json").body)
    stated = content["uncertainty"]
    values = np.load(BytesIO(base64.b64decode(stated["data"])))
    np.testing.assert_allclose(values, scale, rtol=2**-11)
    assert stated["interval_factors"] == factors and "not metres" in stated["kind"]
    with Image.open(BytesIO(base64.b64decode(content["labels"]["data"]))) as image:
        assert np.array_equal(np.asarray(image), labels)
    with pytest.raises(ProblemError, match="camera"):
        encode_answer(estimate, "ply")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("color-jpeg", b"\xff\xd8\xff"),
        ("color-png", b"\x89PNG"),
        ("color-webp", b"RIFF"),
        ("glb", b"glTF"),
        ("mesh", b"glTF"),
        ("ply", b"ply\n"),
    ],
)
def test_pictures_and_points(client, name, begins):
    response = post(client, query=f"format={name}&fov=60")
    assert response.status_code == 200 and response.content.startswith(begins)
    by_accept = post(client, accept=FORMATS[name].content_type, query="fov=60")
    assert by_accept.content == response.content
    assert by_accept.headers["Content-Type"] == FORMATS[name].content_type


def test_an_archive_is_a_depth_file(client, expected, tmp_path):
    response = post(client, accept="application/x-npz")
    (tmp_path / "depth.npz").write_bytes(response.content)
    depth = read_depth(tmp_path / "depth.npz")
    np.testing.assert_array_equal(depth.depth, expected)
    assert depth.intrinsics is not None and depth.provenance["model"] == "compact-nyu"


def test_colours_have_the_range_that_was_asked_for(client):
    response = post(client, query="format=color-png&range=0.5,8&cmap=gray&bar=false")
    assert response.headers["Leadline-Range"] == "0.5,8"
    with Image.open(BytesIO(response.content)) as image:
        assert image.size == (64, 48)
    problem(post(client, query="format=color-png&range=8,0.5"), 422, "8", "0.5")
    problem(post(client, query="range=near"), 422, "near")


def test_the_camera_means_what_it_means_in_predict(client, predictor):
    camera = Intrinsics(70.0, 71.0, 30.0, 25.0, 64, 48)
    wanted = predictor(PHOTO, camera).depth
    given = json.dumps(camera.to_dict())
    double = json.dumps({"fx": 140, "fy": 142, "cx": 60.5, "cy": 50.5, "width": 128, "height": 96})
    for text in ("70 71 30 25", "70,0,30, 0,71,25, 0,0,1", given, double, "[70,71,30,25]"):
        response = client.post(
            "/v1/depth?format=npy", files={"file": PHOTO}, data={"intrinsics": text}
        )
        np.testing.assert_allclose(metres(response), wanted, rtol=1e-6)
    body = {"inputs": base64.b64encode(PHOTO).decode(), "parameters": {"format": "npy"}}
    body["parameters"]["intrinsics"] = camera.to_dict()
    np.testing.assert_allclose(metres(client.post("/v1/depth", json=body)), wanted, rtol=1e-6)


def test_the_exif_block_is_read_and_may_be_ignored(client, predictor):
    photo = picture(kind="JPEG", exif=lens(50))
    prediction = predictor.predict(photo)
    assert prediction.camera.source == "exif" and prediction.camera.scale != 1
    np.testing.assert_allclose(metres(post(client, photo)), prediction.depth.depth, rtol=1e-6)
    ignored = metres(post(client, photo, query="camera=ignore"))
    np.testing.assert_allclose(ignored * prediction.camera.scale, prediction.depth.depth, rtol=1e-5)


def test_what_is_not_believed_is_a_warning_of_this_request_alone(served):
    client, service = served
    with service.warning_collector.installed():  # again: pytest takes those of each test
        response = post(client, query="fov=0.5", accept="application/json")
        lens, clamped = response.json()["warnings"]
        assert "fov 0.5" in lens and "beyond 65.535 m" in clamped
        assert response.headers["Leadline-Warning"] == f"{lens} | {clamped}"
        assert post(client, accept="application/json").json()["warnings"] == []


def test_a_picture_unlike_the_training_pictures_is_named(predictor):
    unlike = copy(predictor)
    unlike.predict = lambda *photo: replace(predictor.predict(*photo), novelty=1.53)
    app, service = app_of(unlike)
    with TestClient(app) as client, service.warning_collector.installed():
        response = post(client, accept="application/json")
    content = response.json()
    assert content["novelty"] == 1.53
    assert response.headers["Leadline-Novelty"] == "1.53"
    [warning] = content["warnings"]
    assert "unlike those that crisp-nyu was trained on (novelty 1.53;" in warning


def test_a_model_may_be_called_in_any_script(predictor):
    named = copy(predictor)
    named.name = "深度 é"
    named.predict = lambda *photo: replace(predictor.predict(*photo), novelty=1.53)
    app, _ = app_of(named, models={"深度 é": "crisp-nyu"})
    with TestClient(app) as client:
        for name in FORMATS:
            response = post(client, query=f"format={name}&model=深度 é&fov=60")
            assert response.status_code == 200, name
            assert unescape_header(response.headers["Leadline-Model"]) == "深度 é"
            assert "those that 深度 é was" in unescape_header(response.headers["Leadline-Warning"])
        assert client.get("/v1/models").json()["models"][0]["name"] == "深度 é"
        problem(post(client, query="model=é"), 404, "there are 深度 é")


@pytest.mark.parametrize("text", ["深度", "C:\\new\\u6df1", "é\\n\\x", "a\nb\x1b", ""])
def test_text_in_headers_is_read_back(text):
    assert unescape_header(escape_header(text)) == text
    assert escape_header(text).isascii() and escape_header(text).isprintable()


def test_pictures_beside_each_other_take_the_form_for_many(predictor):
    many, alone = copy(predictor), copy(predictor)
    many.predict = lambda *photo: replace(predictor.predict(*photo), novelty=0.25)
    alone.for_many = lambda: many
    app, service = app_of(alone)
    with TestClient(app) as client:
        assert "Leadline-Novelty" not in post(client).headers
        service.queue.held = 1  # as if another one were in work
        assert post(client).headers["Leadline-Novelty"] == "0.25"
        service.queue.held = 0


def test_a_model_that_does_not_state_novelty_says_nothing_of_it(client):
    response = post(client, accept="application/json")
    assert "novelty" not in response.json() and "Leadline-Novelty" not in response.headers


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "png16"),
        ("*/*", "png16"),
        ("image/*", "png16"),
        ("text/html, */*;q=0.1", "png16"),
        ("application/x-npy", "npy"),
        ("application/x-npy; dtype=uint16", "npy-mm"),
        ("application/json;q=0.5, image/jpeg", "color-jpeg"),
        ("image/png; kind=color, image/png;q=0.9", "color-png"),
        ("image/*, image/png;q=0", "color-jpeg"),
        ("model/gltf-binary;kind=mesh", "mesh"),
        ("image/png;q=x, application/json", "json"),
    ],
)
def test_accept_chooses_by_quality_and_then_by_what_is_most_exact(accept, name):
    assert choose_format(accept) == name


@pytest.mark.parametrize(
    "accept", ["text/html", "image/png;q=0", "application/x-npy;dtype=int8", ";"]
)
def test_accept_of_nothing_that_is_sent(client, accept):
    with pytest.raises(ProblemError):
        choose_format(accept)
    problem(post(client, accept=accept), 406, "image/png")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("fov=0", ["fov"]),
        ("fov=180", ["fov", "180"]),
        ("fov=nan", ["fov"]),
        ("fov=60&fov=60", ["fov", "2 times"]),
        ("fov=60&intrinsics=1+1+1+1", ["not both"]),
        ("vof=60", ["'vof'", "fov"]),
        ("format=tiff", ["format"]),
        ("camera=none", ["camera"]),
        ("cmap=jet", ["cmap"]),
        ("format=ply&cmap=turbo", ["cmap: is about colours", "ply has none", "color-png"]),
        ("range=1,2", ["range: is about colours"]),
        ("format=npz&bar=false", ["bar: is about colours"]),
        ("intrinsics=/etc/passwd", ["no camera"]),
        ("intrinsics=1+2+3", ["3 numbers"]),
        ("intrinsics=0.9+0.9+0.5+0.5", ["normalised"]),
        ('intrinsics={"K":"/etc/passwd"}', ["intrinsics"]),
        ('intrinsics="/etc/passwd"', ["no camera"]),
        ("intrinsics=" + "[" * 3000, ["no camera"]),
        ("format=glb&intrinsics=1e400+1+1+1", ["finite"]),
    ],
)
def test_parameters_that_are_not_possible(client, query, words):
    problem(post(client, query=query), 422, *words)


def test_an_unknown_model_is_not_looked_for(client, tmp_path):
    problem(post(client, query="model=compact-nyv"), 404, "did you mean 'crisp-nyu'")
    problem(post(client, query=f"model={tmp_path}"), 404, "not served")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "word"),
    [
        (b"", "image/png", 422, "no bytes"),
        (b"hello", "image/png", 415, "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "image/eps", 415, "no picture"),
        (b"photos/my photo.jpg", "application/octet-stream", 415, "the bytes of the file"),
        (PHOTO, "text/plain", 415, "text/plain"),
        (PHOTO, "application/x-www-form-urlencoded", 415, "multipart"),
        (PHOTO[:200], "image/png", 422, "damaged"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "image/jpeg", 422, "(cannot identify image file)"),
        (b"{", "application/json", 400, "JSON"),
        (b"[" * 100_000, "application/json", 400, "deep"),
        (b"[]", "application/json", 422, "inputs"),
        (b'{"inputs": 3}', "application/json", 422, "inputs"),
        (b'{"inputs": "http://example.org/a.jpg"}', "application/json", 422, "never read"),
        (b'{"inputs": "/etc/passwd"}', "application/json", 422, "inputs"),
        (b'{"inputs": "", "parameters": {}}', "application/json", 422, "no bytes"),
        (b'{"inputs": "", "parameters": []}', "application/json", 422, "parameters"),
        (b'{"inputs": "", "fov": 60}', "application/json", 422, "'fov'"),
        (b"\xff\xfe", "application/json", 400, "JSON"),
        (b"--x\r\n", "multipart/form-data", 400, "boundary"),
        (b"nothing", "multipart/form-data; boundary=x", 400, "form"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x", 400, "cut short"),
        (b"--x--\r\n", "multipart/form-data; boundary=x", 422, "0 fields"),
        (b"", "multipart/form-data; boundary=" + "x" * 300, 400, "form"),
    ],
)
def test_bodies_that_are_no_picture(client, body, content_type, status, word):
    problem(post(client, body, **{"Content-Type": content_type}), status, word)


def test_a_form_with_two_pictures_or_very_many_fields(client):
    two = [("file", ("a", PHOTO)), ("file", ("b", PHOTO))]
    problem(client.post("/v1/depth", files=two), 422, "2 fields")
    many = {f"field{number}": "1" for number in range(40)}
    problem(client.post("/v1/depth", files={"file": PHOTO}, data=many), 422, "more than 20")


def test_a_compressed_body_is_refused(client):
    problem(
        post(client, zlib.compress(PHOTO), **{"Content-Encoding": "deflate"}), 415, "compressed"
    )


def test_too_many_bytes(client):
    problem(post(client, bytes(300_001)), 413, "300,000")
    endless = (bytes(10_000) for _ in range(100))
    problem(post(client, endless), 413, "300,000")


def bomb(width: int, height: int) -> bytes:
    """A PNG that unpacks to black pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9) if width * height < 1e9 else b""
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_pictures_that_unpack_to_too_many_pixels_are_not_unpacked(client):
    webp = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xfe\x3f\0" * 2 + bytes(8)
    for body, size in ((bomb(8000, 8000), "8000 x 8000"), (webp, "16383 x 16383")):
        problem(post(client, body), 413, size, "200,000")
    problem(post(client, bomb(60_000, 60_000)), 413)
    problem(post(client, picture((500, 401), "JPEG")), 413, "401 x 500")
    assert post(client, picture((500, 400), "JPEG")).status_code == 200


def test_a_picture_too_long_and_thin_for_the_network(client):
    problem(post(client, picture((1, 9000))), 422, "too long and thin")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "TIFF", "PPM", "GIF", "AVIF", "JPEG2000"])
def test_other_formats_of_pictures(client, kind, predictor):
    photo = picture(kind=kind)
    np.testing.assert_allclose(metres(post(client, photo)), predictor(photo).depth, atol=1e-4)


def test_a_request_keeps_its_id_and_says_its_times(client):
    response = post(client, **{"X-Request-ID": "abc-1"})
    assert response.headers["X-Request-ID"] == "abc-1"
    stages = dict(part.split(";dur=") for part in response.headers["Server-Timing"].split(", "))
    assert list(stages) == ["read", "wait", "decode", "predict", "encode"]
    other = post(client, **{"X-Request-ID": 'a" b'})
    assert len(other.headers["X-Request-ID"]) == 32
