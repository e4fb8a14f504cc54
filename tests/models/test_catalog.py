"""What every model of the catalog promises; a new entry is tested without a new line here."""

import json
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from leadline.models import CATALOG, DepthModel, ModelConfig, ModelInfo, create_model, load_model
from leadline.training.recipe import list_recipes, load_recipe

FULL_SIZE = {"crisp", "unet-2m", "unet-8.6m", "resnet34-unet", "depth-mancini", "ds-net"}
"""Models whose output is as large as their input; the others halve it."""

ODD_SIZES = [(37, 53), (64, 49), (3, 70), (1, 1)]


def config_of(info: ModelInfo, **changes) -> ModelConfig:
    return ModelConfig(
        architecture=info.name,
        depth_space=info.depth_space,
        min_depth=0.1,
        stride=info.stride,
        training_area=math.prod(info.training_size),
        **changes,
    )


VARIANTS = {
    *("vgg19-fcn-a1", "vgg19-fcn", "fcrn", "resnet50-upproj-concat", "resnet50-upproj-dilated"),
    *("densedepth", "densedepth-201"),
}
"""Large models that differ from another of the catalog by an option of the same class.

What takes their weights is slow; their parameters, and what their options do, are not.
"""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow) if name in VARIANTS else name for name in CATALOG
    ],
)
def info(request: pytest.FixtureRequest) -> ModelInfo:
    return CATALOG[request.param]


@pytest.fixture(scope="module")
def model(info: ModelInfo) -> Iterator[DepthModel]:
    # Given back afterwards: runs that are compared bit by bit need one number of threads.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield create_model(config_of(info)).eval()
    torch.set_num_threads(threads)


def picture(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("info", CATALOG.values(), ids=CATALOG)
def test_a_model_has_exactly_the_parameters_the_catalog_says(info):
    with torch.device("meta"):  # shapes without numbers
        assert create_model(config_of(info)).parameter_count() == info.parameters


@pytest.mark.parametrize("info", CATALOG.values(), ids=CATALOG)
@torch.inference_mode()
def test_the_mobilenet_at_hand_can_drive_it(info):
    encoder = "mobilenet_v2_os16" if info.options.get("dilated") else "mobilenet_v2"
    model = create_model(config_of(info, options={"encoder": encoder})).eval()
    divisor = 1 if info.name in FULL_SIZE else 2
    depth = model(picture(37, 53))["depth"]
    assert depth.shape[-2:] == (math.ceil(37 / divisor), math.ceil(53 / divisor))


class TestEveryModel:
    @pytest.mark.parametrize("size", ODD_SIZES, ids=str)
    @torch.inference_mode()
    def test_it_takes_any_size(self, info, model, size):
        outputs = model(picture(*size))
        divisor = 1 if info.name in FULL_SIZE else 2
        expected = tuple(math.ceil(side / divisor) for side in size)
        for name, value in outputs.items():
            assert value.dtype == torch.float32
            assert value.shape[-2:] == expected, name
            assert torch.isfinite(value).all(), name
        depth = outputs["depth"]
        assert depth.shape[:2] == (1, 1)
        assert depth.min() >= model.config.min_depth - 1e-6
        assert depth.max() <= model.config.max_depth + 1e-5

    @torch.inference_mode()
    def test_its_depth_is_its_target_decoded(self, model):
        outputs = model(picture(32, 64))
        torch.testing.assert_close(outputs["depth"], model.space.decode(outputs["target"]))

    def test_the_gradient_reaches_every_parameter(self, model):
        # In eval mode: behind a convolution, BatchNorm in training mode cancels its bias.
        outputs = model.network(model.normalize(picture(64, 96)))
        loss = sum(value.square().mean() for value in outputs.values())
        names, parameters = zip(*model.named_parameters(), strict=True)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        idle = [
            name
            for name, gradient in zip(names, gradients, strict=True)
            if gradient is None or not gradient.any()
        ]
        assert idle == []

    @torch.inference_mode()
    def test_it_is_the_same_after_saving_and_loading(self, model, tmp_path):
        model.save(tmp_path)
        again = load_model(tmp_path)
        assert again.config == model.config
        image = picture(33, 47)
        for name, value in model(image).items():
            torch.testing.assert_close(again(image)[name], value, rtol=0, atol=0)

    def test_a_seed_fixes_its_weights_and_leaves_the_global_stream_alone(self, info, model):
        before = torch.random.get_rng_state()
        twin = create_model(config_of(info), seed=0)
        assert torch.equal(torch.random.get_rng_state(), before)
        for (name, a), b in zip(
            model.state_dict().items(), twin.state_dict().values(), strict=True
        ):
            assert torch.equal(a, b), name


def onnx_differences(model: DepthModel) -> list[float]:
    """Largest difference to onnxruntime at several sizes, relative to the largest output."""
    import onnxruntime

    class Network(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(model.network(model.normalize(images)).values())

    stride = model.config.stride
    free = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        Network().eval(),
        (torch.rand(2, 3, max(4 * stride, 96), max(6 * stride, 128)),),
        dynamo=True,
        opset_version=18,
        dynamic_shapes=({0: free, 2: free, 3: free},),
        optimize=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    differences = []
    for size in [(3 * stride, 5 * stride), (stride, 4 * stride)]:
        image = picture(*size)
        expected = model.network(model.normalize(image))
        results = session.run(None, {session.get_inputs()[0].name: image.numpy()})
        for value, result in zip(expected.values(), results, strict=True):
            assert value.shape == result.shape
            scale = max(1.0, float(value.abs().max()))
            differences.append(float(np.abs(value.numpy() - result).max()) / scale)
    return differences


# tests/export/test_export.py is about the compact network, and quicker.
@pytest.mark.slow
@torch.no_grad()
def test_the_network_is_the_same_in_onnx(model):
    assert max(onnx_differences(model)) < 1e-4


def test_every_recipe_names_a_model_and_builds_its_configuration():
    for name in list_recipes():
        section = load_recipe(name).model
        assert section.architecture in CATALOG, name
        assert section.depth_space == CATALOG[section.architecture].depth_space, name


def test_a_configuration_written_before_there_was_a_channel_order_still_loads(tmp_path):
    model = create_model(config_of(CATALOG["compact"]))
    model.save(tmp_path)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    del content["channel_order"]
    path.write_text(json.dumps(content))
    assert load_model(tmp_path).config.channel_order == "rgb"
