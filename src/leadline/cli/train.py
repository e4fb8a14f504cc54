"""`leadline train`: a recipe and data become a run folder with a model and its score."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

import leadline  # its names open lazily: torch would make the help wait
from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options
from leadline.cli.options import DepthScaleOption
from leadline.cli.print_result import print_result
from leadline.cli.progress import Progress, track
from leadline.errors import LeadlineError

if TYPE_CHECKING:
    from leadline.training.train import TrainingResult

_Item = TypeVar("_Item")


def train_command(
    recipe: Annotated[
        str | None, typer.Option(help="Recipe: a name from 'leadline recipes', or a YAML file.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Data set in any supported layout ('leadline layouts'); some recipes name their "
            "own."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="New run folder.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a recipe key; repeatable."),
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="Stop after N steps; a schedule that spans the run is rescaled to N steps."
        ),
    ] = None,
    depth_scale: DepthScaleOption = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    init: Annotated[
        str | None,
        typer.Option(help="Start from the weights of a shipped model, a run, or a weights file."),
    ] = None,
    parent: Annotated[
        Path | None,
        typer.Option(
            "--continue",
            metavar="RUN",
            help="Continue a finished run in the new run folder --out; change keys with --set.",
        ),
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Resume this interrupted run.")] = None,
) -> None:
    """Train a network, then score it and the trivial baselines on the validation set."""
    keys = _option_settings(max_steps, layout, data_option)
    _check_kind(resume, parent, recipe, init, out, bool(keys or depth_scale or data or out))
    settings = [*(overrides or []), *keys]
    with TrainingProgress() as progress:
        bars: dict[str, Any] = {"progress": progress, "track": progress.track}
        changes: dict[str, Any] = {"overrides": settings, "units_per_metre": depth_scale}
        if resume is not None:
            result = leadline.resume(resume, overrides=settings, **bars)
        elif parent is not None and out is not None:
            result = leadline.continue_run(parent, out, data=data, **changes, **bars)
        elif recipe is not None and out is not None:
            result = leadline.train(recipe, data, out, init=init, **changes, **bars)
        else:
            raise LeadlineError(
                "--recipe, --out and, unless the recipe names its own, --data are needed; "
                "or --continue RUN and --out; or --resume RUN alone"
            )
    print_training(result)
    raise typer.Exit(result.reason.exit_status)


def _check_kind(
    resume: Path | None,
    parent: Path | None,
    recipe: str | None,
    init: str | None,
    out: Path | None,
    is_changed: bool,
) -> None:
    """Raise LeadlineError for options that do not go together."""
    if resume is not None and (parent or recipe or init or is_changed):
        raise LeadlineError(
            "--resume RUN stands alone: the folder has everything else, and --set changes no more "
            "than the devices; --continue RUN takes changes once the run is finished"
        )
    if parent is not None and (recipe or init):
        raise LeadlineError(
            "--continue RUN has the recipe and the weights of RUN: leave out --recipe and --init, "
            "change keys with --set"
        )
    if parent is not None and out is None:
        raise LeadlineError("--continue RUN needs --out, the folder of the new run")


def _option_settings(
    max_steps: int | None, layout: str, data_option: list[str] | None
) -> list[str]:
    """Return the options that stand for recipe keys, as `--set` would have them."""
    # In quotes, so that it stays the text that other commands read: `--set` reads YAML.
    given = parse_data_options(data_option)
    options = {f"data.options.{key}": json.dumps(value) for key, value in given.items()}
    options |= {"data.layout": layout} if layout != "auto" else {}
    options |= {"trainer.max_steps": str(max_steps)} if max_steps is not None else {}
    return [f"{key}={value}" for key, value in options.items()]


def print_training(result: "TrainingResult") -> None:
    """Print the score of a finished run, where its files are, and what to do next."""
    from leadline.training.run_folder import CURVES_FILE, SAMPLES

    if not (result.reason.is_final and result.is_rank_zero):
        return
    if result.evaluation is not None:
        print_result(result.evaluation)
    typer.echo(
        f"model: {result.model}   curves: {result.run / CURVES_FILE}   "
        f"samples: {result.run / SAMPLES}"
    )
    typer.echo(f"next:  leadline predict photo.jpg -o out --model {quote(str(result.run))}")


class TrainingProgress:
    """Shows a run as a progress bar: loss, images per second, share of waiting, peak memory."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._images = 0
        self._waited = 0.0

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.__exit__(None, None, None)

    def track(
        self, items: Iterable[_Item], title: str, total: int, /, *, unit: str
    ) -> Iterable[_Item]:
        """Close the bar of the training and show one for the scoring after it."""
        self.__exit__()
        self._progress = None
        return track(items, title, total, unit=unit)

    def start(self, first_step: int, total_steps: int) -> None:
        """Open the bar."""
        self._progress = Progress("train", total_steps, "steps", first_step)
        self._progress.__enter__()

    def step(self, step: int, loss: float, images: int, waited: float) -> None:
        """Advance the bar by one step."""
        assert self._progress is not None
        self._images += images
        self._waited += waited
        steps = step - self._progress.first
        rate = self._progress.rate * self._images / max(1, steps)
        seconds = steps / max(self._progress.rate, 1e-9)
        self._progress.advance(
            f"loss {loss:.3f}, {rate:.1f} images/s, "
            f"{self._waited / max(seconds, 1e-9):.0%} data wait, {_peak_memory()}"
        )

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if self._progress is not None:
            self._progress.say(line)
        else:
            print(line, file=sys.stderr, flush=True)


def _peak_memory() -> str:
    """Return the most memory that training has held so far: the GPU's, or else this process's."""
    import torch

    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():  # not of a run on the CPU
        return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of GPU memory"
    try:
        import resource
    except ImportError:  # Windows
        return "unknown"
    unit = 1 if sys.platform == "darwin" else 1024
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f"{held / 2**30:.1f} GiB"
