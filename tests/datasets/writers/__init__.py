"""Writers of tiny data sets, one a published layout, laid out byte for byte as distributed."""

from tests.datasets.writers.bts import write_bts_kitti, write_bts_nyu
from tests.datasets.writers.common import Scene, make_scenes
from tests.datasets.writers.densedepth import write_densedepth
from tests.datasets.writers.kitti import (
    write_kitti_benchmark,
    write_kitti_calibration,
    write_kitti_raw,
    write_kitti_selection,
)
from tests.datasets.writers.nyu_mat import write_nyu_mat
from tests.datasets.writers.tum import write_tum
from tests.datasets.writers.vkitti import write_vkitti1, write_vkitti2

__all__ = [
    "Scene",
    "make_scenes",
    "write_bts_kitti",
    "write_bts_nyu",
    "write_densedepth",
    "write_kitti_benchmark",
    "write_kitti_calibration",
    "write_kitti_raw",
    "write_kitti_selection",
    "write_nyu_mat",
    "write_tum",
    "write_vkitti1",
    "write_vkitti2",
]
