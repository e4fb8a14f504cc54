"""From samples to batches whose content depends only on (seed, epoch, sample), never on workers."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from leadline.datasets.sample import DepthDataset
from leadline.training.augment import TrainingItem, prepare
from leadline.training.recipe import AugmentSection

Slot = tuple[int, int]
"""(epoch, index): which sample, and which of its random versions."""


@dataclass(frozen=True)
class TrainingSamples(Dataset[TrainingItem]):
    """A data set seen through the augmentation; item (epoch, index) is always the same item."""

    samples: DepthDataset
    size: tuple[int, int]
    augment: AugmentSection
    seed: int

    def __getitem__(self, slot: Slot) -> TrainingItem:
        epoch, index = slot
        stream = zlib.crc32(self.samples.sample_id(index).encode())
        rng = np.random.default_rng([self.seed, epoch, stream])
        return prepare(self.samples[index], self.size, self.augment, rng)


class EpochOrder(Sampler[list[Slot]]):
    """Batches of slots from step `first_step` to `last_step`, shuffled anew in every epoch.

    A last short batch is dropped, unless the whole data set is smaller than a batch.
    """

    def __init__(self, count: int, batch_size: int, seed: int, first_step: int, last_step: int):
        self.count, self.seed = count, seed
        self.batch_size = min(batch_size, count)
        self.first_step, self.last_step = first_step, last_step

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of batches in one pass."""
        return self.count // self.batch_size

    def __len__(self) -> int:
        return self.last_step - self.first_step

    def __iter__(self) -> Iterator[list[Slot]]:
        shuffled, order = -1, np.arange(0)
        for step in range(self.first_step, self.last_step):
            epoch, batch = divmod(step, self.steps_per_epoch)
            if epoch != shuffled:
                order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
                shuffled = epoch
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [(epoch, int(index)) for index in chosen]


def collate(items: Sequence[TrainingItem]) -> dict[str, Tensor]:
    """Stack items: image (B,3,h,w), depth and valid (B,1,h,w), labels (B,h,w) if all have them."""
    image = torch.from_numpy(np.stack([item.image for item in items])).permute(0, 3, 1, 2)
    batch = {
        "image": image,
        "depth": torch.from_numpy(np.stack([item.depth for item in items]))[:, None],
        "valid": torch.from_numpy(np.stack([item.valid for item in items]))[:, None],
    }
    labels = [item.labels for item in items if item.labels is not None]
    if len(labels) == len(items):
        batch["labels"] = torch.from_numpy(np.stack(labels)).long()
    return batch


def make_loader(samples: TrainingSamples, order: EpochOrder, workers: int) -> DataLoader[Any]:
    """Return the batches of `order`; the same ones with any number of worker processes."""
    return DataLoader(
        samples,
        batch_sampler=order,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=False,
        worker_init_fn=_prepare_worker if workers else None,
    )


def _prepare_worker(_worker: int) -> None:
    import signal

    import cv2

    # A terminal sends Ctrl-C to the whole group; the main process decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
