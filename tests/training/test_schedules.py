"""Schedules and early stopping, against torch's schedulers, closed forms and hand-worked runs."""

import signal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from leadline.errors import LeadlineError
from leadline.training.checkpoint import load_checkpoint, save_checkpoint
from leadline.training.recipe import ScheduleSection, load_recipe
from leadline.training.schedules import (
    SCHEDULES,
    after_validation,
    early_stop_reason,
    lr_factor,
)
from leadline.training.train import resume, train
from tests.conftest import QUICK, SilentReporter

pytestmark = pytest.mark.usefixtures("no_curves")

TOTAL, PER_EPOCH = 100, 10


def ours(memory=None, steps=range(TOTAL), **section):
    schedule = ScheduleSection(**section)
    return [lr_factor(schedule, step, TOTAL, PER_EPOCH, memory or {}) for step in steps]


def remember(recipe, state, scores):
    return after_validation(recipe.schedule, recipe.trainer.early_stopping, state, scores)


def of_torch(make, steps=TOTAL):
    """The rates that a torch scheduler gives, of a rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_a_recipe_names_its_schedule_from_the_table():
    for name in SCHEDULES:
        assert ScheduleSection(name=name).name == name
    with pytest.raises(
        LeadlineError, match=r"schedule\.name.*not a schedule, did you mean 'cosine'"
    ):
        load_recipe("compact", ["schedule.name=cosin"])


@pytest.mark.parametrize(
    ("section", "reference"),
    [
        ({"name": "constant"}, lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
        (
            {"name": "polynomial", "power": 0.9},
            lambda o: lr_scheduler.PolynomialLR(o, total_iters=TOTAL, power=0.9),
        ),
        (
            {"name": "polynomial", "final": 0.6},
            lambda o: lr_scheduler.LinearLR(o, 1.0, 0.6, total_iters=TOTAL),
        ),
        (
            {"name": "step", "every_epochs": 3, "factor": 0.5},
            lambda o: lr_scheduler.StepLR(o, step_size=3 * PER_EPOCH, gamma=0.5),
        ),
        (
            {"name": "cosine", "final": 0.1},
            lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=TOTAL, eta_min=0.1),
        ),
        (
            # torch counts its phases to one step before their end.
            {"name": "one_cycle", "warmup": 0.3, "final": 0.01},
            lambda o: lr_scheduler.OneCycleLR(
                o, 1.0, total_steps=TOTAL + 1, pct_start=31 / 101, final_div_factor=0.04 / 0.01
            ),
        ),
    ],
)
def test_a_schedule_is_torchs_schedule_of_that_name(section, reference):
    np.testing.assert_allclose(ours(**section), of_torch(reference), rtol=1e-9)


def test_any_schedule_can_start_with_a_linear_warm_up():
    def reference(optimizer):
        rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / 20, total_iters=19)
        fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=80)
        return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[20])

    np.testing.assert_allclose(
        ours(name="cosine", warmup=0.2), of_torch(reference), rtol=1e-9, atol=1e-12
    )
    assert ours(name="constant", warmup=0.04)[:6] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    # The epochs of `step` are counted from the start of the run, warm-up or not.
    stepped = ours(name="step", every_epochs=1, factor=0.1, warmup=0.2)
    assert stepped[12] == pytest.approx(0.1 * 13 / 20)
    assert stepped[20] == pytest.approx(0.01)


def test_only_one_cycle_warms_up_unasked():
    for name in SCHEDULES:
        first = ours(name=name)[0]
        assert first == pytest.approx(0.04 if name == "one_cycle" else 1.0), name


@given(
    values=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=40),
    metric=st.sampled_from(["abs_rel", "delta1"]),
    patience=st.integers(1, 4),
    min_delta=st.sampled_from([0.0, 0.0625]),
)
def test_the_plateau_falls_when_torchs_does(values, metric, patience, min_delta):
    values = [round(value * 64) / 64 for value in values]  # exact differences: no rounding at ties
    recipe = load_recipe("compact", ["schedule.name=plateau"])
    section = ScheduleSection(
        name="plateau", metric=metric, patience=patience, factor=0.5, final=0.1, min_delta=min_delta
    )
    recipe = recipe.model_copy(update={"schedule": section})
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode="max" if metric == "delta1" else "min",
        factor=0.5,
        patience=patience - 1,  # torch tolerates so many, we act at so many
        threshold=min_delta,
        threshold_mode="abs",
        min_lr=0.1,
    )
    memory = {}
    for value in values:
        memory = remember(recipe, memory, {metric: value})
        reference.step(value)
        expected = optimizer.param_groups[0]["lr"]
        assert lr_factor(section, 50, TOTAL, PER_EPOCH, memory) == pytest.approx(expected)


def stopping(patience, min_delta=0.0, metric="abs_rel"):
    return load_recipe(
        "compact",
        [
            f"trainer.early_stopping.{key}={value}"
            for key, value in (
                ("patience", patience),
                ("min_delta", min_delta),
                ("metric", metric),
            )
        ],
    )


@pytest.mark.parametrize(
    ("recipe", "values", "stops_after"),
    [
        (stopping(2), [0.5, 0.4, 0.41, 0.40, 0.3], 4),
        (stopping(2, min_delta=0.05), [0.5, 0.46, 0.44, 0.43, 0.42], 5),
        (stopping(1, metric="delta1"), [0.5, 0.6, 0.7, 0.6], 4),
        (stopping(3), [float("nan")] * 3, 3),
        (stopping(2), [0.5, 0.4, 0.3, 0.2], None),
        (load_recipe("compact"), [0.5] * 50, None),
    ],
)
def test_a_run_ends_after_that_many_validations_without_a_gain(recipe, values, stops_after):
    section = recipe.trainer.early_stopping
    memory, ended = {}, None
    for number, value in enumerate(values, 1):
        memory = remember(recipe, memory, {section.metric if section else "abs_rel": value})
        if ended is None and early_stop_reason(recipe.trainer.early_stopping, memory):
            ended = number
    assert ended == stops_after


def test_the_memory_survives_a_checkpoint_and_is_never_changed_in_place(tmp_path):
    recipe = stopping(3).model_copy(
        update={"schedule": ScheduleSection(name="plateau", patience=1, factor=0.5)}
    )
    before = remember(recipe, {}, {"abs_rel": 0.5})
    kept = {name: dict(numbers) for name, numbers in before.items()}
    after = remember(recipe, before, {"abs_rel": 0.6})
    assert before == kept
    save_checkpoint(tmp_path, {"step": 1, "memory": after})
    assert load_checkpoint(tmp_path)[0]["memory"] == after
    assert after["schedule"]["factor"] == 0.5


ALWAYS_WORSE = [
    "trainer.max_steps=12",
    "trainer.validate_every_epochs=1",
    "data.val_fraction=0.2",
    "data.batch_size=4",
    "schedule.name=plateau",
    "schedule.patience=1",
    "schedule.factor=0.5",
    "schedule.min_delta=1000",  # nothing is ever better than the first
    "trainer.early_stopping.patience=3",
    "trainer.early_stopping.min_delta=1000",
]


class StopsAt(SilentReporter):
    def step(self, step, loss, images, waited):
        super().step(step, loss, images, waited)
        if step == 5:
            signal.raise_signal(signal.SIGINT)


def test_a_run_on_a_plateau_ends_early_and_resumes_to_the_same_bits(pairs, tmp_path):
    recipe = load_recipe("compact", [*QUICK, *ALWAYS_WORSE])
    reporter = SilentReporter()
    train(recipe, pairs, tmp_path / "whole", progress=reporter, score=False)
    # 10 training images in batches of 4: validations at 2, 4, 6, 8; three of them bring nothing.
    assert len(reporter.losses) == 8
    assert any("ended early at step 8 of 12" in line for line in reporter.lines)
    train(recipe, pairs, tmp_path / "run", progress=StopsAt(), score=False)
    resume(tmp_path / "run", progress=SilentReporter(), score=False)
    whole, _ = load_checkpoint(tmp_path / "whole" / "checkpoints")
    resumed, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    assert resumed["step"] == whole["step"] == 8
    assert resumed["memory"] == whole["memory"]
    assert whole["memory"]["schedule"]["factor"] == 0.125
    for name, value in whole["model"].items():
        assert torch.equal(resumed["model"][name], value), name
    again = SilentReporter()
    resume(tmp_path / "run", progress=again, score=False)
    assert again.losses == []


def test_what_watches_the_validation_needs_validation_images(pairs, tmp_path):
    for key in ("schedule.name=plateau", "trainer.early_stopping.patience=2"):
        recipe = load_recipe("compact", [*QUICK, "data.val_fraction=0", key])
        with pytest.raises(LeadlineError, match="no validation images, which"):
            train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
