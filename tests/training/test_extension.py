"""A loss, schedule, logger or network of one's own: one entry each, as docs/training.md says."""

import csv
from pathlib import Path

import pytest
from torch import nn

from leadline.errors import LeadlineError
from leadline.models import CATALOG, DepthModel, ModelInfo
from leadline.models.encoders import create_encoder
from leadline.training.encoder_weights import initial_weights
from leadline.training.loggers import LOGGERS, LoggerEntry
from leadline.training.losses import LOSSES
from leadline.training.recipe import load_recipe
from leadline.training.schedules import SCHEDULES
from leadline.training.train import train
from tests.conftest import QUICK

SETTINGS = [*QUICK, "data.area=1536", "data.val_fraction=0.25", "trainer.max_steps=4"]
PAGE = Path(__file__).parents[2] / "docs" / "training.md"


@pytest.fixture
def tables():
    """The tables, which are as before once the test is over."""
    before = [(table, dict(table)) for table in (LOSSES, SCHEDULES, LOGGERS, CATALOG)]
    yield
    for table, entries in before:
        table.clear()
        table.update(entries)


def test_the_example_of_the_docs_trains(tables, pairs, tmp_path, monkeypatch, capsys):
    page = PAGE.read_text(encoding="utf-8")
    example = page[page.index("## Your own loss") :].split("```python")[1].split("```")[0]
    example = example.replace("DATA", str(pairs)).replace(
        "overrides=[", f"score=False, overrides=[*{SETTINGS}, "
    )
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    printed = [line for line in capsys.readouterr().out.splitlines() if "train/loss" in line]
    assert [line.split()[0] for line in printed] == ["1", "2", "3", "4"]
    rows = list(csv.DictReader((tmp_path / "runs/own/metrics.csv").open()))
    rates = [float(row["lr"]) for row in rows if row["lr"]]
    assert rates == pytest.approx([1e-3, 0.875e-3, 0.75e-3, 0.625e-3])


def test_the_loss_is_what_the_entry_computes_and_the_logger_gets_it(tables, pairs, tmp_path):
    received = []

    class Receiver:
        def __init__(self, context):
            received.append((context.folder, context.recipe["loss"][0]["name"]))

        def log_metrics(self, step, values):
            received.append((step, values))

        def log_image(self, step, name, pixels):
            received.append((step, name))

        def close(self):
            received.append("closed")

    LOSSES["seven"] = lambda prediction, truth, valid: prediction.mean() * 0 + 7
    LOGGERS["list"] = LoggerEntry(Receiver, "sys", "train")
    settings = [*SETTINGS, "trainer.max_steps=1", "loss=[{name: seven}]", "trainer.loggers=[list]"]
    train("compact", pairs, tmp_path / "run", overrides=settings, score=False)
    assert received[0] == (tmp_path / "run", "seven")
    assert received[1] == (1, {"train/loss": 7.0, "train/lr": pytest.approx(1e-3 * 0.04)})
    assert (1, "samples") in received
    assert received[-1] == "closed"


def test_a_name_is_known_once_its_entry_is_there(tables):
    with pytest.raises(Exception, match="not a schedule"):
        load_recipe("compact", ["schedule.name=halve"])
    SCHEDULES["halve"] = SCHEDULES["constant"]
    assert load_recipe("compact", ["schedule.name=halve"]).schedule.name == "halve"


class Plain(DepthModel):
    """A network without a pretrained encoder."""

    def __init__(self, config, width: int = 4):
        super().__init__(config)
        self.layer = nn.Conv2d(3, 1, 1)

    def network(self, images):
        return {"target": self.layer(images)}


class Encoded(Plain):
    """A network with one, by default another than the recipe's."""

    def __init__(self, config, encoder: str = "mobilenet_v2_os16"):
        super().__init__(config)
        self.encoder = create_encoder(encoder)


def test_weights_are_those_of_the_encoder_that_a_network_has_by_default(tables):
    CATALOG["plain"], CATALOG["encoded"] = ModelInfo("plain", Plain), ModelInfo("encoded", Encoded)
    section = load_recipe("compact", ["model.architecture=encoded", "model.encoder=null"]).model
    assert "mobilenet_v2" in initial_weights(section).source
    section = section.model_copy(update={"options": {"encoder": "vgg16"}})
    with pytest.raises(LeadlineError, match="no ImageNet weights of vgg16 ship"):
        initial_weights(section)
    section = load_recipe("compact", ["model.architecture=plain", "model.encoder=null"]).model
    with pytest.raises(LeadlineError, match=r"plain has no encoder.*model.encoder_weights=none"):
        initial_weights(section)
