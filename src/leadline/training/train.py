"""`leadline.train`, `continue_run` and `resume`: train a model from a recipe and data.

Checks run here first, before torch is imported, which takes seconds.
"""

from collections.abc import Sequence
from pathlib import Path

from leadline.progress import Track, untracked
from leadline.training.continuation import plan_continuation
from leadline.training.early_checks import check_new_run, check_resumable
from leadline.training.recipe import Recipe, change_recipe, load_recipe
from leadline.training.training_result import Progress, TrainingResult

__all__ = ["TrainingResult", "continue_run", "resume", "train"]


def train(
    recipe: Recipe | str,
    data: Path | str | None,
    out: Path | str,
    *,
    init: Path | str | None = None,
    overrides: Sequence[str] = (),
    units_per_metre: float | None = None,
    progress: Progress | None = None,
    score: bool = True,
    track: Track = untracked,
) -> TrainingResult:
    """Train a recipe on the data set `data` into the new run folder `out`, then score it.

    `recipe` is a name of `leadline recipes`, a YAML file or a `Recipe`; `overrides` change its keys
    as `--set` does. If `data` is None, the recipe names its own; generated worlds are rendered into
    the cache first. `init` is a trained model from which the network starts, in place of the
    recipe's `model.init`: a shipped model, a run or `model/` folder, or a weights file. Every
    tensor that fits is taken, and the run reports the others. `units_per_metre` is the scale of
    depth files that do not state it. `progress` receives every step; `track` shows the progress of
    the final scoring, which `score=False` skips. Ctrl-C and SIGTERM do not raise: the run writes a
    checkpoint and ends with that `reason`.

        result = leadline.train("compact", "DATA", "runs/mine", overrides=["optimizer.lr=3e-4"])
        result.evaluation.metrics["abs_rel"]

    Errors: LeadlineError if the folder already holds a run, if recipe and data do not fit, for a
    loss that is not finite, or a file that cannot be read or written.
    """
    if isinstance(recipe, Recipe):
        recipe = change_recipe(recipe, overrides)
    else:
        recipe = load_recipe(recipe, overrides)
    if init is not None:
        model = recipe.model.model_copy(update={"init": str(init)})
        recipe = recipe.model_copy(update={"model": model})
    path = None if data is None else Path(data)
    check_new_run(recipe, path, Path(out), units_per_metre)
    from leadline.training.run_training import start_run

    return start_run(
        recipe, path, Path(out), units_per_metre, progress=progress, score=score, track=track
    )


def continue_run(
    parent: Path | str,
    out: Path | str,
    *,
    data: Path | str | None = None,
    overrides: Sequence[str] = (),
    units_per_metre: float | None = None,
    progress: Progress | None = None,
    score: bool = True,
    track: Track = untracked,
) -> TrainingResult:
    """Train the best model of the finished run `parent` further, as a new run in `out`.

    The new run has the parent's recipe with `overrides`, and the parent's data unless `data` is
    given; optimizer and schedule start afresh. The network, its normalisation and, on the same
    data, depth scale and validation samples stay those of the parent. The new run names its parent
    in `run.json` and in its model card. The other parameters are those of `train`.

        result = leadline.continue_run("runs/mine", "runs/longer", overrides=["optimizer.lr=1e-4"])

    Errors: LeadlineError if the parent is not finished, or for a change of a setting that must
    stay.
    """
    plan = plan_continuation(
        Path(parent), overrides, None if data is None else Path(data), units_per_metre
    )
    check_new_run(plan.recipe, plan.data, Path(out), plan.units_per_metre)
    from leadline.training.run_training import start_run

    return start_run(
        plan.recipe,
        plan.data,
        Path(out),
        plan.units_per_metre,
        progress=progress,
        score=score,
        track=track,
        plan=plan,
    )


def resume(
    run: Path | str,
    *,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    score: bool = True,
    track: Track = untracked,
) -> TrainingResult:
    """Continue the run in the folder `run` from its newest checkpoint, to the same bits.

    `overrides` may only set keys that do not change the steps: `trainer.devices`,
    `trainer.num_nodes`, `trainer.accelerator`, `trainer.max_minutes` and `data.workers`, for this
    call alone. The other parameters are those of `train`.
    Errors: LeadlineError if the folder holds no run or no readable checkpoint, another process
    trains there, or the data has changed since the run began.

    >>> result = resume("runs/kitchen", score=False)
    >>> result.reason.value, result.model
    ('all steps are done', PosixPath('runs/kitchen/model'))
    """
    check_resumable(Path(run), overrides)
    from leadline.training.run_training import resume_run

    return resume_run(Path(run), overrides, progress=progress, score=score, track=track)
