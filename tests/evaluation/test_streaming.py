"""The streaming metric gives what `evaluate` gives, in one process and in two."""

from datetime import timedelta

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing

from leadline.evaluation import PredictedMaps, evaluate
from leadline.evaluation.streaming import DepthScore
from leadline.metrics import get_protocol
from tests.evaluation.helpers import Images

PROTOCOLS = ("full", "nyu-laina")


def make_images(count: int) -> list[tuple[np.ndarray, ...]]:
    """(prediction, truth, valid) of 480x640 with unequal numbers of valid pixels; one has none."""
    rng = np.random.default_rng(0)
    images = []
    for index in range(count):
        truth = rng.uniform(0.5, 9, (480, 640)).astype(np.float32)
        prediction = (truth * rng.lognormal(0.1 * index, 0.2, truth.shape)).astype(np.float32)
        images.append((prediction, truth, rng.random(truth.shape) < index / count))
    return images


def score(protocol: str, images: list[tuple[np.ndarray, ...]]) -> dict[str, float]:
    metric = DepthScore(protocol)
    for prediction, truth, valid in images:
        metric.update(*(torch.from_numpy(each)[None] for each in (prediction, truth, valid)))
    return {name: value.item() for name, value in metric.compute().items()}


class Planted:
    def __init__(self, images):
        self.images = images

    def predict(self, sample):
        return PredictedMaps(self.images[int(sample.id)][0])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_equals_evaluate(protocol):
    images = make_images(3)
    expected = evaluate(Planted(images), Images([i[1:] for i in images]), protocol=protocol)
    assert score(protocol, images) == pytest.approx(expected.metrics, rel=1e-12)


def test_batches_with_a_channel_axis_and_mirrored_predictions():
    protocol = get_protocol("nyu-densedepth")
    prediction, truth, valid = make_images(2)[1]
    metric = DepthScore(protocol)
    stack = [
        torch.from_numpy(np.stack([each, each])[:, None]) for each in (prediction, truth, valid)
    ]
    metric.update(*stack, mirrored=torch.from_numpy(np.stack([prediction[:, ::-1]] * 2).copy()))
    assert metric.compute()["rmse"].item() == pytest.approx(
        protocol.score(prediction, truth, valid, prediction[:, ::-1]).metrics["rmse"]
    )
    metric.reset()
    assert torch.isnan(metric.compute()["rmse"])


def score_shard(rank: int, store: str, results: str) -> None:
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=120),
    )
    try:
        images = make_images(4)
        # Uneven shards: three images and one.
        shard = images[:3] if rank == 0 else images[3:]
        scores = {protocol: score(protocol, shard) for protocol in PROTOCOLS}
        torch.save(scores, f"{results}/{rank}.pt")
    finally:
        dist.destroy_process_group()


def test_two_processes_with_uneven_shards_equal_one(tmp_path):
    alone = {protocol: score(protocol, make_images(4)) for protocol in PROTOCOLS}
    where = (str(tmp_path / "store"), str(tmp_path))
    # This process is rank 0: starting a process means importing torch again.
    other = multiprocessing.get_context("spawn").Process(target=score_shard, args=(1, *where))
    other.start()
    score_shard(0, *where)
    other.join(120)
    assert other.exitcode == 0
    for rank in (0, 1):
        together = torch.load(tmp_path / f"{rank}.pt")
        for protocol in PROTOCOLS:
            assert together[protocol] == pytest.approx(alone[protocol], rel=1e-12)


def test_arrays_are_taken_as_well():
    depth = np.linspace(1, 4, 24, dtype=np.float32).reshape(1, 4, 6)
    metric = DepthScore("full")
    metric.update(1.1 * depth, depth, np.ones((1, 4, 6), dtype=bool))
    assert float(metric.compute()["abs_rel"]) == pytest.approx(0.1, rel=1e-6)
