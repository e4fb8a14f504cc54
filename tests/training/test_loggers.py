"""Loggers: each is told the numbers of a run; one that fails does not stop the training."""

import importlib.metadata
import json
from dataclasses import replace

import numpy as np
import pytest

from leadline.training.loggers import LOGGERS, LoggerContext, Loggers
from leadline.training.recipe import load_recipe


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run").mkdir()
    return LoggerContext(
        tmp_path / "run", load_recipe("compact").model_dump(mode="json"), first_step=0
    )


PICTURE = np.zeros((4, 6, 3), np.uint8)


def log_two_steps(name, run):
    said = []
    loggers = Loggers([name], run, said.append)
    loggers.log_metrics(10, {"train/loss": 0.5})
    loggers.log_metrics(20, {"train/loss": 0.25, "val/abs_rel": 0.125})
    loggers.log_image(20, "samples", PICTURE)
    loggers.close()
    assert said == []


def test_tensorboard_holds_the_numbers_and_the_picture(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log_two_steps("tensorboard", run)
    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(10, 0.5), (20, 0.25)]
    assert [e.step for e in events.Images("samples")] == [20]


def test_mlflow_holds_the_numbers_the_recipe_and_goes_on_in_the_same_run(run, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    log_two_steps("mlflow", run)
    client = mlflow.tracking.MlflowClient((run.folder.parent / "mlruns").as_uri())
    identifier = json.loads((run.folder / "loggers.json").read_text())["mlflow"]
    history = client.get_metric_history(identifier, "train/loss")
    assert sorted((m.step, m.value) for m in history) == [(10, 0.5), (20, 0.25)]
    assert client.get_run(identifier).data.params["model.architecture"] == "compact"
    resumed = LoggerContext(run.folder, run.recipe, first_step=20)
    loggers = Loggers(["mlflow"], resumed, print)
    loggers.log_metrics(30, {"train/loss": 0.0625})
    loggers.close()
    assert len(client.get_metric_history(identifier, "train/loss")) == 3


@pytest.mark.slow
def test_wandb_writes_offline(run, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    log_two_steps("wandb", run)
    written = list((run.folder / "wandb").rglob("*.wandb"))
    assert len(written) == 1
    assert b"abs_rel" in written[0].read_bytes()


class Breaks:
    """A service that goes away after the first numbers."""

    def __init__(self, run):
        self.calls = 0

    def log_metrics(self, step, values):
        self.calls += 1
        if self.calls > 1:
            raise ConnectionError("no route")

    def log_image(self, step, name, pixels):
        raise AssertionError("a logger that failed is not called again")

    def close(self):
        raise AssertionError("a logger that failed is not called again")


def test_a_logger_that_fails_is_left_out_and_said_once(run, monkeypatch):
    monkeypatch.setitem(LOGGERS, "mlflow", replace(LOGGERS["mlflow"], create=Breaks))
    said = []
    loggers = Loggers(["mlflow"], run, said.append)
    for step in range(4):
        loggers.log_metrics(step, {"train/loss": 1.0})
    loggers.log_image(4, "samples", PICTURE)
    loggers.close()
    assert len(said) == 1
    assert "logger mlflow failed" in said[0]
    assert "no route" in said[0]


def test_each_logger_is_one_entry_that_names_its_extra():
    extras = importlib.metadata.metadata("leadline").get_all("Provides-Extra")
    assert all(entry.extra in extras for entry in LOGGERS.values())
