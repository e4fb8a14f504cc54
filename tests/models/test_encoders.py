"""Encoders are torchvision's networks: same keys, same numbers, taps where they should be."""

import math
import pathlib
import pickle
from collections import OrderedDict

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from leadline.errors import LeadlineError
from leadline.models.encoders import (
    ENCODERS,
    Encoder,
    create_encoder,
    imagenet_weights_file,
    use_leaky_relu,
)

CHANNELS = {
    "vgg19": {1: 64, 2: 128, 4: 256, 8: 512, 16: 512},
    "mobilenet_v2": {2: 16, 4: 24, 8: 32, 16: 96, 32: 1280},
    "mobilenet_v2_os16": {2: 16, 4: 24, 8: 32, 16: 1280},
    "mobilenet_v2_os8": {2: 16, 4: 24, 8: 1280},
    "resnet18": {2: 64, 4: 64, 8: 128, 16: 256, 32: 512},
    "resnet34": {2: 64, 4: 64, 8: 128, 16: 256, 32: 512},
    "resnet50": {2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048},
    "resnet50_os16": {2: 64, 4: 256, 8: 512, 16: 2048},
    "resnet50_os8": {2: 64, 4: 256, 8: 2048},
    "densenet121": {2: 64, 4: 64, 8: 128, 16: 256, 32: 1024},
    "densenet169": {2: 64, 4: 64, 8: 128, 16: 256, 32: 1664},
    "densenet201": {2: 64, 4: 64, 8: 128, 16: 256, 32: 1920},
}


def theirs(name: str) -> nn.Module:
    """The same network as torchvision builds it, with its own class around the layers."""
    if name == "vgg19":
        # The head is left out: it is never used and has 120 million parameters.
        whole = nn.Module()
        cfg = torchvision.models.vgg.cfgs["E"]
        whole.features = torchvision.models.vgg.make_layers(cfg, batch_norm=False)
        return whole
    if name.startswith("resnet50_os"):
        dilate = [False, name.endswith("8"), True]
        return torchvision.models.resnet50(weights=None, replace_stride_with_dilation=dilate)
    return torchvision.models.get_model(name.partition("_os")[0], weights=None)


def their_deepest(name: str, network: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """The deepest map of torchvision's network, written out."""
    if name == "vgg19":
        return network.features[:36](image)
    if name.startswith("densenet"):
        return functional.relu(network.features(image))
    if name.startswith("mobilenet_v2"):
        return network.features(image)
    x = network.maxpool(network.relu(network.bn1(network.conv1(image))))
    return network.layer4(network.layer3(network.layer2(network.layer1(x))))


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_a_torchvision_file_loads_and_gives_torchvisions_features(name, tmp_path):
    torch.manual_seed(1)
    network = theirs(name).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    encoder = create_encoder(name).eval()
    encoder.load_file(tmp_path / "weights.pth")
    image = torch.rand(1, 3, 64, 96)
    deepest = encoder(image)[max(encoder.reductions)]
    if name.startswith("mobilenet_v2_os"):
        # A dilation in place of a stride computes every value of the plain network, and the ones
        # between them.
        step = 32 // max(encoder.reductions)
        deepest = deepest[..., ::step, ::step]
    torch.testing.assert_close(deepest, their_deepest(name, network, image))
    own = {encoder.prefix + key for key in encoder.body.state_dict()}
    assert own <= set(network.state_dict())


@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_taps_have_their_channels_and_sides_rounded_up(name):
    encoder = create_encoder(name).eval()
    assert encoder.channels == CHANNELS[name]
    for size in [(50, 70), (1, 4)]:
        for reduction, feature in encoder(torch.rand(1, 3, *size)).items():
            sides = tuple(math.ceil(side / reduction) for side in size)
            assert feature.shape == (1, CHANNELS[name][reduction], *sides)


@torch.no_grad()
def test_a_timm_encoder_that_rounds_down_is_padded_instead():
    pytest.importorskip("timm")
    encoder = create_encoder("timm:test_convnext").eval()
    assert not encoder.rounds_up
    for reduction, feature in encoder(torch.rand(1, 3, 50, 70)).items():
        assert feature.shape[-2:] == (math.ceil(50 / reduction), math.ceil(70 / reduction))


def test_weights_of_another_network_are_refused_with_the_missing_tensor(tmp_path):
    torch.save(theirs("resnet18").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(LeadlineError, match=r"weights\.pth.*missing.*features"):
        create_encoder("mobilenet_v2").load_file(tmp_path / "weights.pth")


def test_weights_of_another_shape_are_refused_with_both_shapes(tmp_path):
    state = theirs("resnet18").state_dict()
    state["conv1.weight"] = torch.zeros(64, 4, 7, 7)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(LeadlineError, match=r"conv1\.weight.*\(64, 4, 7, 7\).*\(64, 3, 7, 7\)"):
        create_encoder("resnet18").load_file(tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda value: value[..., :1], r"has shape \(.*, 1\), expected \("),
        (lambda value: value * torch.nan, "not finite"),
        (lambda value: None, "lacks 1 tensors of this encoder"),
    ],
)
def test_weights_that_do_not_fit_a_timm_encoder_are_refused(tmp_path, change, words):
    pytest.importorskip("timm")
    encoder, path = create_encoder("timm:test_convnext"), tmp_path / "weights.pth"
    state = encoder.net.state_dict() | {"head.fc.weight": torch.zeros(2, 2)}
    torch.save(state, path)
    encoder.load_file(path)
    changed = change(state.pop("stages_1.blocks.0.conv_dw.weight"))
    if changed is not None:
        state["stages_1.blocks.0.conv_dw.weight"] = changed
    torch.save(state, path)
    with pytest.raises(LeadlineError, match=rf"weights\.pth.*{words}"):
        encoder.load_file(path)


def test_weights_that_are_not_finite_are_refused_with_the_tensor(tmp_path):
    state = theirs("resnet18").state_dict()
    state["layer2.0.conv1.weight"][0, 0, 0, 0] = torch.nan
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(LeadlineError, match=r"weights\.pth.*layer2\.0\.conv1\.weight.*not finite"):
        create_encoder("resnet18").load_file(tmp_path / "weights.pth")


@pytest.mark.parametrize("wrap", [dict, lambda state: {"state_dict": state, "epoch": 3}])
def test_a_distributed_trainings_state_dict_loads_like_the_plain_one(wrap, tmp_path):
    state = theirs("resnet18").state_dict()
    torch.save(
        wrap({f"module.{key}": value for key, value in state.items()}), tmp_path / "weights.pth"
    )
    encoder = create_encoder("resnet18")
    encoder.load_file(tmp_path / "weights.pth")
    assert torch.equal(encoder.body.state_dict()["conv1.weight"], state["conv1.weight"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (pickle.dumps(pathlib.PurePosixPath("/"), protocol=2), "could run code"),
        (b"PK\x03\x04 no more", "cut short or damaged"),
    ],
)
def test_a_file_without_weights_is_one_line(content, says, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(LeadlineError, match=says) as caught:
        create_encoder("resnet18").load_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_encoder_without_imagenet_weights_says_what_to_do():
    with pytest.raises(LeadlineError, match=r"encoder_weights=FILE, or =none"):
        imagenet_weights_file("unet")


def test_leaky_relu_replaces_every_relu_and_no_weight():
    encoder = create_encoder("resnet18")
    before = list(encoder.state_dict())
    use_leaky_relu(encoder, 0.1)
    kinds = {type(module) for module in encoder.modules()}
    assert nn.ReLU not in kinds
    assert nn.LeakyReLU in kinds
    assert list(encoder.state_dict()) == before


def test_densenet_files_of_torchvision_with_their_old_names_are_taken(tmp_path):
    """Those files say `norm.1` for `norm1` and lack BatchNorm's count of batches."""

    def network(seed: int) -> Encoder:
        torch.manual_seed(seed)
        layer = {"norm1": nn.BatchNorm2d(3), "conv1": nn.Conv2d(3, 4, 1, stride=2)}
        block = nn.Sequential(OrderedDict(denselayer1=nn.Sequential(OrderedDict(layer))))
        return Encoder({"denseblock1": block}, {2: "denseblock1"}, prefix="features.")

    source, target = network(0), network(1)
    source.body.denseblock1.denselayer1.norm1.running_mean.fill_(0.5)
    old = {
        f"features.{key}".replace("norm1", "norm.1").replace("conv1", "conv.1"): value
        for key, value in source.body.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.running_mean" in old
    torch.save(old, tmp_path / "old.pth")
    target.load_file(tmp_path / "old.pth")
    for key, value in target.body.state_dict().items():
        assert torch.equal(value, source.body.state_dict()[key]), key
