"""Data sets in memory."""

import numpy as np

from leadline.datasets.sample import Sample


class Images:
    """Samples (truth, valid[, labels]) with grey photographs; ids are "0", "1", ..."""

    root = "in memory"

    def __init__(self, maps):
        self.maps = maps

    def __len__(self):
        return len(self.maps)

    def __getitem__(self, index):
        truth, valid, *labels = self.maps[index]
        image = np.full((*truth.shape, 3), 128, np.uint8)
        return Sample.from_metres(str(index), image, truth, valid, *labels)

    def sample_id(self, index):
        return str(index)
