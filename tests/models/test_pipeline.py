"""Class maps at a photograph's size, from scores at the network's."""

import cv2
import numpy as np
import pytest
import torch

from leadline.models import ModelConfig, create_model
from leadline.models.pipeline import InferencePipeline, best_class


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("size", [(96, 128), (61, 43), (12, 20)])
def test_the_best_class_is_the_largest_of_the_stretched_scores(layout, size):
    logits = torch.randn(2, 7, 12, 20, generator=torch.Generator().manual_seed(0))
    found = best_class(logits.contiguous(memory_format=layout), size)
    for scores, labels in zip(logits.numpy(), found.numpy(), strict=True):
        stretched = [
            cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR) for plane in scores
        ]
        ranked = np.sort(stretched, axis=0)
        clear = ranked[-1] - ranked[-2] > 1e-5
        assert clear.mean() > 0.99
        np.testing.assert_array_equal(labels[clear], np.argmax(stretched, axis=0)[clear])


def test_of_equal_scores_the_first_class_wins():
    assert best_class(torch.ones(1, 5, 3, 3), (6, 6)).max() == 0


@pytest.mark.parametrize(("classes", "kind"), [(256, torch.uint8), (894, torch.int32)])
def test_more_than_256_classes_do_not_wrap_around(classes, kind):
    logits = torch.zeros(1, classes, 2, 2)
    logits[:, classes - 1] = 1
    labels = best_class(logits, (4, 4))
    assert labels.dtype == kind
    assert labels.unique().tolist() == [classes - 1]


@torch.inference_mode()
def test_a_pipeline_without_labels_gives_the_same_depth_alone():
    config = ModelConfig("ds-net", {"encoder": "resnet18", "classes": 5}, stride=16)
    model = create_model(config).eval()
    image = torch.randint(0, 256, (1, 40, 56, 3), dtype=torch.uint8)
    both, alone = InferencePipeline(model)(image), InferencePipeline(model, labels=False)(image)
    assert set(both) == {"depth", "labels"}
    assert set(alone) == {"depth"}
    torch.testing.assert_close(both["depth"], alone["depth"])
