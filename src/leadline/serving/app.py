"""The HTTP interface of a server: its routes and their answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from leadline import __version__
from leadline.errors import LeadlineError
from leadline.inference.camera import CameraMode
from leadline.inference.novelty import is_novel, novelty_words
from leadline.inference.predictor import Predictor
from leadline.io.png_writer import compress
from leadline.serving.answers import (
    METADATA_HEADER,
    NOVELTY_HEADER,
    WARNING_HEADER,
    Answer,
    Estimate,
    choose_format,
    encode_answer,
)
from leadline.serving.body import Body, BodyReader, Receive
from leadline.serving.deflate import ParallelDeflate
from leadline.serving.inputs import DepthRequest, check_media_type, read_picture, read_request
from leadline.serving.logs import log
from leadline.serving.metrics import MEDIA_TYPE as METRICS_TYPE
from leadline.serving.metrics import Metrics
from leadline.serving.model_loader import ModelLoader
from leadline.serving.model_pool import LoadedModel, ModelPool, NotLoadedError
from leadline.serving.openapi import describe_depth
from leadline.serving.options import ServeOptions
from leadline.serving.page import PAGE_HEADERS, Page, PageFile
from leadline.serving.parameters import invalid
from leadline.serving.problems import (
    CLIENT_GONE,
    MEDIA_TYPE,
    ClientGoneError,
    ProblemError,
    problem_json,
    unavailable,
)
from leadline.serving.request_logging import RequestLogging
from leadline.serving.warning_collector import WarningCollector
from leadline.serving.work_queue import WorkQueue

EXPOSED_HEADERS = (
    METADATA_HEADER, NOVELTY_HEADER, WARNING_HEADER,
    "Leadline-Model", "Leadline-Unit", "Leadline-Range",
    "X-Request-ID", "Retry-After", "Server-Timing",
)  # fmt: skip
"""Headers that scripts of allowed other origins may read."""

NOTHING_HERE = (
    "there is nothing at this address; POST /v1/depth takes a picture, /openapi.json says what "
    "else there is"
)

DRAINED_AFTER = 5
"""Seconds after which a stopping server should have been replaced."""


class DepthService:
    """The state shared by requests: models, the queue, limits and metrics.

    `is_draining` is set when the server is to stop: it is then no longer ready, and connections end
    with their next answer.
    """

    def __init__(self, options: ServeOptions):
        self.options = options
        self.models = ModelPool.of_options(options)
        self.queue = WorkQueue(options.workers, options.queue)
        self.loader = ModelLoader(self.models, self.queue.limit)
        self.deflate = ParallelDeflate()
        self.bodies = BodyReader(options)
        self.metrics = Metrics()
        self.page = Page(next(iter(options.models.values())))
        self.warning_collector = WarningCollector()
        self.is_draining = False
        watch = self.metrics.watch
        watch("leadline_running", "Pictures in work", lambda: self.queue.running)
        watch(
            "leadline_waiting",
            "Pictures that wait for a thread or for their model",
            lambda: self.queue.waiting + self.loader.waiting,
        )
        watch("leadline_body_bytes", "Bytes of bodies in memory", lambda: self.bodies.held)
        watch("leadline_model_bytes", "Memory of loaded models", lambda: self.models.memory)

    async def depth(self, request: Request) -> Answer:
        """Answer a request for depth."""
        record = request.scope["state"]["record"]
        headers, receive = request.headers, request.receive
        deadline = time.monotonic() + self.options.deadline
        check_media_type(headers.get("content-type", ""))
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise ProblemError(415, "the body is compressed; send it as it is", "media type")
        with Body(self.bodies) as body:
            with self._stage("read", record):
                await self.bodies.read(body, headers, receive, deadline)
            record["request_bytes"] = body.size
            self.metrics.request_bytes.observe(body.size)
            wanted = DepthRequest(
                body.take(),
                headers.get("content-type", ""),
                request.scope["query_string"].decode("latin-1"),
                ",".join(headers.getlist("accept")),
            )
            work = self._work(wanted, record, deadline, body)
            answer = await _unless_gone(receive, work)
        self.metrics.answer_bytes.observe(len(answer.body))
        stages = record["stages"].items()
        answer.headers["Server-Timing"] = ", ".join(f"{k};dur={v}" for k, v in stages)
        return answer

    async def _work(
        self, wanted: DepthRequest, record: dict[str, Any], deadline: float, body: Body
    ) -> Answer:
        """Do the work of a request in a thread of the queue, which does not wait for models.

        The required model is known only after reading the request, which is therefore read again
        once that model is loaded.
        """
        work = partial(self._answer, wanted, record, deadline)
        try:
            return await self.queue.run(partial(work, time.monotonic()), deadline, body)
        except NotLoadedError as missing:
            name = missing.name
        with self._stage("load", record):
            model = await self.loader.load(name, deadline)
        return await self.queue.run(partial(work, time.monotonic(), model), deadline, body)

    def _answer(
        self,
        wanted: DepthRequest,
        record: dict[str, Any],
        deadline: float,
        queued: float,
        model: LoadedModel | None = None,
    ) -> Answer:
        """Do the work of a request, in a thread of the queue. Errors: NotLoadedError."""
        self._note_stage("wait", time.monotonic() - queued, record)
        try:
            with self.warning_collector.collect() as warned:
                estimate = self._estimate(wanted, record, deadline, warned, model)
                name = estimate.parameters.format or choose_format(wanted.accept)
                with self._stage("encode", record):
                    return encode_answer(estimate, name)
        except LeadlineError as error:
            raise invalid(str(error)) from None
        except MemoryError:
            raise unavailable(
                "there is not enough memory for this picture now", "memory", 10
            ) from None

    def _estimate(
        self,
        wanted: DepthRequest,
        record: dict[str, Any],
        deadline: float,
        warned: list[str],
        model: LoadedModel | None = None,
    ) -> Estimate:
        with self._stage("decode", record):
            data, parameters = read_request(wanted)
            # The format is checked first, so that nothing is computed for an unknown one.
            format = parameters.format or choose_format(wanted.accept)
            parameters.color_limits()
            parameters.check_colors(format)
            camera = parameters.given_camera()
            photo = read_picture(data, self.options.max_pixels)
        model = model or self.models.get(parameters.model)
        record |= {"width": photo.width, "height": photo.height, "model": model.name}
        self.metrics.pixels.observe(photo.width * photo.height)
        if time.monotonic() > deadline:
            raise self.queue.late()
        with self._stage("predict", record):
            # A single picture uses all threads; several are faster in parallel.
            crowded = self.queue.running > 1
            predictor = model.predictor.for_many() if crowded else model.predictor
            predictor = _with_camera(predictor, parameters.camera)
            prediction = predictor.predict(photo, *camera.for_size(photo.width, photo.height))
        if is_novel(prediction.novelty):
            novelty = f"novelty {prediction.novelty:.2f}"
            warned.append(novelty_words("the picture is", model.name, novelty, "its"))
        return Estimate(
            photo,
            prediction,
            parameters,
            model=model.name,
            warnings=warned,
            request_id=record["request_id"],
            # A single picture uses all threads for compression too.
            compress=compress if self.queue.running > 1 else self.deflate.compress,
        )

    @contextmanager
    def _stage(self, name: str, record: dict[str, Any]) -> Iterator[None]:
        """Measure the time of a stage of a request."""
        began = time.monotonic()
        yield
        self._note_stage(name, time.monotonic() - began, record)

    def _note_stage(self, name: str, seconds: float, record: dict[str, Any]) -> None:
        stages = record.setdefault("stages", {})
        stages[name] = round(stages.get(name, 0.0) + 1000 * seconds, 1)
        self.metrics.stages.labels(name).observe(seconds)


def _with_camera(predictor: Predictor, mode: CameraMode) -> Predictor:
    """Return a predictor with this camera mode and the same network."""
    if mode == predictor.camera_mode:
        return predictor
    area = predictor.training_camera.processing_area
    return Predictor(predictor.name, predictor.runtime, mode, area)


async def _unless_gone(receive: Receive, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Return the result of `work`; cancel it and raise ClientGoneError if the client leaves."""
    answer = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientGoneError
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()
        del answer  # else an error holds this frame, which holds the error, and with it the body


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def create_app(options: ServeOptions) -> tuple[RequestLogging, DepthService]:
    """Return the ASGI application of a server, and its shared state.

    The default model is loaded when the application starts.
    Errors: LeadlineError for a model that does not exist.
    """
    service = DepthService(options)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with service.warning_collector.installed():
            service.models.load(service.models.default)
            yield
            service.loader.close()
            service.queue.close()
            service.deflate.close()

    app = FastAPI(
        title="Leadline",
        version=__version__,
        summary="One photograph in, metres out.",
        lifespan=lifespan,
        docs_url=None,  # both load scripts from other hosts
        redoc_url=None,
    )
    _add_routes(app, service)
    _add_errors(app, service)
    if options.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(options.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Accept", "Content-Type", "X-Request-ID"],
            expose_headers=list(EXPOSED_HEADERS),
        )
    logged = RequestLogging(app, service.metrics, lambda: service.is_draining, options.max_body)
    return logged, service


Handler = TypeVar("Handler", bound=Callable[..., Any])


def _get(
    app: FastAPI, path: str, *, summary: str | None = None, in_schema: bool = True
) -> Callable[[Handler], Handler]:
    """Answer GET, and HEAD (headers alone), with the same function."""

    def add(handler: Handler) -> Handler:
        app.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)(handler)
        if in_schema:  # a route of two methods would be listed twice
            app.get(path, summary=summary)(handler)
        return handler

    return add


def _add_routes(app: FastAPI, service: DepthService) -> None:
    @app.post("/v1/depth", summary="Depth of a photograph", openapi_extra=describe_depth())
    async def depth(request: Request) -> Response:
        answer = await service.depth(request)
        return Response(answer.body, media_type=answer.media_type, headers=answer.headers)

    @_get(app, "/v1/depth", in_schema=False)
    async def no_picture() -> Response:
        raise ProblemError(405, "send a picture with POST", "method", {"Allow": "POST"})

    @_get(app, "/v1/models", summary="The models that are served")
    async def models() -> JSONResponse:
        return JSONResponse({"models": service.models.describe()})

    @_get(app, "/healthz", summary="Whether the process answers")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @_get(app, "/readyz", summary="Whether requests should be sent here")
    async def readyz() -> JSONResponse:
        if service.is_draining:
            raise unavailable("the server is about to stop", "draining", DRAINED_AFTER)
        return JSONResponse({"status": "ready"})

    @_get(app, "/metrics", summary="Prometheus metrics")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=METRICS_TYPE)

    @_get(app, "/", in_schema=False)
    def page(request: Request) -> Response:
        found = service.page.file("index.html")
        if found is None:
            return HTMLResponse(service.page.plain(list(service.options.models)))
        return _file_answer(request, found)

    @_get(app, "/{name:path}", in_schema=False)
    def page_file(request: Request, name: str) -> Response:
        found = service.page.file(name)
        if found is None:
            raise HTTPException(404, NOTHING_HERE)
        return _file_answer(request, found)


def _file_answer(request: Request, file: PageFile) -> Response:
    """Send a file of the page, or 304 if the browser already has it (24 MB)."""
    tag = f'"{file.digest}"'
    headers = {**PAGE_HEADERS, "ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.read(), media_type=file.media_type, headers=headers)


def _add_errors(app: FastAPI, service: DepthService) -> None:
    def answer(request: Request, status: int, detail: str, headers: Any = None) -> Response:
        request_id = request.scope["state"]["record"]["request_id"]
        body = problem_json(status, detail, request_id)
        return Response(body, status, media_type=MEDIA_TYPE, headers=headers)

    @app.exception_handler(ProblemError)
    async def problem(request: Request, error: ProblemError) -> Response:
        request.scope["state"]["record"] |= {"reason": error.reason, "detail": error.detail}
        if request.scope["path"] == "/v1/depth":
            service.metrics.refused.labels(error.reason).inc()
        return answer(request, error.status, error.detail, error.headers)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code != 405:
            return answer(request, error.status_code, str(error.detail), error.headers)
        # Every address matches the route of the page's files, which takes GET.
        if request.scope["path"] not in {getattr(route, "path", "") for route in app.routes}:
            return answer(request, 404, NOTHING_HERE)
        allowed = (error.headers or {}).get("Allow", "GET")
        return answer(request, 405, f"this address takes {allowed}", error.headers)

    @app.exception_handler(Exception)
    async def fault(request: Request, _error: Exception) -> Response:
        return answer(request, 500, "a fault of the server; its log has the id of the request")

    @app.exception_handler(ClientGoneError)
    async def gone(_request: Request, _error: ClientGoneError) -> Response:
        return Response(status_code=CLIENT_GONE)


def log_start(service: DepthService) -> None:
    """Log what is served, and the limits."""
    options = service.options
    log(
        "start",
        models=list(options.models),
        workers=options.workers,
        queue=options.queue,
        deadline=options.deadline,
        max_body=options.max_body,
        max_pixels=options.max_pixels,
        model_memory=options.model_memory,
    )
