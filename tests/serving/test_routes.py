"""The other routes, several models, the queue and its limits; without a socket."""

import asyncio
import gc
import json
import logging
import re
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from leadline import serving
from leadline.errors import LeadlineError
from leadline.inference.runtime_config import RuntimeConfig
from leadline.serving.app import _unless_gone, create_app
from leadline.serving.inputs import DepthRequest
from leadline.serving.logs import JsonLines
from leadline.serving.model_pool import ModelPool, NotLoadedError
from leadline.serving.openapi import describe_depth
from leadline.serving.options import ServeOptions, name_models
from leadline.serving.page import Page
from leadline.serving.problems import ProblemError
from tests.serving.pictures import app_of, picture

PHOTO = picture()


@pytest.fixture(scope="module")
def served(predictor):
    app, service = app_of(
        predictor, models={"a": "crisp-nyu", "b": "crisp-nyu"}, queue=1, workers=1
    )
    with TestClient(app) as client:
        yield client, service


def value(client, name: str) -> float:
    """A value of /metrics, by its name with its labels; 0 where it is not there yet."""
    lines = client.get("/metrics").text.splitlines()
    found = [line for line in lines if line.rpartition(" ")[0] == name]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_the_counters_count_what_clients_saw(served):
    client, _ = served
    answers = 'leadline_requests_total{route="/v1/depth",status="'
    good, bad = f'{answers}200"}}', f'{answers}415"}}'
    before = value(client, good), value(client, bad)
    for body in (PHOTO, PHOTO, b"no picture"):
        client.post("/v1/depth", content=body)
    assert value(client, good) - before[0] == 2
    assert value(client, bad) - before[1] == 1
    assert value(client, "leadline_picture_pixels_sum") >= 2 * 48 * 64
    assert value(client, "leadline_waiting") == value(client, "leadline_running") == 0
    assert value(client, "leadline_body_bytes") == 0


def test_models_are_loaded_when_they_are_asked_for(served):
    client, _ = served
    first, second = client.get("/v1/models").json()["models"]
    assert (first["name"], first["default"], first["loaded"]) == ("a", True, True)
    assert (second["name"], second["default"], second["loaded"]) == ("b", False, False)
    response = client.post("/v1/depth?model=b", content=PHOTO)
    assert response.headers["Leadline-Model"] == "b"
    assert client.get("/v1/models").json()["models"][1]["loaded"]


def test_health_readiness_and_draining(served):
    client, service = served
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200
    service.is_draining = True
    try:
        not_ready = client.get("/readyz")
        assert not_ready.status_code == 503 and "Retry-After" in not_ready.headers
        assert client.get("/healthz").headers["Connection"] == "close"
        assert client.post("/v1/depth", content=PHOTO).status_code == 200
    finally:
        service.is_draining = False


def test_openapi_describes_what_the_server_takes_and_sends(served):
    client, _ = served
    content = client.get("/openapi.json").json()
    operation = content["paths"]["/v1/depth"]["post"]
    names = {parameter["name"] for parameter in operation["parameters"]}
    assert {"fov", "intrinsics", "camera", "model", "format"} <= names
    assert set(operation["requestBody"]["content"]) >= {"image/*", "application/json"}
    assert "image/png" in operation["responses"]["200"]["content"]
    assert {"413", "415", "503"} <= operation["responses"].keys()
    assert json.dumps(describe_depth())


def without_page(_model):
    raise ModuleNotFoundError("No module named 'leadline_web'", name="leadline_web")


def test_the_plain_page_names_the_model_and_loads_nothing(served, monkeypatch):
    client, service = served
    monkeypatch.setattr("leadline.serving.page.page_files", without_page)
    monkeypatch.setattr(service, "page", Page("crisp-nyu"))
    page = client.get("/").text
    assert "<code>a</code>" in page and "leadline[web]" in page
    assert "http://" not in page and "https://" not in page
    assert client.get("/app.js").status_code == 404


def test_a_model_that_browsers_cannot_run_is_not_called_a_missing_page(
    served, monkeypatch, caplog, tmp_path
):
    client, service = served
    (tmp_path / "model.xml").touch()
    monkeypatch.setattr(service, "page", Page(tmp_path / "model.xml"))
    with caplog.at_level(logging.WARNING, logger="leadline.serve"):
        page = client.get("/").text
    assert "could not be put together here; the server's log says why" in page
    assert "installed" not in page and str(tmp_path) not in page
    assert "browsers run ONNX" in caplog.records[0].fields["reason"]


def test_the_page_that_is_installed_is_served_and_told_of_the_server(served, monkeypatch, tmp_path):
    client, service = served
    (tmp_path / "app.js").write_text("export {};")
    config = json.dumps({"name": "m", "server": None}).encode()
    files = {"index.html": b"<p>page", "lib/app.js": tmp_path / "app.js", "config.json": config}
    monkeypatch.setattr("leadline.serving.page.page_files", lambda _model: files)
    monkeypatch.setattr(service, "page", Page("crisp-nyu"))
    assert client.get("/").content == b"<p>page"
    script = client.get("/lib/app.js")
    assert script.text == "export {};"
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert script.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    with monkeypatch.context() as patch:  # what the browser has is not read again
        patch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
        again = client.get("/lib/app.js", headers={"If-None-Match": script.headers["ETag"]})
    assert again.status_code == 304 and again.content == b""
    (tmp_path / "app.js").write_text("export {}; // changed")
    changed = client.get("/lib/app.js", headers={"If-None-Match": script.headers["ETag"]})
    assert changed.text.endswith("changed") and changed.headers["ETag"] != script.headers["ETag"]
    told = client.get("/config.json").json()
    assert told["name"] == "m"
    assert client.post("/" + told["server"]["depth"], content=PHOTO).status_code == 200
    assert client.get("/" + told["server"]["models"]).status_code == 200
    assert client.get("/../app.js").status_code == client.get("/app.js").status_code == 404


@pytest.mark.parametrize("path", ["/etc/passwd", "/../../etc/passwd", "/v1/depth/x", "/%2e%2e/x"])
def test_no_path_of_a_request_is_read(served, path):
    client, _ = served
    response = client.get(path)
    assert response.status_code == 404 and response.json()["status"] == 404
    assert "/openapi.json" in response.json()["detail"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/v1/models", "/openapi.json"])
def test_the_headers_alone_are_answered_as_the_whole(served, path):
    client, _ = served
    head, whole = client.head(path), client.get(path)
    assert head.status_code == whole.status_code == 200
    for name in ("Content-Type", "Content-Length"):
        assert head.headers[name] == whole.headers[name]
    assert set(client.post(path).headers["Allow"].split(", ")) == {"GET", "HEAD"}
    assert client.head("/nowhere").status_code == 404
    assert client.head("/v1/depth").headers["Allow"] == "POST"
    assert list(client.get("/openapi.json").json()["paths"]["/healthz"]) == ["get"]


def test_a_wrong_method_is_a_problem_too(served):
    client, _ = served
    response = client.get("/v1/depth")
    assert response.status_code == 405 and response.headers["Allow"] == "POST"
    assert response.headers["Content-Type"] == "application/problem+json"
    other = client.put("/v1/depth")
    assert (other.status_code, other.json()["detail"]) == (405, "this address takes POST")


@pytest.mark.parametrize("path", ["/predict", "/v1/depth/"])
def test_a_picture_for_an_address_that_does_not_exist_is_told_so(served, path):
    client, _ = served
    for method in ("POST", "PUT", "DELETE"):
        response = client.request(method, path, follow_redirects=False)
        assert response.status_code == 404 and "POST /v1/depth" in response.json()["detail"]


def test_other_origins_may_ask_only_where_they_are_named(served, predictor):
    client, _ = served
    origin = {"Origin": "https://page.example"}
    assert "access-control-allow-origin" not in client.get("/healthz", headers=origin).headers
    app, _ = app_of(predictor, cors_origins=("https://page.example",))
    shown = TestClient(app).get("/healthz", headers=origin).headers
    assert shown["access-control-allow-origin"] == "https://page.example"
    assert "Leadline-Metadata" in shown["access-control-expose-headers"]


def test_a_full_queue_says_when_to_come_back(served, monkeypatch):
    """One picture in work, one that waits; a third is refused, and both others are answered."""
    client, service = served
    begun, go_on = threading.Event(), threading.Event()
    estimate = service._estimate

    def slowly(*arguments):
        begun.set()
        assert go_on.wait(10)
        return estimate(*arguments)

    monkeypatch.setattr(service, "_estimate", slowly)
    with ThreadPoolExecutor(2) as threads:
        accepted = [threads.submit(client.post, "/v1/depth", content=PHOTO) for _ in range(2)]
        assert begun.wait(10)
        while service.queue.held < 2:
            time.sleep(0.005)
        assert value(client, "leadline_waiting") == 1
        refused = client.post("/v1/depth", content=PHOTO)
        go_on.set()
        assert [each.result().status_code for each in accepted] == [200, 200]
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1
    assert value(client, 'leadline_refused_total{reason="queue full"}') == 1


def test_work_that_misses_its_deadline_is_dropped(served, monkeypatch):
    client, service = served
    go_on = threading.Event()
    monkeypatch.setattr(service, "options", replace(service.options, deadline=0.2))
    monkeypatch.setattr(service, "_estimate", lambda *_: go_on.wait(10))
    response = client.post("/v1/depth", content=PHOTO)
    go_on.set()
    assert response.status_code == 503 and "deadline" in response.json()["detail"]
    assert "Retry-After" in response.headers


def test_work_begun_after_its_deadline_says_when_to_come_back(served):
    _, service = served
    with pytest.raises(ProblemError, match="deadline") as error:
        service._estimate(DepthRequest(PHOTO, "", "", ""), {}, time.monotonic() - 1, [])
    assert int(error.value.headers["Retry-After"]) >= 1


def test_every_503_says_when_to_come_back():
    """They are made by one function, which asks for the seconds."""
    made = [
        source.name
        for source in Path(serving.__file__).parent.glob("*.py")
        if re.search(r"(ProblemError|HTTPException)\(\s*503", source.read_text(encoding="utf-8"))
    ]
    assert made == ["problems.py"]


def test_dropped_requests_leave_the_memory_and_those_in_work_are_counted(served, monkeypatch):
    """One is stuck in the only thread and two wait; their bodies are weak references here."""
    client, service = served
    bodies, go_on = [], threading.Event()

    def noted(*fields):
        request = DepthRequest(*fields)
        bodies.append(weakref.ref(request))
        return request

    monkeypatch.setattr("leadline.serving.app.DepthRequest", noted)
    monkeypatch.setattr(service, "options", replace(service.options, deadline=0.1))
    monkeypatch.setattr(service, "_estimate", lambda *_: go_on.wait(10))
    with garbage_stays():
        for _ in range(3):
            assert client.post("/v1/depth", content=PHOTO).status_code == 503
        assert [body() is None for body in bodies] == [False, True, True]
        assert value(client, "leadline_running") == 1 and value(client, "leadline_waiting") == 0
        assert value(client, "leadline_body_bytes") == len(PHOTO)
        go_on.set()
        while service.queue.held:
            time.sleep(0.005)
        assert value(client, "leadline_body_bytes") == 0
        assert all_gone(bodies)


def test_an_error_of_a_request_does_not_hold_the_request():
    request = DepthRequest(PHOTO, "", "", "")
    held = [weakref.ref(request)]

    async def fails(_request):
        raise ProblemError(422, "no", "content")

    async def ask(request):
        with suppress(ProblemError):
            await _unless_gone(asyncio.Event().wait, fails(request))

    with garbage_stays():
        asyncio.run(ask(request))
        del request
        assert all_gone(held)


def all_gone(references) -> bool:
    """Whether nothing holds any of them, at the latest when a thread has ended its work."""
    until = time.monotonic() + 2
    while any(each() is not None for each in references) and time.monotonic() < until:
        time.sleep(0.005)
    return all(each() is None for each in references)


@contextmanager
def garbage_stays():
    """Leave what holds itself where it is: only what nothing holds goes."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_bodies_of_others_fill_the_memory(served):
    client, service = served
    service.bodies.held += service.options.body_memory
    try:
        response = client.post("/v1/depth", content=PHOTO)
    finally:
        service.bodies.held -= service.options.body_memory
    assert response.status_code == 503 and "Retry-After" in response.headers


def test_a_fault_is_one_line_with_the_id_and_the_log_has_the_rest(served, monkeypatch, caplog):
    client, service = served
    monkeypatch.setattr(service, "_estimate", lambda *_: 1 / 0)
    with caplog.at_level(logging.INFO, logger="leadline.serve"):
        response = client.post("/v1/depth", content=PHOTO, headers={"X-Request-ID": "id-7"})
    assert response.status_code == 500 and response.json()["request_id"] == "id-7"
    assert "ZeroDivisionError" not in response.text
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    fault, request = (line for line in lines if line.get("request_id") == "id-7")
    assert "ZeroDivisionError" in fault["traceback"]
    assert (request["status"], request["level"]) == (500, "warning")


def test_the_log_has_a_line_for_each_request(served, caplog):
    client, _ = served
    with caplog.at_level(logging.INFO, logger="leadline.serve"):
        client.post("/v1/depth", content=PHOTO, headers={"X-Request-ID": "id-8"})
        client.get("/healthz")
    [line] = [json.loads(JsonLines().format(record)) for record in caplog.records
              if record.name == "leadline.serve"]  # fmt: skip
    assert (line["request_id"], line["status"], line["model"]) == ("id-8", 200, "a")
    assert (line["width"], line["height"], line["request_bytes"]) == (64, 48, len(PHOTO))
    assert set(line["stages"]) == {"read", "wait", "decode", "predict", "encode"}


class Small:
    """Stands for a predictor, of pictures of one size where `size` says it."""

    def __init__(self, source, size=None):
        self.source = source
        self.runtime = SimpleNamespace(config=RuntimeConfig(picture_size=size))
        self.seen = set()

    def __call__(self, image):
        assert image.dtype == np.uint8
        self.seen.add(image.shape[:2])

    def for_many(self):
        return self


def test_the_model_unused_longest_is_released(monkeypatch):
    monkeypatch.setattr("leadline.serving.model_pool._file_bytes", lambda _source: 10)
    monkeypatch.setattr("leadline.serving.model_pool._resident_bytes", lambda: 0)
    pool = ModelPool({"a": "1", "b": "2", "c": "3"}, 25, Small)
    for name in ("a", "b", "a", "c"):
        assert pool.load(name).name == name
    assert sorted(pool._loaded) == ["a", "c"] and pool.memory == 20
    assert pool.get(None).predictor.source == "1"
    with pytest.raises(NotLoadedError, match="b"):
        pool.get("b")
    with pytest.raises(ProblemError, match="not served"):
        pool.get("d")


def test_a_file_for_one_size_is_warmed_up_at_that_size():
    any_size, one = Small("1"), Small("2", [30, 40])
    ModelPool({"a": "compact-nyu"}, 25, lambda _source: any_size).load("a")
    ModelPool({"a": "compact-nyu"}, 25, lambda _source: one).load("a")
    assert any_size.seen == {(480, 640), (640, 480)} and one.seen == {(30, 40)}


@pytest.fixture
def two_models(predictor):
    """A server with one thread, whose model b is loaded when the event is set: (client, event)."""
    app, service = app_of(
        predictor, models={"a": "crisp-nyu", "b": "compact-nyu"}, workers=1, queue=1
    )
    go_on = threading.Event()
    service.models._load = lambda source: predictor if _is_loaded(source, go_on) else None
    with TestClient(app) as client:
        yield client, service, go_on
        go_on.set()


def _is_loaded(source, go_on) -> bool:
    return source == "crisp-nyu" or go_on.wait(10)


def test_a_model_that_is_being_loaded_holds_no_request_for_another_one(two_models):
    client, service, go_on = two_models
    with ThreadPoolExecutor(2) as threads:
        form = {"files": {"file": PHOTO}, "data": {"model": "b"}}
        waiting = [threads.submit(client.post, "/v1/depth", **form) for _ in range(2)]
        while service.loader.waiting < 2:
            time.sleep(0.005)
        assert value(client, "leadline_waiting") == 2 and value(client, "leadline_running") == 0
        assert value(client, "leadline_body_bytes") > 2 * len(PHOTO)
        other = client.post("/v1/depth", content=PHOTO)
        assert (other.status_code, other.headers["Leadline-Model"]) == (200, "a")
        refused = client.post("/v1/depth?model=b", content=PHOTO)
        assert refused.status_code == 503 and "wait for models" in refused.json()["detail"]
        go_on.set()
        answers = [each.result() for each in waiting]
    assert [each.headers["Leadline-Model"] for each in answers] == ["b", "b"]
    assert all("load;dur=" in each.headers["Server-Timing"] for each in answers)
    assert value(client, "leadline_waiting") == value(client, "leadline_body_bytes") == 0


def test_a_request_waits_for_its_model_until_its_deadline(two_models, monkeypatch):
    client, service, go_on = two_models
    monkeypatch.setattr(service, "options", replace(service.options, deadline=0.2))
    response = client.post("/v1/depth?model=b", content=PHOTO)
    assert response.status_code == 503 and "still being loaded" in response.json()["detail"]
    assert int(response.headers["Retry-After"]) >= 1
    go_on.set()  # the load goes on without it
    while not client.get("/v1/models").json()["models"][1]["loaded"]:
        time.sleep(0.005)


def test_a_model_whose_memory_others_took_is_loaded_again(two_models):
    client, service, go_on = two_models
    go_on.set()
    service.models._most_memory = 1
    for name in ("b", "a", "b"):
        answer = client.post(f"/v1/depth?model={name}", content=PHOTO)
        assert answer.headers["Leadline-Model"] == name
        assert list(service.models._loaded) == [name]


@pytest.mark.parametrize("error", [LeadlineError("/secret.onnx: is damaged"), MemoryError()])
def test_a_model_that_cannot_be_loaded_is_named_without_its_path(two_models, caplog, error):
    client, service, _ = two_models

    def broken(_source):
        raise error

    service.models._load = broken
    response = client.post("/v1/depth?model=b", content=PHOTO)
    assert response.status_code == 503 and "Retry-After" in response.headers
    assert "model b" in response.json()["detail"] and "secret" not in response.text
    assert any(record.exc_info and record.exc_info[1] is error for record in caplog.records)


def test_requests_at_once_get_the_metres_of_their_own_picture(served, predictor, monkeypatch):
    client, service = served
    monkeypatch.setattr(service.queue, "limit", 100)
    photos = [picture((40 + 8 * n, 64), seed=n) for n in range(6)]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(
            lambda photo: client.post("/v1/depth?format=npy-mm", content=photo), photos
        ))  # fmt: skip
    for photo, answer in zip(photos, answers, strict=True):
        wanted = np.rint(1000.0 * predictor(photo).depth)
        got = np.frombuffer(answer.content[-2 * wanted.size :], "<u2").reshape(wanted.shape)
        np.testing.assert_allclose(got, wanted, atol=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": 0},
        {"queue": -1},
        {"deadline": 0},
        {"deadline": float("nan")},
        {"max_body": 0},
        {"max_pixels": float("inf")},
        {"model_memory": float("nan")},
        {"models": {}},
        {"models": {"x": "no-such-model"}},
        {"models": {"a\nb": "crisp-nyu"}},
        {"models": {"\udce9": "crisp-nyu"}},
        {"models": {"a ": "crisp-nyu"}},
    ],
)
def test_options_that_are_not_possible(wrong):
    with pytest.raises(LeadlineError):
        create_app(ServeOptions(**wrong))


def test_names_of_models():
    assert name_models([]) == {"crisp-nyu": "crisp-nyu"}
    assert name_models(["runs/kitchen.onnx", "x=runs/a"]) == {
        "kitchen": "runs/kitchen.onnx",
        "x": "runs/a",
    }
    for wrong in (["=a"], ["a="], ["a", "b/a"]):
        with pytest.raises(LeadlineError):
            name_models(wrong)


def test_paths_with_equals_signs_and_dots(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [Path("runs/lr=0.1"), Path("runs/lr=0.2"), Path("runs/depth-v1.5")]
    for run in runs:
        run.mkdir(parents=True)
    Path("runs/lr=0.1/k=3.onnx").touch()
    given = [*map(str, runs), "runs/lr=0.1/k=3.onnx", "x=runs/lr=0.1"]
    assert name_models(given) == {
        "lr=0.1": "runs/lr=0.1",
        "lr=0.2": "runs/lr=0.2",
        "depth-v1.5": "runs/depth-v1.5",
        "k=3": "runs/lr=0.1/k=3.onnx",
        "x": "runs/lr=0.1",
    }
    assert name_models(["hf:runs/lr=0.1", "hf:user/net-v2.0"]) == {
        "lr=0.1": "hf:runs/lr=0.1",
        "net-v2.0": "hf:user/net-v2.0",
    }


def test_the_client_of_these_tests_is_the_one_starlette_wants():
    assert issubclass(TestClient, httpx2.Client)
