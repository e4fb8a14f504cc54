"""Batches whose content depends only on (seed, epoch, sample), never on the number of workers."""

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
"""Number of batches that each worker process prepares in advance."""

Slot = tuple[int, int]
"""(pass, index): the sample, and which of its random versions.

A pass over all samples is an epoch; in a mixture, each part counts its own passes.
"""


@dataclass(frozen=True)
class ClassIds:
    """Ids 0 to `count` - 1 are classes; negative and `ignored` ids are not labels.

    `keys` are the recipe keys that define the ignored ids.
    """

    count: int
    ignored: frozenset[int] = frozenset()
    keys: tuple[str, ...] = ()

    def check(self, labels: NDArray[np.int32], name: str) -> None:
        """Check that labels (H,W) of the file `name` hold only classes and ignored ids.

        Errors: LeadlineError naming the file, the unknown id and the remedy.
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
    """Return the label ids of a run whose network has `classes`; None if it reads no labels."""
    if classes is None or not recipe.class_terms:
        return None
    keys = tuple(f"loss.{place}.options.ignore" for place in recipe.class_terms)
    return ClassIds(classes, recipe.ignored_classes, keys)


def label_file(files: Mapping[str, Path], sample_id: str) -> str:
    """Return the name of a sample's labels for messages: their file, if there is one."""
    return str(files.get("label", f"{sample_id}, labels"))


@dataclass(frozen=True)
class TrainingSamples(Dataset[TrainingItem]):
    """An augmented data set; item (epoch, index) is always the same.

    `focal` is that of the training camera, in pixels at `size`; see `prepare`. `area` and `stride`
    are those of prediction, if `size` was derived from them.
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

        Images without labels have `OUTSIDE` everywhere. If no image of the batch has labels, the
        batch has them only if the run reads them (`classes`). For a mixture, `part` (B,) is the
        number of the data set of each image.

        Items are written directly into the batch, images in channels-last memory order: as they
        were read, and as the network takes them.
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
    """Return the (h, w) to which prediction resizes a picture (H, W); None if it refuses it."""
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

    A last short batch is dropped, unless `keep_last` is set or the data set is smaller than a
    batch. Of `ranks` processes, `rank` gets its consecutive share of every batch, so that together
    they see the batches of a single process. Shares may differ by one image. A process with an
    empty share gets the first slot of the batch, to stay in step with the others; `image_counts`
    then returns 0 for it. `shares` are those of a mixture, whose epochs `draw_epoch` draws.
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
        """Number of batches per epoch."""
        return steps_per_epoch(self.count, self.batch_size, keep_last=self.keep_last)

    def __len__(self) -> int:
        return self.last_step - self.first_step

    def __iter__(self) -> Iterator[list[Slot]]:
        return (self.local_slots(step) for step in range(self.first_step, self.last_step))

    def starting_at(self, step: int) -> "EpochOrder":
        """Return the remainder of this order from a step on."""
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
        """Return this process's number of counted images in the batch of a step, and its size."""
        _, _, size = self._batch(step)
        first, last = self._bounds(size)
        return last - first, size

    def _draw(self, epoch: int) -> NDArray[np.int64]:
        """Return the slots of an epoch (N,2), in order."""
        if self.shares:
            return draw_epoch(self.shares, self.seed, epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.count)
        return np.stack([np.full_like(order, epoch), order], axis=1)

    def _batch(self, step: int) -> tuple[int, int, int]:
        """Return the epoch, the start of the batch in the epoch's order, and the batch size."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        start = batch * self.batch_size
        return epoch, start, min(self.batch_size, self.count - start)

    def _bounds(self, size: int) -> tuple[int, int]:
        return self.rank * size // self.ranks, (self.rank + 1) * size // self.ranks


def _empty_batch(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Allocate a batch; in a worker process, in memory shared with the main process."""
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
    """Return a loader of the batches of `order`, equal for any number of worker processes.

    The loader is meant to be iterated once, over all steps of the run, so workers are not kept
    beyond that. With `for_gpu`, batches are in page-locked memory.
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

    # torch's workers check for a new parent process, which never comes if Python starts them from a
    # fork server, as from 3.14 on.
    end_with_parent()

    # A terminal sends Ctrl-C to the whole group; the main process decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    tune_malloc()
