"""`leadline train`: a recipe and data become a run folder with a model and its score."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadline.training.loop import Outcome
    from leadline.training.recipe import Recipe


def train_command(
    recipe: Annotated[
        str | None, typer.Option(help="Recipe name ('leadline recipes') or YAML file.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Data of any layout in docs/data.md; most simply rgb/ and depth/."),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Run folder to create.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a recipe key; repeatable."),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after N steps; the schedule is rescaled.")
    ] = None,
    depth_scale: Annotated[
        str | None, typer.Option(help="Units per metre of the depth files: 1000, 256, nyu-mm, ...")
    ] = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    resume: Annotated[Path | None, typer.Option(help="Continue this run folder.")] = None,
) -> None:
    """Train a network, then score it and the trivial baselines on the validation images."""
    from leadline.depth.units import parse_units
    from leadline.errors import LeadlineError

    if resume is not None:
        given = (recipe, data, out, overrides, max_steps, depth_scale, data_option)
        if any(given) or layout != "auto":
            raise LeadlineError("--resume RUN stands alone: the run folder knows everything else")
        if not (resume / "recipe.yaml").is_file():
            raise LeadlineError(f"{resume}: not a run folder (no recipe.yaml in it)")
        from leadline.training import loop

        _train_and_score(resume, lambda reporter: loop.resume(resume, reporter))
        return
    missing = [
        name for name, v in (("--recipe", recipe), ("--data", data), ("--out", out)) if not v
    ]
    if missing or recipe is None or data is None or out is None:
        raise LeadlineError(f"{', '.join(missing)} missing; or give --resume RUN alone")
    from leadline.training.recipe import load_recipe

    settings = list(overrides or [])
    if max_steps is not None:
        settings.append(f"trainer.max_steps={max_steps}")
    if layout != "auto":
        settings.append(f"data.layout={layout}")
    settings += [f"data.options.{k}={v}" for k, v in parse_data_options(data_option).items()]
    loaded = load_recipe(recipe, settings)
    from leadline.training import loop

    units = parse_units(depth_scale) if depth_scale else None
    _train_and_score(
        out, lambda reporter: loop.train(loaded, data, out, reporter, units_per_metre=units)
    )


def _train_and_score(run: Path, start: "Callable[[TrainingProgress], Outcome]") -> None:
    """Train under a progress bar; score what is finished; end as a signal asked to."""
    from leadline.training.signals import Stopped

    try:
        with TrainingProgress() as reporter:
            outcome = start(reporter)
    except Stopped as stop:
        # As a shell reports a signal: 130 for Ctrl-C, 143 for SIGTERM.
        raise typer.Exit(128 + stop.number) from None
    if outcome.finished and outcome.leads:
        _score(run, outcome.model)


class TrainingProgress:
    """Shows a run as a progress bar: loss, images per second, share of waiting, peak memory."""

    def __init__(self) -> None:
        from leadline.cli.progress import Progress

        self._make = Progress
        self._progress: Progress | None = None
        self._images = 0
        self._waited = 0.0

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.__exit__(None, None, None)

    def start(self, first_step: int, total_steps: int) -> None:
        """Open the bar."""
        self._progress = self._make("train", total_steps, "steps", first_step)
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
    import resource

    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of GPU memory"
    unit = 1 if sys.platform == "darwin" else 1024
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f"{held / 2**30:.1f} GiB"


def _ignored(recipe: "Recipe") -> list[int]:
    """Return the label ids that no loss of the recipe looks at."""
    losses = [set(term.options.get("ignore", ())) for term in recipe.loss if term.space == "labels"]
    return sorted(set.intersection(*losses)) if losses else []


def _score(run: Path, model: Path) -> None:
    """Score the best model of a finished run beside the trivial baselines."""
    from leadline.cli.evaluate import print_result, score_baselines
    from leadline.cli.progress import tracker
    from leadline.evaluation import ModelPredictions, evaluate
    from leadline.evaluation.evaluate import VOID
    from leadline.inference import Predictor
    from leadline.training.origin import read_origin
    from leadline.training.recipe import load_recipe
    from leadline.training.run import run_data

    recipe = load_recipe(str(run / "recipe.yaml"))
    origin = read_origin(run)
    train, val = run_data(recipe, Path(origin.data), origin.units_per_metre)
    if val is not None:
        predictor = Predictor.load(model)
        result = evaluate(
            ModelPredictions(predictor),
            val,
            protocol=recipe.trainer.protocol,
            void=(*VOID, *_ignored(recipe)),
            track=tracker("evaluate"),
        )
        result.model = f"{recipe.name} (this run)"
        result.data = f"validation images of {origin.data}"
        result.baselines = score_baselines(train, val, result)
        print_result(result)
    typer.echo(f"model: {model}   curves: {run / 'curves.png'}   samples: {run / 'samples'}")
    typer.echo(f"next:  leadline predict photo.jpg -o out --model {run}")
