"""`leadline push`: a model goes to the Hugging Face hub."""

from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.inputs import check_needed
from leadline.export import WeightType
from leadline.hub import PushedModel, push


def push_command(
    checkpoint: Annotated[
        str, typer.Argument(metavar="RUN", help="Run folder, model folder or shipped model.")
    ],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="USER/NAME", help="Repository on the hub; created if it does not exist."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Write a local folder instead, to be used as hf:FOLDER."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
    license: Annotated[
        str | None,
        typer.Option(help="Licence identifier of the hub: apache-2.0, cc-by-nc-4.0, ..."),
    ] = None,
    result: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder written by 'leadline evaluate -o', for the scores on the card; repeatable."
        ),
    ] = None,
    weights: Annotated[
        WeightType | None, typer.Option(help="How to store the weights (default: unchanged).")
    ] = None,
    message: Annotated[
        str | None, typer.Option("-m", "--message", help="Commit message on the hub.")
    ] = None,
) -> None:
    """Upload a model to the Hugging Face hub: checkpoint, exported file, configuration, model card.

    Log in first, with 'hf auth login' or HF_TOKEN. Afterwards 'leadline predict --model
    hf:USER/NAME' uses the model anywhere, without torch.
    """
    check_needed("--private", private, "--to", to)
    check_needed("--message", message, "--to", to)
    pushed = push(
        checkpoint,
        to,
        out=out,
        private=private,
        license=license,
        results=result or (),
        weights=weights,
        message=message or "A model of Leadline",
    )
    print_pushed(pushed)


def print_pushed(pushed: PushedModel) -> None:
    """Print where the model went, its files, and what its card lacks."""
    files = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in pushed.files.items())
    typer.echo(f"{pushed.name}: {pushed.address}")
    typer.echo(f"files: {files}")
    if pushed.license is None:
        typer.echo("the card states no licence: nobody may use the model; give --license")
    if pushed.scores == 0:
        typer.echo("the card has no scores: give --result, a folder of 'leadline evaluate -o'")
