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
from leadline.models.build import create_model, load_model
from leadline.models.config import ModelConfig
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
    counted = [name for name in saved if not name.endswith("num_batches_tracked")]
    assert source == f"compact-nyu (all {len(counted)} tensors)"
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
    assert source.endswith("; other has model.options.neck=192)")


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


def test_an_encoder_alone_is_taken_whatever_the_depth_space(build, other):
    """What it gives has no unit; a decoder's does, and is checked."""
    fcrn = ["model.architecture=fcrn", "model.encoder=mobilenet_v2", "model.options={}"]
    model, _, _ = build(other, *fcrn, "model.depth_space=linear", "model.max_depth=80")
    saved = load_file(other / "model.safetensors")
    for name, value in model.encoder.state_dict().items():
        assert torch.equal(value, saved[f"encoder.{name}"]), name
    with pytest.raises(LeadlineError, match=r"channel_order=bgr: .* trained with rgb"):
        build(other, *fcrn, "model.channel_order=bgr")


def test_a_file_without_counters_of_batches_keeps_its_encoder(build, other, tmp_path):
    """As files of old versions of PyTorch, and of other libraries, are."""
    saved = load_file(other / "model.safetensors")
    rest = {name: v for name, v in saved.items() if not name.endswith("num_batches_tracked")}
    assert len(rest) < len(saved)
    save_file(rest, tmp_path / "w.safetensors")
    shutil.copy(other / "config.json", tmp_path / "config.json")
    model, _, source = build(tmp_path / "w.safetensors")
    assert source == f"w.safetensors (all {len(rest)} tensors)"
    state = model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in rest.items())


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
    assert source.endswith("no config.json beside it: taken for log depth of up to 10 m)")


def test_a_file_that_cannot_be_a_start_is_one_line(build, other, tmp_path):
    tensors = load_file(other / "model.safetensors")
    tensors["head.weight"][0, 0, 0, 0] = torch.nan
    save_file(tensors, tmp_path / "nan.safetensors")
    with pytest.raises(LeadlineError, match=r"nan\.safetensors: tensor 'head\.weight' holds"):
        build(tmp_path / "nan.safetensors")
    (tmp_path / "last.ckpt").write_bytes(b"x")
    with pytest.raises(
        LeadlineError, match=r"last\.ckpt: not a file of weights; give a run folder"
    ):
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
    still = ["optimizer.lr=1e-12", "trainer.freeze_batch_norm=true"]
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
    assert "no training camera, although crisp-nyu has one" in reporter.lines[1]
    images = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = load_model(result.model)(images)["depth"]
        shipped = load_model(shipped_checkpoint("crisp-nyu"))(images)["depth"]
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


NETWORKS = {
    "compact, log": ("compact", "log", {"encoder": "resnet18"}),
    "compact, linear": ("compact", "linear", {"encoder": "resnet18"}),
    "compact, reciprocal": ("compact", "reciprocal", {"encoder": "resnet18"}),
    "crisp, log": ("crisp", "log", {"encoder": "resnet18"}),
    "crisp, linear": ("crisp", "linear", {"encoder": "resnet18"}),
    "densedepth": ("densedepth", "reciprocal", {"encoder": "mobilenet_v2", "width": 0.1}),
    "without a bias": ("fcrn", "linear", {"encoder": "resnet18"}),
    "transposed": ("vgg19-fcn-a1", "linear", {"encoder": "mobilenet_v2"}),
    "plain": ("vgg19-fcn", "linear", {"encoder": "mobilenet_v2"}),
    "unet": ("unet-2m", "linear", {}),
    "resnet34-unet": ("resnet34-unet", "linear", {"encoder": "resnet18"}),
    "relu": ("depth-mancini", "linear", {"encoder": "mobilenet_v2", "output": "relu"}),
    "relu, classes": ("ds-net", "linear", {"encoder": "mobilenet_v2", "output": "relu"}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_scale_its_metres(name):
    """Metres times 0.75, by the definition of each space: t + ln r, r t and t / r."""
    architecture, space, options = NETWORKS[name]
    model = create_model(ModelConfig(architecture, options, depth_space=space), seed=3).eval()
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = model(images)["target"]
        assert model.scale_metres(0.75)
        after = model(images)["target"]
    shifted = {"log": before + math.log(0.75), "linear": before * 0.75}
    expected = shifted.get(space, before / 0.75)
    assert before.abs().max() > 0
    torch.testing.assert_close(after, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "space", "options"),
    [
        ("fcrn", "log", {"encoder": "resnet18"}),  # no bias to move
        ("depth-mancini", "linear", {"encoder": "mobilenet_v2"}),  # a softplus follows
    ],
)
def test_a_network_that_cannot_scale_its_metres_stays_and_says_so(
    architecture, space, options, tmp_path, build
):
    model = create_model(ModelConfig(architecture, options, depth_space=space, stride=16), seed=3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert not model.scale_metres(0.75)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    model.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "training_focal": 100.0}))
    _, _, source = build(
        tmp_path,
        f"model.architecture={architecture}",
        f"model.encoder={model.config.options['encoder']}",
        f"model.depth_space={space}",
        "model.options={}",
        "data.camera_fov=90",
    )
    # 90 degrees across 320 pixels are f = 160.
    assert "; metres not multiplied by 1.6, the ratio of focal lengths" in source
