"""A run's validation is the evaluation of its model: the same numbers under every protocol."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadline.datasets.open import open_data
from leadline.errors import LeadlineError
from leadline.evaluation import ModelPredictions, evaluate
from leadline.inference import Predictor
from leadline.metrics import PROTOCOLS
from leadline.models.build import load_model
from leadline.training.checkpoint import load_checkpoint
from leadline.training.distributed import start_processes
from leadline.training.recipe import Recipe, load_recipe
from leadline.training.state import open_recipe_data
from leadline.training.train import train
from leadline.training.validation import validate
from tests.conftest import SilentReporter, write_pairs

pytestmark = pytest.mark.usefixtures("no_curves")

CUSTOM = {
    "my-pooled": "base: full\nname: my-pooled\nsource: test\naggregation: pooled\n",
    "my-flip": "base: full\nname: my-flip\nsource: test\nflip_averaging: true\n",
}
ONE_STEP = (
    "model.encoder_weights=none",
    "data.area=6144",
    "data.batch_size=2",
    "data.workers=0",
    "trainer.precision=fp32",
    "trainer.max_steps=1",
    "trainer.loggers=[]",
    # The truth goes on to 60 m: training sees less of it than the protocols.
    "data.max_depth=4",
)


def write_split(folder: Path, sizes: list[tuple[int, int]]) -> Path:
    """Write two pairs to train on, and one to validate on for each of `sizes`.

    Far walls reach 60 m, and each image has another share of valid pixels.
    """
    write_pairs(folder, 2 + len(sizes), seed=5)
    for number, size in enumerate(sizes):
        one = write_pairs(folder / "one", 1, size, seed=number)
        name = f"{2 + number:03d}.png"
        (one / "rgb" / "000.png").replace(folder / "rgb" / name)
        with Image.open(one / "depth" / "000.png") as image:
            millimetres = np.array(image)
        far = millimetres > 2500
        millimetres[far] = np.minimum(10 * millimetres[far].astype(int), 60_000)
        millimetres[:, : 40 * number] = 0
        Image.fromarray(millimetres).save(folder / "depth" / name)
    for split, numbers in (("train", range(2)), ("val", range(2, 2 + len(sizes)))):
        rows = [f"rgb/{i:03d}.png,depth/{i:03d}.png" for i in numbers]
        (folder / f"{split}.csv").write_text("\n".join(["image,depth", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def nyu_sized(tmp_path_factory) -> Path:
    """Two images of 480x640 to validate on."""
    return write_split(tmp_path_factory.mktemp("nyu"), [(480, 640)] * 2)


@pytest.fixture(scope="module")
def trained(nyu_sized, tmp_path_factory) -> tuple[Recipe, Path]:
    """A recipe, and the run folder of one step of it."""
    recipe = load_recipe("compact", [*ONE_STEP, "trainer.protocol=full"])
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(recipe, nyu_sized, folder, score=False)
    return recipe, folder


def protocol_name(name: str, folder: Path) -> str:
    """Return the name of a shipped protocol, or the file of a custom one."""
    if name not in CUSTOM:
        return name
    (folder / "mine.yaml").write_text(CUSTOM[name])
    return str(folder / "mine.yaml")


def evaluated(run: Path, data: Path, protocol: str) -> dict[str, float]:
    """Score the model of a run on the validation images, as `leadline evaluate` does."""
    predictions = ModelPredictions(Predictor.load(run))
    return evaluate(predictions, open_data(data, "val"), protocol=protocol).metrics


@pytest.mark.parametrize("name", [*PROTOCOLS, *CUSTOM, "auto"])
def test_validation_is_the_evaluation_of_the_same_model(name, trained, nyu_sized, tmp_path):
    protocol = protocol_name(name, tmp_path)
    recipe, run = trained
    _, data = open_recipe_data(recipe, nyu_sized, None)
    processes = start_processes(recipe.trainer)
    validated = validate(load_model(run / "model"), data, protocol, processes).scores
    expected = evaluated(run, nyu_sized, protocol)
    assert set(validated) == set(expected)
    assert validated == pytest.approx(expected, rel=0, abs=1e-9)


@pytest.mark.parametrize("name", CUSTOM)
def test_a_runs_last_validation_is_the_evaluation_of_its_model(name, nyu_sized, tmp_path):
    protocol = protocol_name(name, tmp_path)
    run = tmp_path / "run"
    recipe = load_recipe("compact", [*ONE_STEP, f"trainer.protocol={protocol}"])
    train(recipe, nyu_sized, run, score=False)
    validated = load_checkpoint(run / "checkpoints")[0]["best"]
    assert validated.pop("step") == 1
    assert validated == pytest.approx(evaluated(run, nyu_sized, protocol), rel=0, abs=1e-9)


class OneOfTwo:
    """One of two processes; `gather` gives the shares that came before it as well."""

    count = 2

    def __init__(self, rank: int, shares: list):
        self.rank, self._shares = rank, shares

    def broadcast_buffers(self, model):
        pass

    def raise_on_all_ranks(self):
        return nullcontext()

    def gather(self, value):
        self._shares.insert(0, value)
        return self._shares


@pytest.mark.parametrize("name", ["full", "my-pooled"])
def test_the_number_of_processes_changes_no_bit(name, trained, nyu_sized, tmp_path):
    protocol = protocol_name(name, tmp_path)
    recipe, run = trained
    _, data = open_recipe_data(recipe, nyu_sized, None)
    data = data.subset([0, 1, 0])
    model = load_model(run / "model")
    alone = validate(model, data, protocol, start_processes(recipe.trainer))
    shares = []
    validate(model, data, protocol, OneOfTwo(1, shares))
    together = validate(model, data, protocol, OneOfTwo(0, shares))
    assert [len(rows) for rows, _ in shares] == [2, 1]
    assert together.scores == alone.scores
    for ours, expected in zip(together.shown, alone.shown, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_auto_is_chosen_once_by_the_first_image_and_refused_before_the_first_step(tmp_path):
    data = write_split(tmp_path / "data", [(480, 640), (96, 128)])
    (data / "dataset.yaml").write_text("depth_scale: 1000\ndataset: nyu\n")
    reporter = SilentReporter()
    with pytest.raises(LeadlineError, match=r"nyu-eigen.*\(480, 640\).*\(96, 128\)"):
        train(load_recipe("compact", ONE_STEP), data, tmp_path / "run", progress=reporter)
    assert reporter.losses == []
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_best_or_the_last_validated_model_stays_as_asked(keep, nyu_sized, tmp_path):
    # A step this large makes it worse, so that the best is the one that was started from.
    start = ["trainer.protocol=full", "model.init=compact-nyu", "model.normalization=symmetric"]
    recipe = load_recipe("compact", [*ONE_STEP, *start, "optimizer.lr=1", f"trainer.keep={keep}"])
    train(recipe, nyu_sized, tmp_path / "run", score=False)
    state = load_checkpoint(tmp_path / "run" / "checkpoints")[0]
    kept, last = load_model(tmp_path / "run" / "model").state_dict(), state["model"]
    assert (kept["head.weight"] == last["head.weight"]).all() == (keep == "last")
    assert state["best"]["step"] == {"best": 0, "last": 1}[keep]
