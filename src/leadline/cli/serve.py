"""`leadline serve`: metres over HTTP."""

from typing import Annotated

import typer

from leadline.inference.load_options import LoadOptions
from leadline.inference.precision import PrecisionOption
from leadline.inference.runtime import Hint, RuntimeName
from leadline.io.jobs import default_workers
from leadline.serving.options import ServeOptions, millions, name_models


def serve_command(
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Shipped model, path, hf:NAME, or NAME=PATH; repeatable. The first is the default"
            " of requests.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 means all interfaces.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.")] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Pictures processed at the same time (default: processors + 1, at most 8)."
        ),
    ] = None,
    queue: Annotated[
        int, typer.Option(help="Pictures that may wait; further requests get status 503.")
    ] = 32,
    deadline: Annotated[
        float, typer.Option(help="Time limit of a whole request, in seconds.")
    ] = 30.0,
    max_body: Annotated[float, typer.Option(help="Largest request, in megabytes.")] = 32.0,
    max_pixels: Annotated[float, typer.Option(help="Largest picture, in million pixels.")] = 32.0,
    model_memory: Annotated[
        float,
        typer.Option(
            help="Memory for loaded models, in megabytes; beyond it, the least recently used are "
            "released."
        ),
    ] = 2000.0,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin of web pages that may send requests, or *; repeatable (default: none)."
        ),
    ] = None,
    runtime: Annotated[RuntimeName, typer.Option(help="Runtime of the models.")] = "auto",
    precision: Annotated[
        PrecisionOption,
        typer.Option(
            help="auto: int8 or bf16 if it costs at most 0.5 % of abs_rel, else f32; f32 is exact."
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(help="Processor threads of a network (default: all).")
    ] = None,
    hint: Annotated[
        Hint,
        typer.Option(
            help="openvino only. latency: one picture as soon as possible; throughput: several in "
            "parallel; auto: by the load."
        ),
    ] = "auto",
) -> None:
    """Serve depth predictions in metres over HTTP.

    POST /v1/depth takes a picture. /healthz, /readyz, /metrics, /openapi.json and /v1/models are
    for operators. Needs leadline[serve].
    """
    from leadline.serving.server import serve

    options = ServeOptions(
        name_models(models or []),
        LoadOptions(runtime, precision, threads, hint=hint),
        workers=default_workers() if workers is None else workers,
        queue=queue,
        deadline=deadline,
        max_body=millions("--max-body", max_body),
        max_pixels=millions("--max-pixels", max_pixels),
        model_memory=millions("--model-memory", model_memory),
        cors_origins=tuple(cors or ()),
    )
    serve(options, host, port, typer.echo)
