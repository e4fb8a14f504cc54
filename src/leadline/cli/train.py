"""`leadline train`: a recipe and data become a run folder with a model and its score."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from leadline.cli.data_options import DataOptions, LayoutOption, parse_data_options
from leadline.cli.options import DepthScaleOption
from leadline.cli.progress import Progress, tracker
from leadline.errors import LeadlineError
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.run_folder import RECIPE_FILE, RunInfo
from leadline.training.state import open_recipe_data
from leadline.training.train import resume as resume_run
from leadline.training.train import train


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
    depth_scale: DepthScaleOption = None,
    layout: LayoutOption = "auto",
    data_option: DataOptions = None,
    resume: Annotated[Path | None, typer.Option(help="Continue this run folder.")] = None,
) -> None:
    """Train a network, then score it and the trivial baselines on the validation images."""
    with TrainingProgress() as progress:
        if resume is not None:
            given = (recipe, data, out, overrides, max_steps, depth_scale, data_option)
            if any(given) or layout != "auto":
                raise LeadlineError("--resume RUN stands alone: the folder has everything else")
            result = resume_run(resume, progress=progress)
        else:
            if recipe is None or data is None or out is None:
                raise LeadlineError("--recipe, --data and --out are needed; or --resume RUN alone")
            settings = list(overrides or [])
            if max_steps is not None:
                settings.append(f"trainer.max_steps={max_steps}")
            if layout != "auto":
                settings.append(f"data.layout={layout}")
            options = parse_data_options(data_option)
            settings += [f"data.options.{k}={v}" for k, v in options.items()]
            loaded = load_recipe(recipe, settings)
            result = train(loaded, data, out, units_per_metre=depth_scale, progress=progress)
    if result.reason.is_final and result.is_rank_zero:
        _score(result.run, result.model)
    raise typer.Exit(result.reason.exit_status)


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
    import resource

    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of GPU memory"
    unit = 1 if sys.platform == "darwin" else 1024
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f"{held / 2**30:.1f} GiB"


def _score(run: Path, model: Path) -> None:
    """Score the best model of a finished run beside the trivial baselines."""
    from leadline.cli.evaluate import print_result, score_baselines
    from leadline.evaluation import ModelPredictions, evaluate
    from leadline.evaluation.evaluate import VOID
    from leadline.inference import Predictor

    recipe: Recipe = load_recipe(str(run / RECIPE_FILE))
    info = RunInfo.read(run)
    train_data, val = open_recipe_data(recipe, Path(info.data), info.units_per_metre)
    if val is not None:
        predictor = Predictor.load(model)
        result = evaluate(
            ModelPredictions(predictor.runtime),
            val,
            protocol=recipe.trainer.protocol,
            void=(*VOID, *sorted(recipe.ignored_classes)),
            track=tracker("evaluate"),
        )
        result.model = f"{recipe.name} (this run)"
        result.data = f"validation images of {info.data}"
        result.baselines = score_baselines(train_data, val, result)
        print_result(result)
    typer.echo(f"model: {model}   curves: {run / 'curves.png'}   samples: {run / 'samples'}")
    typer.echo(f"next:  leadline predict photo.jpg -o out --model {run}")
