"""Training from a trained model: which tensors are taken, which contradictions are refused."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from leadline.datasets import DepthDataset, open_data
from leadline.errors import LeadlineError
from leadline.models.base import ModelConfig
from leadline.models.build import create_model, load_model
from leadline.training.build import build_model
from leadline.training.checkpoint import load_checkpoint
from leadline.training.optim import parameter_groups
from leadline.training.recipe import load_recipe
from leadline.training.train import train
from leadline.weights import shipped_checkpoint
from tests.conftest import QUICK, SilentReporter, write_pairs

SETTINGS = [*QUICK, "data.area=1536", "data.val_fraction=0.25", "trainer.loggers=[]"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> DepthDataset:
    """Two pictures of 48x64 to size a network by."""
    return open_data(write_pairs(tmp_path_factory.mktemp("samples"), 2, (48, 64)))


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    """A saved `compact` of up to 10 m whose weights are random, of seed 5."""
    folder = tmp_path_factory.mktemp("runs") / "other" / "model"
    config = ModelConfig("compact", {}, normalization="unit", max_depth=10.0, stride=16)
    create_model(config, seed=5).save(folder)
    return folder


@pytest.fixture
def build(samples):
    """Build the network of the recipe `compact` with changes, from a trained model."""

    def from_trained(init, *overrides):
        recipe = load_recipe("compact", ["model.encoder_weights=none", *overrides])
        model = recipe.model.model_copy(update={"init": str(init)})
        return build_model(recipe.model_copy(update={"model": model}), samples)[:3]

    return from_trained


def test_every_tensor_of_the_shipped_model_is_taken(build):
    model, _, source = build("compact-nyu")
    saved = load_file(shipped_checkpoint("compact-nyu") / "model.safetensors")
    assert saved.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, saved[name].to(value.dtype)), name
    assert source == f"compact-nyu (all {len(saved)} tensors)"
    assert model.config.normalization == "symmetric"


def test_a_farther_range_keeps_the_metres_of_the_network(build, other):
    near, _, _ = build(other)
    far, _, source = build(other, "model.max_depth=80")
    assert "all" in source
    images = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = near.eval()(images)["target"]
        assert torch.equal(far.eval()(images)["target"], expected)
        assert torch.equal(far(images)["depth"], expected.clamp(max=math.log(80.0)).exp())


def test_a_decoder_of_other_widths_says_what_starts_at_random(build, other):
    model, _, source = build(other, "model.options={neck: 64}")
    saved, state = load_file(other / "model.safetensors"), model.state_dict()
    assert saved.keys() == state.keys()
    changed = [name for name in saved if not torch.equal(state[name], saved[name])]
    assert changed
    assert all(name.startswith(("neck.", "blocks.0.")) for name in changed)
    assert "random: neck.0.weight" in source
    assert "encoder" not in source


def test_another_encoder_is_not_taken_in_halves(build, other):
    model, _, source = build(other, "model.encoder=resnet18")
    saved = load_file(other / "model.safetensors")
    assert torch.equal(model.head.weight, saved["head.weight"])
    assert "with another encoder (random weights)" in source
    plain = create_model(model.config)
    assert torch.equal(model.encoder.body.conv1.weight, plain.encoder.body.conv1.weight)


def test_another_architecture_with_the_same_encoder_takes_the_encoder_alone(build, other):
    model, _, source = build(
        other, "model.architecture=fcrn", "model.encoder=mobilenet_v2", "model.options={}"
    )
    saved = load_file(other / "model.safetensors")
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, saved[f"encoder.{name}"]), name
    assert "random: " in source


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.depth_space=linear"], r"model\.depth_space=linear: .* trained with log; set "),
        (["model.normalization=imagenet"], r"normalization=imagenet: .* trained with unit; set"),
        (["model.channel_order=bgr"], r"channel_order=bgr: .* trained with rgb; set "),
        (
            ["model.architecture=unet-2m", "model.encoder=null", "model.options={}"],
            r"none of its \d+ tensors, a compact, fits the network unet-2m .*architecture=compact",
        ),
    ],
)
def test_what_contradicts_the_model_is_one_line(build, other, overrides, message):
    with pytest.raises(LeadlineError, match=message) as caught:
        build(other, *overrides)
    assert "\n" not in str(caught.value)


def test_a_reciprocal_network_keeps_its_range(build, tmp_path):
    config = ModelConfig("compact", {}, depth_space="reciprocal", max_depth=10.0, stride=16)
    create_model(config).save(tmp_path / "model")
    space = "model.depth_space=reciprocal"
    assert "all" in build(tmp_path / "model", space)[2]
    with pytest.raises(LeadlineError, match=r"regresses 10 m / depth; set model\.max_depth=10"):
        build(tmp_path / "model", space, "model.max_depth=20")


def test_a_bare_file_must_say_how_its_input_is_normalised(build, other, tmp_path):
    file = Path(shutil.copy(other / "model.safetensors", tmp_path / "w.safetensors"))
    with pytest.raises(LeadlineError, match=r"has no config\.json beside it.*normalization"):
        build(file)
    model, _, source = build(file, "model.normalization=unit")
    assert model.config.normalization == "unit"
    assert source.startswith("w.safetensors (all")


def test_a_file_that_cannot_be_a_start_is_one_line(build, other, tmp_path):
    tensors = load_file(other / "model.safetensors")
    tensors["head.weight"][0, 0, 0, 0] = torch.nan
    save_file(tensors, tmp_path / "nan.safetensors")
    with pytest.raises(LeadlineError, match=r"nan\.safetensors: tensor 'head\.weight' holds"):
        build(tmp_path / "nan.safetensors")
    (tmp_path / "last.ckpt").write_bytes(b"x")
    with pytest.raises(LeadlineError, match=r"last\.ckpt: not a file of weights; --init takes"):
        build(tmp_path / "last.ckpt")
    with pytest.raises(LeadlineError, match="nowhere"):
        build(tmp_path / "nowhere")


def test_a_frozen_encoder_stays_to_the_bit_and_the_run_says_so(pairs, other, tmp_path):
    reporter = SilentReporter()
    train(
        "compact",
        pairs,
        tmp_path / "run",
        init=other,
        overrides=[*SETTINGS, "optimizer.encoder_lr=0", "trainer.max_steps=2"],
        progress=reporter,
        score=False,
    )
    saved = load_file(other / "model.safetensors")
    state, _ = load_checkpoint(tmp_path / "run" / "checkpoints")
    for name, value in state["model"].items():
        same = torch.equal(value, saved[name])
        # A BatchNorm of the decoder counts batches and moves its statistics as well.
        assert same == name.startswith("encoder."), name
    model = create_model(ModelConfig("compact"))
    frozen = sum(parameter.numel() for parameter in model.encoder.parameters())
    assert f"(frozen: the encoder, {frozen:,} parameters), from other (all" in reporter.lines[0]
    learning = sum(p["exp_avg"].numel() for p in state["optimizer"]["state"].values())
    assert learning + frozen == model.parameter_count()
    card = (tmp_path / "run/model/README.md").read_text()
    assert f"| frozen | the encoder, {frozen:,} parameters |" in card
    assert "initialised from | other (all" in card
    info = json.loads((tmp_path / "run/run.json").read_text())
    assert info["initialised_from"].startswith("other (all")


def test_a_network_without_an_encoder_has_none_to_freeze():
    recipe = load_recipe("compact", ["optimizer.encoder_lr=0"])
    model = create_model(ModelConfig("compact", stride=16))
    model.encoder = torch.nn.Identity()
    with pytest.raises(LeadlineError, match=r"encoder_lr=0: compact has no encoder to freeze"):
        parameter_groups(model, recipe)


def test_the_first_predictions_of_a_run_are_those_of_the_model_it_starts_from(pairs, tmp_path):
    """A rate of almost nothing: the validation after one step is that of the shipped model."""
    still = ["optimizer.lr=1e-12", "optimizer.encoder_lr=0", "trainer.freeze_batch_norm=true"]
    reporter = SilentReporter()
    result = train(
        "finetune",
        pairs,
        tmp_path / "run",
        overrides=[*SETTINGS[1:], *still, "trainer.max_steps=1"],
        progress=reporter,
        score=False,
    )
    # These pairs declare no camera: the model will follow no lens any more, and the run says so.
    assert load_model(result.model).config.training_focal is None
    assert "no training camera, although compact-nyu has one" in reporter.lines[1]
    images = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = load_model(result.model)(images)["depth"]
        shipped = load_model(shipped_checkpoint("compact-nyu"))(images)["depth"]
    torch.testing.assert_close(ours, shipped, rtol=1e-4, atol=0)


def test_another_focal_length_scales_the_first_metres(build, other, tmp_path):
    """Half the focal length in pixels, half the metres."""
    folder = shutil.copytree(other, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    wide = "data.camera_fov=90"
    ours, _, plain = build(folder, wide)
    assert "times" not in plain
    focal = ours.config.training_focal
    (folder / "config.json").write_text(json.dumps({**config, "training_focal": 2 * focal}))
    halved, _, source = build(folder, wide)
    assert "metres times 0.5 for the other focal length" in source
    images = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = (model.eval()(images)["target"] for model in (ours, halved))
    torch.testing.assert_close(after, before + math.log(0.5))
