"""From samples to batches whose content depends only on (seed, epoch, sample), never on workers."""

import copy
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from leadline.datasets.mixing import MixedDataset, Share, draw_epoch
from leadline.datasets.sample import DepthDataset
from leadline.datasets.warp import OUTSIDE
from leadline.errors import LeadlineError
from leadline.io.malloc import tune_malloc
from leadline.io.workers import end_with_parent
from leadline.models.size_policy import processing_size
from leadline.training.augment import TrainingItem, prepare
from leadline.training.recipe import AugmentSection, Recipe

BATCHES_AHEAD = 2
"""Batches that each worker process prepares before they are asked for."""

Slot = tuple[int, int]
"""(pass, index): which sample, and which of its random versions.

A pass over all samples is an epoch; of a mixture, each part counts its own.
"""


@dataclass(frozen=True)
class ClassIds:
    """Ids 0 to `count` - 1 are classes; negative ones and `ignored` ones are no labels.

    `keys` are the recipe's keys that say what is ignored.
    """

    count: int
    ignored: frozenset[int] = frozenset()
    keys: tuple[str, ...] = ()

    def check(self, labels: NDArray[np.int32], name: str) -> None:
        """Raise where labels (H,W) of the file `name` hold an id that is neither.

        Errors: LeadlineError naming the file, the id and what to set.
        """
        if labels.size == 0 or labels.max() < self.count:
            return
        ids, pixels = np.unique(labels[labels >= self.count], return_counts=True)
        unknown = [(int(i), int(n)) for i, n in zip(ids, pixels, strict=True)]
        unknown = [(i, n) for i, n in unknown if i not in self.ignored]
        if unknown:
            label, number = unknown[-1]
            raise LeadlineError(
                f"{name}: has label {label} at {number:,} of {labels.size:,} pixels, and the "
                f"network has classes 0 to {self.count - 1}; set model.options.classes above the "
                "highest id of the data ('leadline check-data' shows it), or name the id in "
                f"{' and '.join(self.keys)}"
            )


def class_ids(recipe: Recipe, classes: int | None) -> ClassIds | None:
    """Return the label ids of a run whose network has `classes`; None where it reads no labels."""
    if classes is None or not recipe.class_terms:
        return None
    keys = tuple(f"loss.{place}.options.ignore" for place in recipe.class_terms)
    return ClassIds(classes, recipe.ignored_classes, keys)


def label_file(files: Mapping[str, Path], sample_id: str) -> str:
    """Return what to call the labels of a sample: their file where they have one."""
    return str(files.get("label", f"{sample_id}, labels"))


@dataclass(frozen=True)
class TrainingSamples(Dataset[TrainingItem]):
    """A data set seen through the augmentation; item (epoch, index) is always the same item.

    `focal` is the training camera's, in pixels at `size`; see `prepare`. `area` and `stride` are
    those by which prediction sizes a picture, where `size` comes from them.
    """

    samples: DepthDataset
    size: tuple[int, int]
    augment: AugmentSection
    seed: int
    classes: ClassIds | None = None
    focal: float | None = None
    area: int | None = None
    stride: int = 1

    def __getitem__(self, slot: Slot) -> TrainingItem:
        return self._prepare(slot, None)

    def __getitems__(self, slots: Sequence[Slot]) -> dict[str, Tensor]:
        """Return a batch: image (B,3,h,w), depth and valid (B,1,h,w), labels (B,h,w).

        Images without labels have `OUTSIDE` everywhere. Where none of the batch has any, there are
        labels only if the run reads them (`classes`). Of a mixture, `part` (B,) says from which of
        its data sets each image is.

        Items are written straight into the batch, images in channels-last memory order: as they
        were read, and as the network wants them.
        """
        image = _empty_batch((len(slots), *self.size, 3), torch.float32)
        depth = _empty_batch((len(slots), *self.size), torch.float32)
        valid = _empty_batch((len(slots), *self.size), torch.bool)
        rows = zip(image.numpy(), depth.numpy(), valid.numpy(), strict=True)
        items = [
            self._prepare(slot, TrainingItem(*row)) for slot, row in zip(slots, rows, strict=True)
        ]
        batch = {
            "image": image.permute(0, 3, 1, 2),
            "depth": depth[:, None],
            "valid": valid[:, None],
        }
        if isinstance(self.samples, MixedDataset):
            batch["part"] = torch.tensor([self.samples.part_number(index) for _, index in slots])
        if self.classes is not None or any(item.labels is not None for item in items):
            batch["labels"] = _empty_batch((len(slots), *self.size), torch.int64)
            for row, item in zip(batch["labels"].numpy(), items, strict=True):
                row[:] = OUTSIDE if item.labels is None else item.labels
        return batch

    def _prepare(self, slot: Slot, out: TrainingItem | None) -> TrainingItem:
        epoch, index = slot
        stream = zlib.crc32(self.samples.sample_id(index).encode())
        rng = np.random.default_rng([self.seed, epoch, stream])
        sample = self.samples.view(index)
        if self.classes is not None and sample.labels is not None:
            self.classes.check(sample.labels, label_file(self.samples.files(index), sample.id))
        fill = self.area is not None and self.size == predicted_size(
            sample.size, self.area, self.stride
        )
        return prepare(sample, self.size, self.augment, rng, out, self.focal, fill)


@lru_cache
def predicted_size(source: tuple[int, int], area: int, stride: int) -> tuple[int, int] | None:
    """Return the (h, w) to which prediction brings a picture (H, W), None where it refuses it."""
    try:
        return processing_size(*source, area, stride)
    except LeadlineError:
        return None


def steps_per_epoch(count: int, batch_size: int, *, keep_last: bool) -> int:
    """Return the number of batches in one pass over `count` samples; see `EpochOrder`."""
    size = min(batch_size, count)
    return -(-count // size) if keep_last else count // size


class EpochOrder(Sampler[list[Slot]]):
    """Batches of slots from step `first_step` to `last_step`, shuffled in every epoch.

    A last short batch is dropped, unless `keep_last` or the whole data set is smaller than a batch.
    Of `ranks` processes, `rank` gets its consecutive share of every batch, so that all together see
    the batches that one process alone would see. Shares differ by one image where the numbers ask
    for it. A process whose share is empty gets the first slot of the batch, to keep step with the
    others; `image_counts` says that the image does not count.
    `shares` are those of a mixture, whose epochs `draw_epoch` draws.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        seed: int,
        first_step: int,
        last_step: int,
        *,
        keep_last: bool = False,
        rank: int = 0,
        ranks: int = 1,
        shares: Sequence[Share] = (),
    ):
        self.count, self.seed = count, seed
        self.batch_size = min(batch_size, count)
        self.first_step, self.last_step = first_step, last_step
        self.keep_last, self.rank, self.ranks = keep_last, rank, ranks
        self.shares = shares
        self._epoch, self._slots = -1, np.empty((0, 2), np.int64)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass."""
        return steps_per_epoch(self.count, self.batch_size, keep_last=self.keep_last)

    def __len__(self) -> int:
        return self.last_step - self.first_step

    def __iter__(self) -> Iterator[list[Slot]]:
        return (self.local_slots(step) for step in range(self.first_step, self.last_step))

    def starting_at(self, step: int) -> "EpochOrder":
        """Return the rest of this order, from a step on."""
        rest = copy.copy(self)
        rest.first_step = step
        return rest

    def local_slots(self, step: int) -> list[Slot]:
        """Return this process's slots of the batch of a step."""
        epoch, start, size = self._batch(step)
        if epoch != self._epoch:
            self._slots = self._draw(epoch)
            self._epoch = epoch
        first, last = self._bounds(size)
        if first == last:
            first, last = 0, 1
        chosen = self._slots[start + first : start + last].tolist()
        return [(number, index) for number, index in chosen]

    def image_counts(self, step: int) -> tuple[int, int]:
        """Return how many images of the batch of a step count here, and how many it has."""
        _, _, size = self._batch(step)
        first, last = self._bounds(size)
        return last - first, size

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        """Return the slots of an epoch, (N,2), in their order."""
        if self.shares:
            return draw_epoch(self.shares, self.seed, epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
        return np.stack([np.full_like(order, epoch), order], axis=1)

    def _batch(self, step: int) -> tuple[int, int, int]:
        """Return (epoch, where its batch begins in the epoch's order, its size)."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        start = batch * self.batch_size
        return epoch, start, min(self.batch_size, self.count - start)

    def _bounds(self, size: int) -> tuple[int, int]:
        return self.rank * size // self.ranks, (self.rank + 1) * size // self.ranks


def _empty_batch(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return memory for a batch; in a worker process, memory that the main process sees too."""
    blank = torch.empty(0, dtype=dtype)
    if get_worker_info() is None:
        return blank.new_empty(shape)
    storage = torch.UntypedStorage._new_shared(math.prod(shape) * blank.element_size())  # type: ignore[no-untyped-call]
    return blank.set_(storage, 0, shape)  # type: ignore[call-overload, no-any-return]


def _as_it_is(batch: Any) -> Any:
    return batch


def make_loader(
    samples: TrainingSamples, order: EpochOrder, workers: int, *, for_gpu: bool = False
) -> DataLoader[Any]:
    """Return the batches of `order`; the same ones with any number of worker processes.

    The loader is meant to be iterated once, over all steps of the run: nothing is gained by
    keeping workers beyond that. Batches `for_gpu` lie in page-locked memory.
    """
    tune_malloc()
    return DataLoader(
        samples,
        batch_sampler=order,
        num_workers=workers,
        collate_fn=_as_it_is,
        pin_memory=for_gpu,
        persistent_workers=False,
        prefetch_factor=BATCHES_AHEAD if workers else None,
        worker_init_fn=_prepare_worker if workers else None,
    )


def _prepare_worker(_worker: int) -> None:
    import signal

    import cv2

    # torch's own workers look whether they have another parent now, which is never so where Python
    # starts them from a fork server, as it does from 3.14 on.
    end_with_parent()

    # A terminal sends Ctrl-C to the whole group; the main process decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    tune_malloc()
