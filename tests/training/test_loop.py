"""Training runs: they learn, they resume to the bit, and they refuse what would lose work."""

import csv
import shlex
import shutil
import signal
import sys

import pytest
import torch

from leadline.errors import LeadlineError
from leadline.inference.find_model import find_model
from leadline.models import ModelConfig, create_model, load_model
from leadline.training.checkpoint import load_checkpoint, save_best_model, save_checkpoint
from leadline.training.losses.composite import make_loss
from leadline.training.recipe import load_recipe
from leadline.training.run_folder import resume_command
from leadline.training.train import resume, train
from leadline.training.training_result import StopReason
from tests.conftest import QUICK, SilentReporter


def test_a_run_leaves_everything_the_docs_promise(quick_run):
    for name in (
        "recipe.yaml",
        "run.json",
        "metrics.csv",
        "curves.png",
        "checkpoints/last.ckpt",
        "model/model.safetensors",
        "model/config.json",
        "model/README.md",
    ):
        assert (quick_run / name).is_file(), name
    assert list((quick_run / "tensorboard").iterdir())
    assert list((quick_run / "samples").glob("*.png"))
    rows = list(csv.DictReader((quick_run / "metrics.csv").open()))
    assert [int(row["step"]) for row in rows if row["loss"]] == [1, 2, 3, 4, 5, 6]
    assert 0 <= float(rows[-1]["val_delta1"]) <= 1
    # The card says which protocol `auto` became.
    assert "| protocol | full |" in (quick_run / "model/README.md").read_text()


def test_it_learns_more_than_the_mean_depth(pairs, tmp_path):
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=60", "data.val_fraction=0"])
    plain = recipe.model_copy(update={"augment": recipe.augment.model_validate({})})
    reporter = SilentReporter()
    train(plain, pairs, tmp_path / "run", progress=reporter, score=False)
    assert sum(reporter.losses[-5:]) < 0.5 * sum(reporter.losses[:5])


class StopsAt(SilentReporter):
    """Sends this process the signal of Ctrl-C once a step is done."""

    def __init__(self, step: int):
        super().__init__()
        self.last = step

    def step(self, step, loss, images, waited):
        super().step(step, loss, images, waited)
        if step == self.last:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("stop", [2, 5])
def test_an_interrupted_run_resumes_to_the_same_bits(pairs, tmp_path, stop):
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=6"])
    train(recipe, pairs, tmp_path / "whole", progress=SilentReporter(), score=False)
    stopped = train(recipe, pairs, tmp_path / "run", progress=StopsAt(stop), score=False)
    assert stopped.reason is StopReason.SIGINT
    assert not stopped.reason.is_final
    reporter = SilentReporter()
    resume(tmp_path / "run", progress=reporter, score=False)
    assert reporter.first == stop
    resumed, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    whole, _ = load_checkpoint(tmp_path / "whole" / "checkpoints")
    assert resumed["step"] == whole["step"] == 6
    for name, value in whole["model"].items():
        assert torch.equal(resumed["model"][name], value), name


def test_a_truncated_checkpoint_falls_back_to_the_one_before(quick_run, tmp_path):
    run = shutil.copytree(quick_run, tmp_path / "run")
    newest = run / "checkpoints" / "last.ckpt"
    newest.write_bytes(newest.read_bytes()[:1000])
    state, warning = load_checkpoint(run / "checkpoints")
    assert state["step"] == 3
    assert warning is not None
    assert "last.ckpt is unreadable" in warning
    (run / "checkpoints" / "before_last.ckpt").unlink()
    with pytest.raises(LeadlineError, match=r"no checkpoint to resume from"):
        load_checkpoint(run / "checkpoints")


def test_a_hostile_checkpoint_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "pwned"), "w"))

    torch.save({"step": 1, "x": Evil()}, tmp_path / "last.ckpt")
    with pytest.raises(LeadlineError, match=r"unreadable"):
        load_checkpoint(tmp_path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"data": "x"}', '{"data": 1, "units_per_metre": "m"}']
)
def test_a_damaged_run_json_is_one_line_that_says_what_belongs_there(quick_run, tmp_path, damage):
    run = shutil.copytree(quick_run, tmp_path / "run")
    (run / "run.json").write_text(damage)
    message = r"run\.json: .*(damaged|empty).*units_per_metre"
    with pytest.raises(LeadlineError, match=message) as caught:
        resume(run, progress=SilentReporter(), score=False)
    assert "\n" not in str(caught.value)


def test_a_first_checkpoint_that_cannot_be_written_promises_none_before_it(tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(LeadlineError, match=r"no earlier one exists.*remove .* and train again"):
        save_checkpoint(tmp_path / "run" / "checkpoints", {"step": 0})


def test_a_folder_that_holds_a_run_is_not_overwritten(pairs, quick_run):
    with pytest.raises(LeadlineError, match=r"already holds a run.*--resume"):
        train(
            load_recipe("compact", QUICK), pairs, quick_run, progress=SilentReporter(), score=False
        )


def test_the_command_that_goes_on_is_one_for_the_shell(tmp_path):
    run = tmp_path / "my run"
    words = shlex.split(resume_command(run))
    assert words == ["leadline", "train", "--resume", str(run)]


def test_a_logger_that_is_not_installed_is_told_before_there_is_a_run(pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    recipe = load_recipe("compact", [*QUICK, "trainer.loggers=[tensorboard, wandb]"])
    with pytest.raises(LeadlineError, match=r"wandb needs .*pip install 'leadline\[wandb\]'"):
        train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert not (tmp_path / "run").exists()


def test_a_finished_run_says_so_when_it_is_resumed(quick_run, tmp_path):
    copy = shutil.copytree(quick_run, tmp_path / "run")
    reporter = SilentReporter()
    assert resume(copy, progress=reporter, score=False).reason is StopReason.FINISHED
    assert "already finished, at step 6 of 6" in reporter.lines


def test_a_local_encoder_must_say_how_its_input_is_normalised(pairs, tmp_path):
    (tmp_path / "w.pth").write_bytes(b"")
    recipe = load_recipe("compact", [*QUICK, f"model.encoder_weights={tmp_path / 'w.pth'}"])
    with pytest.raises(LeadlineError, match=r"model\.normalization="):
        train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)


def test_the_saved_model_computes_what_the_run_computed(quick_run):
    state, _ = load_checkpoint(quick_run / "checkpoints")
    model = load_model(quick_run / "model")
    assert model.config.training_area == 64 * 96
    for name, value in model.state_dict().items():
        assert torch.equal(value, state["model"][name]), name


def test_an_export_of_earlier_weights_goes_before_new_ones_are_kept(
    quick_run, tmp_path, monkeypatch
):
    run = shutil.copytree(quick_run, tmp_path / "run")
    recipe, network = load_recipe(str(run / "recipe.yaml")), load_model(run / "model")
    exported = [run / "model" / name for name in ("model.onnx", "model.onnx.json")]
    for file in exported:
        file.write_text("of earlier weights")
    save = type(network).save

    def save_alone(*arguments):
        assert not any(file.exists() for file in exported)
        save(*arguments)

    monkeypatch.setattr(type(network), "save", save_alone)
    save_best_model(run / "model", network, recipe, training={}, scores={})
    assert find_model(run) == run / "model"


def test_the_loss_is_the_weighted_sum_of_its_terms():
    recipe = load_recipe("compact")
    model = create_model(ModelConfig("compact"))
    depth = torch.full((2, 1, 8, 8), 2.0)
    outputs = {"target": torch.full((2, 1, 8, 8), 0.0), "depth": torch.full((2, 1, 8, 8), 1.0)}
    batch = {"depth": depth, "valid": torch.ones(2, 1, 8, 8, dtype=torch.bool)}
    # |0 - ln 2| + 0.1 |1 - 2| + 0.5 * 0 (no gradient anywhere)
    expected = torch.log(torch.tensor(2.0)) + 0.1
    assert make_loss(recipe, model)(outputs, batch) == pytest.approx(float(expected))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_picture_is_one_line_and_what_was_learned_is_kept(pairs, tmp_path, workers):
    data = shutil.copytree(pairs, tmp_path / "data")
    whole = (data / "rgb" / "005.png").read_bytes()
    (data / "rgb" / "005.png").write_bytes(whole[: len(whole) // 2])
    recipe = load_recipe(
        "compact", [*QUICK, f"data.workers={workers}", "data.val_fraction=0", "data.batch_size=1"]
    )
    with pytest.raises(LeadlineError, match=r"005\.png: is damaged") as caught:
        train(recipe, data, tmp_path / "run", progress=SilentReporter(), score=False)
    assert "\n" not in str(caught.value)
    state, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    assert state["step"] > 0


def test_data_without_any_depth_is_refused_before_training(pairs, tmp_path):
    recipe = load_recipe("compact", [*QUICK, "data.max_depth=0.2", "data.min_depth=0.1"])
    with pytest.raises(LeadlineError, match=r"no valid depth in 8 .* check the depth scale"):
        train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)


def test_a_full_disk_leaves_the_checkpoint_before_it(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, {"step": 1})

    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(LeadlineError, match=r"last\.ckpt: .*is the disk full"):
        save_checkpoint(tmp_path, {"step": 2})
    assert load_checkpoint(tmp_path) == ({"step": 1}, None)


def test_ctrl_c_lets_the_step_end_and_writes_a_checkpoint(pairs, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=6"])
    reporter = StopsAt(2)
    result = train(recipe, pairs, tmp_path / "run", progress=reporter, score=False)
    assert result.reason.exit_status == 130
    state, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    assert state["step"] == 2
    assert "leadline train --resume" in reporter.lines[-1]
    assert signal.getsignal(signal.SIGINT) == before


def test_a_validation_that_was_cut_off_is_made_up_for(pairs, tmp_path, monkeypatch):
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=4"])
    with monkeypatch.context() as patch:

        def cut_off(*_):
            raise KeyboardInterrupt

        patch.setattr("leadline.training.trainer.validate", cut_off)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    assert not (tmp_path / "run" / "model").exists()
    resume(tmp_path / "run", progress=SilentReporter(), score=False)
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()


def test_a_loss_that_is_not_finite_leaves_the_checkpoint_before_it(pairs, tmp_path, monkeypatch):
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=6"])

    def diverging(recipe, model):
        count = iter(range(100))
        real = make_loss(recipe, model)
        return lambda outputs, batch, statistics: (
            real(outputs, batch) * (1 if next(count) < 4 else torch.nan)
        )

    monkeypatch.setattr("leadline.training.state.make_loss", diverging)
    with pytest.raises(LeadlineError, match=r"the loss became nan after step 4"):
        train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    state, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    assert state["step"] == 3


def test_a_slice_of_time_ends_with_a_checkpoint_and_the_rest_gives_the_same_bits(
    pairs, quick_run, tmp_path
):
    recipe = load_recipe("compact", [*QUICK, "trainer.max_steps=6", "trainer.max_minutes=1e-6"])
    reporter = SilentReporter()
    result = train(recipe, pairs, tmp_path / "run", progress=reporter, score=False)
    assert not result.reason.is_final
    assert "max_minutes is over at step 1 of 6" in reporter.lines[-1]
    while not result.reason.is_final:
        result = resume(tmp_path / "run", progress=SilentReporter(), score=False)
    sliced, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    whole, _ = load_checkpoint(quick_run / "checkpoints")
    assert all(torch.equal(sliced["model"][name], whole["model"][name]) for name in whole["model"])


@pytest.mark.parametrize("settings", [[], ["trainer.accumulate=2"], ["trainer.ema=0.9"]])
def test_every_convolution_runs_channels_last(pairs, tmp_path, settings):
    seen, wrong = [], []

    def look(module, inputs):
        # Without a gradient it is an encoder that looks for its own shapes.
        if isinstance(module, torch.nn.Conv2d) and torch.is_grad_enabled():
            seen.append(module)
            for tensor in (inputs[0], module.weight):
                if not tensor.is_contiguous(memory_format=torch.channels_last):
                    wrong.append((module, tensor.shape))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
    try:
        recipe = load_recipe("compact", [*QUICK, *settings, "trainer.max_steps=1"])
        train(recipe, pairs, tmp_path / "run", progress=SilentReporter(), score=False)
    finally:
        hook.remove()
    assert seen
    assert not wrong
