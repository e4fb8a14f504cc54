"""What a recipe trains on: its own generated worlds, and several data sets mixed."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch.nn import functional

from leadline.cli.train import _option_settings
from leadline.datasets import open_data
from leadline.datasets.mixing import MixedDataset
from leadline.datasets.packing import pack, plan_packing
from leadline.errors import LeadlineError
from leadline.models.spaces import LinearSpace
from leadline.training.batches import ClassIds, EpochOrder, TrainingSamples, make_loader
from leadline.training.data import (
    check_mix_weights,
    describe_mix,
    open_recipe_data,
    render_recipe_worlds,
)
from leadline.training.losses.composite import make_loss
from leadline.training.recipe import Recipe, change_recipe, list_recipes, load_recipe
from leadline.training.train import resume, train
from tests.conftest import QUICK, SilentReporter, write_pairs

pytestmark = pytest.mark.usefixtures("no_curves")

ROOMS = "{kind: rooms, count: 3, size: [16, 32], val_share: 0.34}"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache with three rooms in it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADLINE_CACHE", str(folder))
        pytest.importorskip("embreex")
        render_recipe_worlds(quick(f"data.worlds={ROOMS}"), None, lambda _: None)
        yield folder


@pytest.fixture(scope="module")
def far(tmp_path_factory):
    """Another data set, of five pairs."""
    return write_pairs(tmp_path_factory.mktemp("far"), 5, seed=9)


class LinearDepth:
    """What a loss asks of a network, of one that predicts metres and no classes."""

    space = LinearSpace(0.1, 10.0)
    classes = None

    def heads(self):
        return {}


def quick(*settings: str) -> Recipe:
    return load_recipe("compact", [*QUICK, "data.area=1024", *settings])


def mix_of(far: Path, *settings: str) -> Recipe:
    sets = f"[{{name: here, weight: 1}}, {{name: far, weight: 2, path: {far}}}]"
    return quick(f"data.mix={sets}", *settings)


def test_a_recipe_that_names_worlds_needs_no_data(cache, tmp_path):
    settings = [*QUICK, "data.area=1024", "data.batch_size=2", "trainer.max_steps=2"]
    recipe = load_recipe("compact-worlds", [*settings, f"data.worlds={ROOMS}"])
    reporter = SilentReporter()
    result = train(recipe, None, tmp_path / "run", progress=reporter)
    assert np.isfinite(reporter.losses).all()
    assert result.evaluation is not None
    assert json.loads((tmp_path / "run" / "run.json").read_text())["data"] is None
    focal = json.loads((tmp_path / "run" / "model" / "config.json").read_text())["training_focal"]
    # 1024 pixels of 1:2 at a stride of 16 are 16x48: pictures of 32 columns, squeezed in one way.
    squeezed = math.sqrt(48 / 32)
    assert focal == pytest.approx(squeezed * 16 / math.tan(math.radians(63.3 / 2)))
    assert not [line for line in reporter.lines if "rendering" in line]  # they were there


@pytest.mark.slow
def test_streets_are_learnt_with_and_without_their_classes(tmp_path, monkeypatch):
    pytest.importorskip("embreex")
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path))
    worlds = ["data.worlds.count=2", "data.worlds.size=[32, 64]", "data.worlds.val_share=0.5"]
    few = [*worlds, "data.worlds.variations=[clone]", "data.batch_size=1", "data.workers=0"]
    small = [*few, "data.area=2048", "model.encoder=mobilenet_v2", "model.encoder_weights=none"]
    for name in ("ds-net-worlds", "depth-mancini-worlds"):
        recipe = load_recipe(name, [*small, "trainer.max_steps=1", "trainer.precision=fp32"])
        reporter = SilentReporter()
        result = train(recipe, None, tmp_path / name, progress=reporter)
        assert np.isfinite(reporter.losses).all()
        assert result.evaluation is not None
        rendered = any("rendering 2 streets" in line for line in reporter.lines)
        assert rendered == (name == "ds-net-worlds")  # once for both


def test_rendering_says_how_far_it_is_and_where(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path))
    lines: list[str] = []
    worlds = "{kind: rooms, count: 1, size: [16, 16], val_share: 0}"
    render_recipe_worlds(quick(f"data.worlds={worlds}"), None, lines.append)
    assert lines[0].startswith(f"rendering 1 rooms into {tmp_path / 'worlds' / 'rooms-1-16x16-'}")
    assert lines[-1].startswith("rooms: 1 of 1, ")


def test_data_takes_the_place_of_a_recipes_worlds(cache, pairs):
    recipe = quick(f"data.worlds={ROOMS}")
    opened, _ = open_recipe_data(recipe, pairs, None)
    assert opened.root == pairs
    generated, val = open_recipe_data(recipe, None, None)
    assert (len(generated), val and len(val)) == (2, 1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ([], "names no data of its own; give it with --data"),
        (["data.mix=[{name: a}, {name: b}]"], "two sets without path and worlds"),
        (["data.mix=[{name: a}, {name: a, path: x}]"], "two sets of one name: a, a"),
        (["data.mix=[{name: a}]", "data.val_set=b"], "'b' is no set of mix: a"),
        (["data.mix=[{name: a}]", "loss.2.sets=[b]"], r"loss\.2\.sets: data\.mix has no set 'b'"),
        (["loss.2.sets=[b]"], "data.mix has no set 'b', it has: none"),
        ([f"data.worlds={ROOMS}", "data.mix=[{name: a}]"], "has worlds and mix"),
        (["data.mix=[{name: a, wieght: 1}]"], "did you mean 'weight'"),
        (["data.worlds={kind: rooms, labels: ade}"], "labels 'ade'"),
        (["data.worlds={kind: caves}"], r"data\.worlds\.kind = 'caves'"),
    ],
)
def test_what_does_not_fit_is_one_line(settings, says):
    with pytest.raises(LeadlineError, match=says) as caught:
        render_recipe_worlds(quick(*settings), None, lambda _: None)
    assert "\n" not in str(caught.value)


def test_a_mixture_is_written_and_read_back(far):
    recipe = mix_of(far, "loss.2.sets=[far]")
    assert Recipe.model_validate(yaml.safe_load(recipe.to_yaml())) == recipe


def test_where_a_set_lies_does_not_depend_on_where_a_run_is_resumed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = quick("data.mix=[{name: a, path: data/rooms}]")
    assert recipe.data.mix[0].path == str(tmp_path / "data" / "rooms")


def test_folders_in_options_do_not_depend_on_where_a_run_is_resumed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    typed = {"images": "pics", "depths": "", "camera": "3"}
    for recipe in (
        quick(f"data.options={json.dumps(typed)}"),
        change_recipe(quick(), [f"data.options.{key}={json.dumps(typed[key])}" for key in typed]),
        quick("data.mix=[{name: a}]", f"data.mix.0.options={json.dumps(typed)}"),
    ):
        section = recipe.data.mix[0] if recipe.data.mix else recipe.data
        assert section.options == {**typed, "images": str(tmp_path / "pics")}


def test_a_mixture_validates_on_the_set_that_is_named(pairs, far):
    train_data, val = open_recipe_data(mix_of(far), pairs, None)
    assert isinstance(train_data, MixedDataset)
    assert val is not None
    assert val.root == pairs
    _, val = open_recipe_data(mix_of(far, "data.val_set=far", "data.val_fraction=0.3"), pairs, None)
    assert val is not None
    assert val.root == far


def test_how_data_is_read_holds_for_the_set_of_a_mixture_that_data_names(pairs, far):
    """As the command gives it, and as a recipe that is read back says it."""
    options = _option_settings(None, "pairs", ["depth_kind=ray"])
    recipe = mix_of(far, "data.mix.0.options.depth_size=same", *options)
    here, other = recipe.data.mix
    assert (here.layout, here.options) == ("pairs", {"depth_size": "same", "depth_kind": "ray"})
    assert (other.layout, other.options) == ("auto", {})
    assert (recipe.data.layout, recipe.data.options) == ("auto", {})
    assert Recipe.model_validate(yaml.safe_load(recipe.to_yaml())) == recipe
    again = change_recipe(recipe, ["data.layout=densedepth"])
    assert again.data.mix[0].layout == "densedepth"
    with pytest.raises(LeadlineError, match=r"layout densedepth has no option"):
        open_recipe_data(again, pairs, None)
    whole, _ = open_recipe_data(mix_of(far), pairs, None)
    along, _ = open_recipe_data(mix_of(far, "data.options.depth_kind=ray"), pairs, None)
    forms = [[part.data.form.depth_kind for part in each.parts] for each in (whole, along)]
    assert forms == [["z", "z"], ["ray", "z"]]


def test_how_data_is_read_is_refused_where_data_names_no_set(far):
    for key in ("data.layout=pairs", "data.options={sky: invalid}"):
        with pytest.raises(LeadlineError, match="describes the data of --data, which is not part"):
            quick(f"data.mix=[{{name: far, path: {far}}}]", key)
    with pytest.raises(LeadlineError, match="data given beside it; leave --depth-scale out"):
        train(
            quick(f"data.mix=[{{name: far, path: {far}}}]"), None, far / "run", units_per_metre=256
        )


def mixed_batches(recipe, pairs, workers, first=0, last=4):
    data, _ = open_recipe_data(recipe, pairs, None)
    assert isinstance(data, MixedDataset)
    samples = TrainingSamples(data, (24, 32), recipe.augment, 7)
    order = EpochOrder(len(data), 4, 7, first, last, shares=data.shares())
    return list(make_loader(samples, order, workers))


def test_workers_and_resuming_change_no_bit_of_a_mixture(pairs, far):
    recipe = mix_of(far)
    whole, helped = mixed_batches(recipe, pairs, 0), mixed_batches(recipe, pairs, 2)
    resumed = [None] * 2 + mixed_batches(recipe, pairs, 0, first=2)
    for step, (one, two) in enumerate(zip(whole, helped, strict=True)):
        for name in one:
            assert torch.equal(one[name], two[name]), name
            assert step < 2 or torch.equal(one[name], resumed[step][name]), name
    parts = torch.cat([batch["part"] for batch in whole])
    assert 8 <= int((parts == 1).sum()) <= 13  # two thirds of 16


def test_a_loss_counts_on_its_sets_alone(pairs, far):
    """Against the terms computed one image at a time."""
    recipe = mix_of(far, "loss.2.sets=[far]")
    (batch,) = mixed_batches(recipe, pairs, 0, last=1)
    assert 0 < int(batch["part"].sum()) < 4

    prediction = torch.rand(4, 1, 24, 32) + 1
    outputs = {"target": prediction, "depth": prediction}
    whole = make_loss(recipe, LinearDepth())(outputs, batch)
    plain = mix_of(far).model_copy(update={"loss": recipe.loss[:2]})
    edge = mix_of(far).model_copy(update={"loss": mix_of(far).loss[2:]})
    singly = torch.zeros(())
    for image in range(4):
        one = slice(image, image + 1)
        out = {name: value[one] for name, value in outputs.items()}
        part = {name: value[one] for name, value in batch.items()}
        singly += make_loss(plain, LinearDepth())(out, part)
        if batch["part"][image] == 1:
            singly += make_loss(edge, LinearDepth())(out, part)
    assert whole.item() == pytest.approx(singly.item() / 4, rel=1e-5)


def test_a_set_without_labels_must_say_so_where_classes_are_learnt(pairs, far):
    recipe = load_recipe("ds-net", [*QUICK, f"data.mix=[{{name: a}}, {{name: b, path: {far}}}]"])
    with pytest.raises(LeadlineError, match=r"a has no label images.*labels: false"):
        open_recipe_data(recipe, pairs, None)


def label_some(folder: Path, *indices: int) -> Path:
    """Give a label image to these pictures of a folder, another class each."""
    (folder / "label").mkdir(exist_ok=True)
    for index in indices:
        label = Image.fromarray(np.full((96, 128), index + 1, np.uint8))
        label.save(folder / "label" / f"{index:03d}.png")
    return folder


def test_data_without_any_label_is_refused_before_a_network_is_built(pairs, tmp_path):
    bare = write_pairs(tmp_path / "bare", 3)
    for setting in ([], [f"data.mix=[{{name: a, path: {bare}, labels: false}}]"]):
        recipe = load_recipe("ds-net", [*QUICK, *setting])
        words = r"loss\.1 \(cross_entropy\) compares class labels"
        with pytest.raises(LeadlineError, match=words):
            open_recipe_data(recipe, None if setting else bare, None)
    packed = tmp_path / "packed"
    pack(plan_packing(open_data(bare), packed))
    with pytest.raises(LeadlineError, match="packed: has no label images"):
        open_recipe_data(load_recipe("ds-net", QUICK), packed, None)


def test_data_that_is_labelled_in_part_is_enough(tmp_path):
    """Whichever picture has the label, and in a mixture too."""
    data = label_some(write_pairs(tmp_path / "some", 12), 7)
    pack(plan_packing(open_data(data), tmp_path / "packed"))
    mixed = [f"data.mix=[{{name: a, path: {data}}}]"]
    for path, settings in ((data, []), (tmp_path / "packed", []), (None, mixed)):
        recipe = load_recipe("ds-net", [*QUICK, "data.val_fraction=0", *settings])
        train_data, _ = open_recipe_data(recipe, path, None)
        assert train_data.has_labels() and len(train_data) == 12


def test_a_class_loss_counts_the_labelled_pictures_of_a_batch(tmp_path):
    """Against torch's own cross entropy; a batch without labels costs nothing."""
    data = label_some(write_pairs(tmp_path / "some", 3), 0, 2)
    recipe = load_recipe("ds-net", [*QUICK, "augment.rotation=0"])
    terms = [term.model_copy(update={"options": {}}) for term in recipe.class_terms.values()]
    recipe = recipe.model_copy(update={"loss": terms[:1]})
    samples = TrainingSamples(open_data(data), (24, 32), recipe.augment, 0, ClassIds(40))

    loss = make_loss(recipe, LinearDepth())
    for order, labelled in (((0, 1, 2), [0, 2]), ((1, 1), [])):
        batch = samples.__getitems__([(0, index) for index in order])
        logits = torch.randn(len(order), 40, 24, 32, requires_grad=True)
        plane = torch.rand(len(order), 1, 24, 32) + 1
        value = loss({"target": plane, "depth": plane, "logits": logits}, batch)
        value.backward()
        singly = [
            functional.cross_entropy(
                logits[place : place + 1], batch["labels"][place : place + 1], ignore_index=-1
            )
            for place in labelled
        ]
        expected = recipe.loss[0].weight * sum(each.item() for each in singly) / len(order)
        assert value.item() == pytest.approx(expected, rel=1e-5)
        moved = [place for place in range(len(order)) if logits.grad[place].abs().sum() > 0]
        assert moved == labelled


def test_a_weight_beside_sets_without_one_is_refused(pairs, far, tmp_path):
    """A set without one counts by its size: twelve to one."""
    sets = f"[{{name: here}}, {{name: far, weight: 1, path: {far}}}]"
    with pytest.raises(LeadlineError, match=r"^data\.mix: here without a weight, .*or none"):
        train(quick(f"data.mix={sets}"), pairs, tmp_path / "run")
    for name in list_recipes():
        check_mix_weights(load_recipe(name))
    check_mix_weights(mix_of(far, "data.mix.0.weight=null", "data.mix.1.weight=null"))


def test_what_each_set_gives_to_an_epoch_is_said(pairs, far):
    """A third and two thirds of eleven and five images."""
    mixed, _ = open_recipe_data(mix_of(far), pairs, None)
    counts = (len(mixed.parts[0].data), len(mixed.parts[1].data))
    assert counts == (11, 5)
    assert list(describe_mix(mixed)) == ["images of an epoch: here 5 (has 11), far 11 (has 5)"]
    assert list(describe_mix(mixed.parts[0].data)) == []


@pytest.mark.slow
def test_a_mixed_run_that_was_stopped_ends_with_the_same_bits(cache, pairs, tmp_path):
    sets = f"[{{name: real, weight: 11}}, {{name: rooms, weight: 30, worlds: {ROOMS}}}]"
    recipe = quick(f"data.mix={sets}", "loss.2.sets=[rooms]", "trainer.max_steps=6")
    train(recipe, pairs, tmp_path / "whole", progress=SilentReporter(), score=False)

    class Interrupted(SilentReporter):
        def step(self, step, loss, images, waited):
            super().step(step, loss, images, waited)
            if step == 4:
                raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        train(recipe, pairs, tmp_path / "cut", progress=Interrupted(), score=False)
    resume(tmp_path / "cut", progress=SilentReporter(), score=False)
    ends = [
        torch.load(tmp_path / run / "checkpoints" / "last.ckpt", weights_only=False)["model"]
        for run in ("whole", "cut")
    ]
    for name, value in ends[0].items():
        assert torch.equal(value, ends[1][name]), name
