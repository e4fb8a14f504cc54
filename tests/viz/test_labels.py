"""Class maps as files and colours."""

import cv2
import numpy as np
import pytest

from leadline.io.labels import write_labels
from leadline.viz.labels import colorize_labels, label_colors


def test_colours_are_those_of_the_pascal_voc_challenge():
    published = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 8: (64, 0, 0),
                 15: (192, 128, 128), 20: (0, 64, 128), 255: (224, 224, 192)}  # fmt: skip
    for label, color in published.items():
        assert tuple(label_colors()[label]) == color


@pytest.mark.parametrize(("highest", "kind"), [(255, np.uint8), (893, np.uint16)])
def test_ids_are_written_in_as_many_bits_as_they_need(tmp_path, highest, kind):
    labels = np.array([[0, 7], [40, highest]], dtype=np.int32)
    write_labels(tmp_path / "x.png", labels)
    read = cv2.imread(str(tmp_path / "x.png"), cv2.IMREAD_UNCHANGED)
    assert read.dtype == kind
    np.testing.assert_array_equal(read, labels)


def test_every_id_has_a_colour_of_its_own_also_above_255():
    colors = colorize_labels(np.arange(1024).reshape(32, 32)).reshape(-1, 3)
    assert len(np.unique(colors, axis=0)) == 1024
    np.testing.assert_array_equal(colors[:256], label_colors())
