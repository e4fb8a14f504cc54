"""Every published layout gives what a reader by the data set's documentation alone gives."""

import numpy as np
import pytest

from leadline.datasets import open_data
from tests.datasets.independent_readers import READERS
from tests.datasets.test_layouts import WRITERS


@pytest.mark.parametrize("name", READERS)
def test_photographs_depth_masks_and_cameras_are_those_of_the_documentation(name, tmp_path):
    WRITERS[name](tmp_path)
    expected = READERS[name](tmp_path)
    data = open_data(tmp_path, layout=name)
    samples = {sample.id: sample for sample in (data[i] for i in range(len(data)))}
    if name == "kitti-eigen":  # which of the frames it takes is Eigen's to say
        assert samples and set(samples) <= set(expected)
    else:
        assert set(samples) == set(expected)
    for key, sample in samples.items():
        frame = expected[key]
        assert np.array_equal(sample.image, frame.image), key
        assert np.array_equal(sample.valid, frame.depth > 0), key
        assert sample.depth == pytest.approx(frame.depth, rel=1e-5, abs=1e-6), key
        if frame.camera is None:
            assert sample.intrinsics is None
        else:
            k = sample.intrinsics
            assert (k.fx, k.fy, k.cx, k.cy) == pytest.approx(frame.camera, rel=1e-5), key


def test_every_layout_has_an_independent_reader():
    assert set(READERS) == set(WRITERS)
