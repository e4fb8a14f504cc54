"""What is particular to one published system."""

import pytest
import torch
from torch import nn

from leadline.errors import LeadlineError
from leadline.models import CATALOG, ModelConfig, create_model


def build(name: str, *, encoder: str | None = None, **options):
    """A model of the catalog; `encoder` resnet18 makes it small."""
    info = CATALOG[name]
    if encoder is not None:
        options["encoder"] = encoder
    config = ModelConfig(
        name, options=options, depth_space=info.depth_space, stride=info.stride, min_depth=0.1
    )
    return create_model(config).eval()


def numbers(module: nn.Module) -> int:
    """Parameters and BatchNorm statistics, as Keras counts a layer."""
    statistics = [
        b for name, b in module.named_buffers() if name.endswith(("running_mean", "running_var"))
    ]
    return sum(p.numel() for p in [*module.parameters(), *statistics])


def test_the_small_unet_has_the_layers_of_the_published_summary():
    model = build("unet-2m")
    downs = [numbers(block) for block in model.encoder.blocks]
    ups = [numbers(block) for block in model.blocks]
    assert downs == [2_896, 14_144, 55_936, 222_464]
    assert numbers(model.encoder.bottleneck) == 885_248
    assert ups == [591_104, 148_096, 37_184, 9_376]
    assert numbers(model.head) == 17
    assert numbers(model) == 1_966_465


def test_the_unet_can_put_the_activation_before_batchnorm():
    model = build("unet-2m", norm_first=False)
    image = torch.rand(1, 3, 16, 16)
    block = model.encoder.blocks[0]
    convolved = block.first.conv(image)
    expected = block.first.norm(nn.functional.leaky_relu(convolved, 0.2))
    torch.testing.assert_close(block.first(image), expected)


@torch.inference_mode()
def test_vgg19_fcn_turns_160x120_into_80x60():
    outputs = build("vgg19-fcn")(torch.rand(1, 3, 120, 160))
    assert outputs["target"].shape == (1, 1, 60, 80)


def test_vgg19_fcn_has_no_relu_left_and_the_documented_slope():
    model = build("vgg19-fcn", slope=0.1)
    assert not [m for m in model.modules() if isinstance(m, nn.ReLU)]
    assert {m.negative_slope for m in model.modules() if isinstance(m, nn.LeakyReLU)} == {0.1}


def test_vgg19_fcn_has_three_transposed_convolutions_and_batchnorm_only_in_its_decoder():
    model = build("vgg19-fcn")
    assert len([m for m in model.modules() if isinstance(m, nn.ConvTranspose2d)]) == 3
    assert not [m for m in model.encoder.modules() if isinstance(m, nn.BatchNorm2d)]
    biased = [m for m in model.convs.modules() if isinstance(m, nn.Conv2d) and m.bias is not None]
    assert biased == [model.convs[-1][0]]


def test_the_literal_initialisation_is_a_standard_normal():
    weight = build("vgg19-fcn-a1", init="normal01").ups[0][0].weight
    assert weight.std().item() == pytest.approx(1.0, abs=0.01)
    assert build("vgg19-fcn-a1").ups[0][0].weight.std().item() < 0.1


def test_the_skip_network_links_all_four_pooled_maps_at_their_size():
    model = build("vgg19-fcn-skip")
    inputs = [up[0].in_channels for up in model.ups] + [model.convs[-1][0].in_channels]
    assert inputs == [512 + 512, 256 + 256, 128 + 128, 64 + 64]


@torch.inference_mode()
def test_the_linked_map_is_what_the_encoders_own_pooling_returns():
    model = build("vgg19-fcn-skip")
    image = torch.rand(1, 3, 32, 48)
    features = model.encoder(image)
    x = torch.zeros(1, 1, 8, 12)
    linked = model._linked(x, features, 4)[:, 1:]
    layers = list(model.encoder.body.children())
    pooled = nn.Sequential(*layers[:10])(image)  # conv1, pool1, conv2, pool2
    torch.testing.assert_close(linked, pooled)


@pytest.mark.parametrize("skip", ["none", "reduce", "concat"])
@torch.inference_mode()
def test_up_projections_halve_widths_and_crop_to_the_encoders_sizes(skip):
    model = build("resnet50-upproj", encoder="resnet18", skip=skip)
    # 52 rows are 26, 13, 7, 4, 2 in the encoder: doubling back gives one row too many twice.
    assert model(torch.rand(1, 3, 52, 76))["target"].shape == (1, 1, 26, 38)
    assert [up.conv.in_channels for up in model.ups] == [128, 64, 32, 16]


@pytest.mark.parametrize(("encoder", "ups"), [("resnet50_os16", 3), ("resnet50_os8", 2)])
def test_a_dilated_encoder_needs_fewer_up_projections(encoder, ups):
    assert len(build("resnet50-upproj-dilated", encoder=encoder).ups) == ups


@torch.inference_mode()
def test_depth_mancini_is_positive_by_softplus_and_by_relu_where_asked():
    image = torch.rand(2, 3, 32, 32)
    softplus = build("depth-mancini", encoder="resnet18")(image)["target"]
    relu = build("depth-mancini", encoder="resnet18", output="relu")(image)["target"]
    assert softplus.min() > 0
    assert relu.min() >= 0
    torch.testing.assert_close(nn.functional.softplus(_before(image)), softplus)


def _before(image: torch.Tensor) -> torch.Tensor:
    model = build("depth-mancini", encoder="resnet18")
    x = model.normalize(image)
    return model.depth_branch(x, model.encoder(x))


@torch.inference_mode()
def test_ds_net_has_scores_for_any_number_of_classes():
    outputs = build("ds-net", encoder="resnet18", classes=41)(torch.rand(1, 3, 21, 35))
    assert outputs["logits"].shape == (1, 41, 21, 35)
    assert outputs["logits"].min() < 0  # no ReLU before the softmax


@torch.inference_mode()
def test_a_bgr_network_sees_the_channels_reversed():
    options = {"encoder": "resnet18"}
    settings = {"normalization": "unit", "depth_space": "linear", "min_depth": 0.1, "stride": 16}
    rgb = create_model(ModelConfig("depth-mancini", options, **settings)).eval()
    bgr = create_model(
        ModelConfig("depth-mancini", options, channel_order="bgr", **settings)
    ).eval()
    image = torch.rand(1, 3, 16, 32)
    torch.testing.assert_close(bgr(image)["target"], rgb(image.flip(1))["target"])


@pytest.mark.parametrize(
    ("name", "options", "known"),
    [
        ("vgg19-fcn", {"init": "zeros"}, "he, normal01"),
        ("unet-2m", {"upsampling": "bicubic"}, "nearest, transposed"),
        ("resnet50-upproj", {"skip": "add"}, "none, reduce, concat"),
        ("depth-mancini", {"output": "exp"}, "softplus, relu"),
        ("ds-net", {"classes": 1}, "at least 2"),
        ("densedepth", {"widht": 0.5}, "widht"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_known(name, options, known):
    with pytest.raises(LeadlineError, match=known):
        build(name, **options)


def test_a_network_from_nothing_has_no_encoder_weights_to_load(tmp_path):
    with pytest.raises(LeadlineError, match="encoder_weights=none"):
        build("unet-2m").load_encoder(tmp_path / "weights.pth")
