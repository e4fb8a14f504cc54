"""How the learning rate moves over a run, and when a run that no longer improves ends early.

Everything here is a pure function. What has to be remembered between validations is a `Memory` of
plain numbers that lives in the checkpoint, so that a resumed run decides what the whole run did.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from leadline.metrics import HIGHER_IS_BETTER
from leadline.training.recipe import EarlyStoppingSection, Recipe, ScheduleSection

Memory = dict[str, dict[str, float]]
"""`schedule` and `early_stopping`: best value, validations since, factor reached. Starts empty."""


@dataclass(frozen=True)
class Moment:
    """When a factor is asked for: the share of the steps after the warm-up that is done, the epoch.

    `factor` is what a schedule that watches a metric has come down to.
    """

    progress: float
    epoch: int
    factor: float


@dataclass(frozen=True)
class Schedule:
    """A shape over the run, from 1 downwards, and the warm-up that it is multiplied with.

    `rise` maps (steps done, steps of warm-up) to a factor; `warmup` is the share of the run that
    it takes where the recipe does not say.
    """

    shape: Callable[[ScheduleSection, Moment], float]
    rise: Callable[[float, float], float]
    warmup: float = 0.0


def _linear_rise(done: float, steps: float) -> float:
    return min(1.0, (done + 1) / steps)


def _cosine_rise(done: float, steps: float) -> float:
    return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * done / steps))


def _constant(_section: ScheduleSection, _moment: Moment) -> float:
    return 1.0


def _polynomial(section: ScheduleSection, moment: Moment) -> float:
    return float(section.final + (1 - section.final) * (1 - moment.progress) ** section.power)


def _step(section: ScheduleSection, moment: Moment) -> float:
    return float(section.factor ** (moment.epoch // section.every_epochs))


def _cosine(section: ScheduleSection, moment: Moment) -> float:
    return section.final + (1 - section.final) * 0.5 * (1 + math.cos(math.pi * moment.progress))


def _plateau(_section: ScheduleSection, moment: Moment) -> float:
    return moment.factor


SCHEDULES = {
    "constant": Schedule(_constant, _linear_rise),
    "polynomial": Schedule(_polynomial, _linear_rise),
    "step": Schedule(_step, _linear_rise),
    "cosine": Schedule(_cosine, _linear_rise),
    "one_cycle": Schedule(_cosine, _cosine_rise, warmup=0.1),
    "plateau": Schedule(_plateau, _linear_rise),
}


def lr_factor(
    section: ScheduleSection,
    step: int,
    total_steps: int,
    steps_per_epoch: int,
    memory: Mapping[str, Mapping[str, float]],
) -> float:
    """Return what the learning rates are multiplied with in the step after `step` of them."""
    schedule = SCHEDULES[section.name]
    share = schedule.warmup if section.warmup is None else section.warmup
    warmup = share * total_steps
    moment = Moment(
        progress=max(0.0, step - warmup) / max(1.0, total_steps - warmup),
        epoch=step // steps_per_epoch,
        factor=memory.get("schedule", {}).get("factor", 1.0),
    )
    rise = schedule.rise(step, warmup) if step < warmup else 1.0
    return rise * schedule.shape(section, moment)


def after_validation(recipe: Recipe, memory: Memory, scores: Mapping[str, float]) -> Memory:
    """Return the memory after a validation whose metrics are `scores`; `memory` stays as it was."""
    new = dict(memory)
    if recipe.schedule.name == "plateau":
        new["schedule"] = _lower(recipe.schedule, memory.get("schedule", {}), scores)
    stopping = recipe.trainer.early_stopping
    if stopping is not None:
        new["early_stopping"] = _watch(stopping, memory.get("early_stopping", {}), scores)
    return new


def _watch(
    section: ScheduleSection | EarlyStoppingSection,
    seen: Mapping[str, float],
    scores: Mapping[str, float],
) -> dict[str, float]:
    """Return the best value so far and the number of validations since it (`waited`)."""
    value = scores[section.metric]
    gain = _gain(section.metric, value, seen["best"]) if "best" in seen else math.inf
    if gain > section.min_delta and not math.isnan(value):
        return {**seen, "best": value, "waited": 0}
    return {**seen, "waited": seen.get("waited", 0) + 1}


def _gain(metric: str, value: float, best: float) -> float:
    return value - best if metric in HIGHER_IS_BETTER else best - value


def _lower(
    section: ScheduleSection, seen: Mapping[str, float], scores: Mapping[str, float]
) -> dict[str, float]:
    now = _watch(section, seen, scores)
    if now["waited"] < section.patience:
        return now
    factor = max(section.final, now.get("factor", 1.0) * section.factor)
    return {**now, "waited": 0, "factor": factor}


def early_stop_reason(recipe: Recipe, memory: Mapping[str, Mapping[str, float]]) -> str | None:
    """Return why the run should end now, None where it should go on."""
    section, seen = recipe.trainer.early_stopping, memory.get("early_stopping", {})
    if section is None or seen.get("waited", 0) < section.patience:
        return None
    best = f" than {seen['best']:.4f}" if "best" in seen else ""
    return (
        f"{section.metric} has not become better{best} by more than {section.min_delta:g} "
        f"in {section.patience} validations"
    )


def watches_validation(recipe: Recipe) -> str | None:
    """Return the recipe key that needs validation images, None where none does."""
    if recipe.schedule.name == "plateau":
        return "schedule.name=plateau"
    return None if recipe.trainer.early_stopping is None else "trainer.early_stopping"
