"""Depth models of transformers, tiny and random, saved and loaded without a network."""

import shutil

import numpy as np
import pytest
import torch

from leadline.datasets.sample import Sample
from leadline.errors import LeadlineError
from leadline.evaluation import FilePredictions, ModelSource, evaluate
from leadline.evaluation.hugging_face import HuggingFacePredictions
from leadline.evaluation.scoring import PeekableSamples
from leadline.evaluation.sources import open_source
from leadline.metrics import get_protocol
from leadline.metrics.protocols import aligned
from tests.evaluation.helpers import Images

transformers = pytest.importorskip("transformers")

IMAGE = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
TRUTH = np.random.default_rng(1).uniform(1, 5, (64, 96)).astype(np.float32)
SAMPLE = Sample.from_metres("0", IMAGE, TRUTH, TRUTH > 0)
RELATIVE = aligned(get_protocol("full"), "scale-shift", "inverse")


def open_model(folder, protocol, output=None):
    """Open `hf:FOLDER` as an evaluation under `protocol` does."""
    source = ModelSource(f"hf:{folder}", output=output)
    return open_source(source, PeekableSamples([SAMPLE]), ["0"], protocol)


@pytest.fixture(scope="module")
def glpn(tmp_path_factory):
    """A metric model: GLPN with one layer a stage."""
    folder = tmp_path_factory.mktemp("glpn")
    torch.manual_seed(0)
    config = transformers.GLPNConfig(
        depths=[1] * 4, hidden_sizes=[8] * 4, num_attention_heads=[1] * 4,
        decoder_hidden_size=8, mlp_ratios=[1] * 4, max_depth=10,
    )  # fmt: skip
    transformers.GLPNForDepthEstimation(config).save_pretrained(folder)
    transformers.GLPNImageProcessor(size_divisor=32).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def depth_anything(tmp_path_factory):
    """A model of relative inverse depth: Depth Anything with a tiny DINOv2."""
    folder = tmp_path_factory.mktemp("depth_anything")
    torch.manual_seed(0)
    backbone = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, mlp_ratio=1, image_size=56,
        patch_size=14, out_features=[f"stage{k}" for k in (1, 2, 3, 4)], apply_layernorm=True,
        reshape_hidden_states=False,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8] * 4,
        fusion_hidden_size=8, head_hidden_size=4, depth_estimation_type="relative",
    )  # fmt: skip
    transformers.DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    transformers.DPTImageProcessor(
        size={"height": 56, "width": 56}, ensure_multiple_of=14
    ).save_pretrained(folder)
    return folder


def test_a_metric_model_gives_what_its_own_pipeline_gives(glpn):
    opened = open_model(glpn, get_protocol("full"))
    predictions = opened.predictions
    assert (opened.name, opened.path) == (glpn.name, f"hf:{glpn}")
    assert predictions.output == "metric"
    depth = predictions.predict(SAMPLE).depth
    model = transformers.GLPNForDepthEstimation.from_pretrained(glpn).eval()
    # By hand: sides cut to multiples of 32 (they are), pixels to 0..1, output to the photograph.
    pixels = torch.from_numpy(IMAGE).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        raw = model(pixels).predicted_depth
    expected = torch.nn.functional.interpolate(
        raw[:, None], size=(64, 96), mode="bicubic", align_corners=False
    )[0, 0].numpy()
    np.testing.assert_allclose(depth, expected, rtol=0.02)
    assert get_protocol("full").score(depth, TRUTH, TRUTH > 0).metrics is not None


def test_a_mirrored_photograph_is_really_mirrored(glpn):
    predictions = HuggingFacePredictions(str(glpn))
    mirrored = Sample.from_metres("0", np.ascontiguousarray(IMAGE[:, ::-1]), TRUTH, TRUTH > 0)
    expected = predictions.predict(mirrored).depth
    np.testing.assert_array_equal(predictions.predict_mirrored(SAMPLE), expected)


def test_inverse_depth_is_refused_without_alignment(depth_anything):
    with pytest.raises(LeadlineError, match="--align scale-shift --align-space inverse"):
        open_model(depth_anything, get_protocol("full"))
    predictions = open_model(depth_anything, RELATIVE).predictions
    assert predictions.output == "inverse"
    depth = predictions.predict(SAMPLE).depth
    assert depth.shape == (64, 96)
    scores = RELATIVE.score(depth, TRUTH, TRUTH > 0).metrics
    assert scores is not None
    assert np.isfinite(list(scores.values())).all()


def test_its_disparity_scores_alike_from_files(depth_anything, tmp_path):
    predictions = HuggingFacePredictions(str(depth_anything))
    np.save(tmp_path / "0.npy", 3 / predictions.predict(SAMPLE).depth)
    files = FilePredictions({"0": tmp_path / "0.npy"}, output="inverse")
    data = Images([(TRUTH, TRUTH > 0)])
    expected = RELATIVE.score(predictions.predict(SAMPLE).depth, TRUTH, TRUTH > 0).metrics
    assert evaluate(files, data, protocol=RELATIVE).metrics == pytest.approx(expected, rel=1e-5)


def test_what_it_predicts_can_be_declared(depth_anything):
    opened = open_model(depth_anything, get_protocol("full"), output="metric")
    assert opened.predictions.output == "metric"


@pytest.mark.parametrize("kept", [0, 4, 0.5])
def test_weights_that_were_cut_short_are_one_line(glpn, tmp_path, kept):
    folder = shutil.copytree(glpn, tmp_path / "cut")
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else kept])
    with pytest.raises(LeadlineError, match="cut: transformers cannot load") as caught:
        HuggingFacePredictions(str(folder))
    assert "\n" not in str(caught.value)


def test_what_is_no_model_is_one_line(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(LeadlineError, match="cannot load a depth model") as caught:
        HuggingFacePredictions(str(tmp_path))
    assert "\n" not in str(caught.value)
