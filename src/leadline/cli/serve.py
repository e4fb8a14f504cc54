"""`leadline serve`: metres over HTTP."""

from typing import Annotated

import typer

from leadline.cli.inputs import print_warnings
from leadline.inference.precision import PrecisionOption
from leadline.inference.runtimes import Hint, RuntimeName
from leadline.io.jobs import default_workers
from leadline.serving.options import ServeOptions, millions, name_models


def serve_command(
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Shipped model, path, hf:NAME, or NAME=PATH; repeatable, the first is default.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 is every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    workers: Annotated[
        int | None, typer.Option(help="Pictures in work at a time (default: processors + 1).")
    ] = None,
    queue: Annotated[int, typer.Option(help="Pictures that may wait; more get status 503.")] = 32,
    deadline: Annotated[float, typer.Option(help="Seconds for a whole request.")] = 30.0,
    max_body: Annotated[float, typer.Option(help="Most megabytes of a request.")] = 32.0,
    max_pixels: Annotated[float, typer.Option(help="Most million pixels of a picture.")] = 32.0,
    model_memory: Annotated[
        float, typer.Option(help="Megabytes of all loaded models; more are released.")
    ] = 2000.0,
    cors: Annotated[
        list[str] | None,
        typer.Option(help="Origin of other pages that may ask, or *; repeatable (default: none)."),
    ] = None,
    runtime: Annotated[RuntimeName, typer.Option(help="Engine that runs the models.")] = "auto",
    precision: Annotated[
        PrecisionOption, typer.Option(help="auto: int8 or bf16 where little is lost; f32: exact.")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="Processor threads of a network.")] = None,
    hint: Annotated[
        Hint,
        typer.Option(help="openvino: one picture soon, or several at once; auto: as they come."),
    ] = "auto",
) -> None:
    """Answer photographs sent over HTTP with their depth in metres.

    POST /v1/depth takes a picture; /healthz, /readyz, /metrics, /openapi.json and /v1/models are
    for operators. Needs leadline[serve].
    """
    from leadline.serving.server import serve

    options = ServeOptions(
        name_models(models or []),
        runtime,
        precision,
        threads,
        hint,
        default_workers() if workers is None else workers,
        queue,
        deadline,
        millions("--max-body", max_body),
        millions("--max-pixels", max_pixels),
        millions("--model-memory", model_memory),
        tuple(cors or ()),
    )
    with print_warnings():
        serve(options, host, port, typer.echo)
