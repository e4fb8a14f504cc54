"""One slice of a recipe's training on a GPU machine: the same call begins and continues it.

    python benchmarks/gpu/train.py --recipe densedepth --data packed --out runs/densedepth \
        --steps 20000 [--minutes 9] [--set KEY=VALUE]

When the minutes are over, the run ends with a checkpoint and exit status 0, and says how to go on:
with the same call. The run folder may have been carried to another machine meanwhile, and the data
may lie elsewhere there. --minutes and --set count when the run begins: its recipe.yaml holds them
from then on. Scoring is left to `leadline evaluate`, on any machine.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from leadline.cli.train import TrainingProgress
from leadline.errors import LeadlineError
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import RECIPE_FILE, RunInfo
from leadline.training.train import TrainingResult, resume, train


def move_data(run: Path, data: Path) -> None:
    """Tell a run where its data lies now."""
    replace(RunInfo.read(run), data=str(data.resolve())).write(run)


def train_slice(options: argparse.Namespace) -> TrainingResult:
    """Begin the run, or continue it where its folder holds one."""
    settings = [
        f"trainer.max_steps={options.steps}",
        f"trainer.max_minutes={options.minutes}",
        *options.overrides,
    ]
    recipe = load_recipe(options.recipe, settings)
    with TrainingProgress() as reporter:
        if not (options.out / RECIPE_FILE).is_file():
            return train(recipe, options.data, options.out, progress=reporter, score=False)
        begun = load_recipe(str(options.out / RECIPE_FILE))
        if (begun.name, begun.trainer.max_steps) != (recipe.name, options.steps):
            raise LeadlineError(
                f"{options.out}: is a run of {begun.name} over {begun.trainer.max_steps} steps, "
                f"not of {recipe.name} over {options.steps}; choose another --out"
            )
        move_data(options.out, options.data)
        return resume(options.out, progress=reporter, score=False)


def main(arguments: list[str] | None = None) -> int:
    """Train for one slice; say whether another is needed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True, help="of the whole run")
    parser.add_argument("--minutes", type=float, default=9.0, help="of one slice")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        result = train_slice(options)
    except LeadlineError as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    if result.reason.is_final:
        print(f"finished: {result.model}")
        print(f"next: python benchmarks/gpu/pieces.py cut {options.out} -o pieces")
    elif not result.reason.exit_status:
        print("not finished: the same call continues it")
    return result.reason.exit_status


if __name__ == "__main__":
    sys.exit(main())
