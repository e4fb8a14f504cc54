"""Learning-rate schedules, and early stopping of a run that no longer improves.

Everything here is a pure function of the step and of `ScheduleState`, plain numbers stored in the
checkpoint, so that a resumed run decides as the uninterrupted one. A new schedule is one entry of
`SCHEDULES`, and fields of `ScheduleSection` if it has settings of its own.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from leadline.metrics import HIGHER_IS_BETTER, METRICS
from leadline.training.config import OneOf, Section

SELECTION_METRIC = "abs_rel"
"""The validation metric that selects a run's best model (lower is better), and the default metric
of schedules and early stopping."""

MetricName = Annotated[str, OneOf("metric", METRICS)]

Watched = Mapping[str, float]
"""State of a metric: its `best` value, the validations `waited` since then, and the `factor`."""

ScheduleState = dict[str, Watched]
"""The `Watched` of `schedule` and of `early_stopping`; empty at the start of a run."""


@dataclass(frozen=True)
class RunPosition:
    """Progress of a run: the finished share of the steps after the warm-up, and the epoch.

    `factor` is the current factor of a schedule that watches a metric.
    """

    done: float
    epoch: int
    factor: float


def linear_warmup(step: int, steps: float) -> float:
    """Return the factor of step `step` of `steps` of warm-up, rising linearly to 1."""
    return min(1.0, (step + 1) / steps)


def cosine_warmup(step: int, steps: float) -> float:
    """Return the factor of step `step` of `steps` of warm-up, half a cosine from 0.04 to 1."""
    return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * step / steps))


@dataclass(frozen=True)
class Schedule:
    """A decay from 1 downwards over the run, and the warm-up that multiplies it.

    `warmup_share` is the default share of the run that warms up. A schedule that watches the
    validation has `update`: (section, watched before, scores) -> watched after.
    """

    decay: Callable[["ScheduleSection", RunPosition], float]
    warmup: Callable[[int, float], float] = linear_warmup
    warmup_share: float = 0.0
    update: Callable[["ScheduleSection", Watched, Mapping[str, float]], Watched] | None = None


def _constant(_section: "ScheduleSection", _position: RunPosition) -> float:
    return 1.0


def _polynomial(section: "ScheduleSection", position: RunPosition) -> float:
    return float(section.final + (1 - section.final) * (1 - position.done) ** section.power)


def _step(section: "ScheduleSection", position: RunPosition) -> float:
    return float(section.factor ** (position.epoch // section.every_epochs))


def _cosine(section: "ScheduleSection", position: RunPosition) -> float:
    return section.final + (1 - section.final) * 0.5 * (1 + math.cos(math.pi * position.done))


def _plateau(_section: "ScheduleSection", position: RunPosition) -> float:
    return position.factor


def _lower_on_plateau(
    section: "ScheduleSection", before: Watched, scores: Mapping[str, float]
) -> Watched:
    after = _watch(section, before, scores)
    if after["waited"] < section.patience:
        return after
    factor = max(section.final, after.get("factor", 1.0) * section.factor)
    return {**after, "waited": 0, "factor": factor}


SCHEDULES = {
    "constant": Schedule(_constant),
    "polynomial": Schedule(_polynomial),
    "step": Schedule(_step),
    "cosine": Schedule(_cosine),
    "one_cycle": Schedule(_cosine, cosine_warmup, warmup_share=0.1),
    "plateau": Schedule(_plateau, update=_lower_on_plateau),
}
"""Every schedule by the name a recipe uses."""


class ScheduleSection(Section):
    """The learning-rate schedule of a run.

    The warm-up, polynomial, cosine and one_cycle are scaled to the number of steps of the run; step
    counts epochs, and plateau validations.
    """

    name: Annotated[str, OneOf("schedule", SCHEDULES)] = Field(
        "one_cycle", description=f"The curve of the learning rate: {', '.join(SCHEDULES)}."
    )
    warmup: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Share of the steps that warm up; null: 0.1 for one_cycle, else 0.",
    )
    final: float = Field(
        0.0, ge=0, le=1, description="Where the rate ends, as a share of optimizer.lr."
    )
    power: float = Field(1.0, gt=0, description="Exponent of polynomial.")
    every_epochs: int = Field(5, ge=1, description="step: epochs from one reduction to the next.")
    factor: float = Field(
        0.1, gt=0, le=1, description="step, plateau: what a reduction multiplies the rate with."
    )
    metric: MetricName = Field(
        SELECTION_METRIC, description="plateau: validation metric that is watched."
    )
    patience: int = Field(
        5, ge=1, description="plateau: validations without a better value before a reduction."
    )
    min_delta: float = Field(
        0.0, ge=0, description="plateau: better means better than the best by more than this."
    )


class EarlyStoppingSection(Section):
    """End the run after `patience` validations in a row without a better `metric`."""

    metric: MetricName = Field(SELECTION_METRIC, description="Validation metric that is watched.")
    patience: int = Field(
        10, ge=1, description="Validations without a better value before the run ends."
    )
    min_delta: float = Field(
        0.0, ge=0, description="Better means better than the best by more than this."
    )


def lr_factor(
    section: ScheduleSection,
    step: int,
    total_steps: int,
    steps_per_epoch: int,
    state: Mapping[str, Watched],
) -> float:
    """Return the learning-rate factor of the step after `step` finished steps."""
    schedule = SCHEDULES[section.name]
    share = schedule.warmup_share if section.warmup is None else section.warmup
    warmup_steps = share * total_steps
    position = RunPosition(
        done=max(0.0, step - warmup_steps) / max(1.0, total_steps - warmup_steps),
        epoch=step // steps_per_epoch,
        factor=state.get("schedule", {}).get("factor", 1.0),
    )
    rise = schedule.warmup(step, warmup_steps) if step < warmup_steps else 1.0
    return rise * schedule.decay(section, position)


def after_validation(
    schedule: ScheduleSection,
    early_stopping: EarlyStoppingSection | None,
    state: ScheduleState,
    scores: Mapping[str, float],
) -> ScheduleState:
    """Return the state after a validation with the metrics `scores`; `state` is not changed."""
    new = dict(state)
    if update := SCHEDULES[schedule.name].update:
        new["schedule"] = update(schedule, state.get("schedule", {}), scores)
    if early_stopping is not None:
        new["early_stopping"] = _watch(early_stopping, state.get("early_stopping", {}), scores)
    return new


def _watch(
    section: ScheduleSection | EarlyStoppingSection, before: Watched, scores: Mapping[str, float]
) -> Watched:
    """Return the best value so far and the number of validations since it."""
    value = scores[section.metric]
    gain = _gain(section.metric, value, before["best"]) if "best" in before else math.inf
    if gain > section.min_delta and not math.isnan(value):
        return {**before, "best": value, "waited": 0}
    return {**before, "waited": before.get("waited", 0) + 1}


def _gain(metric: str, value: float, best: float) -> float:
    return value - best if metric in HIGHER_IS_BETTER else best - value


def early_stop_reason(
    section: EarlyStoppingSection | None, state: Mapping[str, Watched]
) -> str | None:
    """Return why the run should end now, None if it should continue."""
    watched = state.get("early_stopping", {})
    if section is None or watched.get("waited", 0) < section.patience:
        return None
    best = f" than {watched['best']:.4f}" if "best" in watched else ""
    return (
        f"{section.metric} has not become better{best} by more than {section.min_delta:g} "
        f"in {section.patience} validations"
    )


def needs_validation(
    schedule: ScheduleSection, early_stopping: EarlyStoppingSection | None
) -> str | None:
    """Return the recipe key that needs validation images, None if there is none."""
    if SCHEDULES[schedule.name].update is not None:
        return f"schedule.name={schedule.name}"
    return None if early_stopping is None else "trainer.early_stopping"
