"""Writers of tiny data sets, one a published layout, laid out byte for byte as distributed."""

from tests.datasets.writers.arkitscenes import write_arkitscenes
from tests.datasets.writers.bts import write_bts_kitti, write_bts_nyu
from tests.datasets.writers.common import Scene, make_scenes
from tests.datasets.writers.densedepth import write_densedepth
from tests.datasets.writers.diode import write_diode
from tests.datasets.writers.hypersim import write_hypersim
from tests.datasets.writers.ibims import write_ibims
from tests.datasets.writers.kitti import (
    write_kitti_benchmark,
    write_kitti_calibration,
    write_kitti_raw,
    write_kitti_selection,
)
from tests.datasets.writers.middlebury import write_middlebury
from tests.datasets.writers.nyu_mat import write_nyu_mat
from tests.datasets.writers.scannet import write_scannet, write_scannet_25k
from tests.datasets.writers.seven_scenes import write_seven_scenes
from tests.datasets.writers.shift import write_shift
from tests.datasets.writers.sunrgbd import write_sunrgbd
from tests.datasets.writers.tum import write_tum
from tests.datasets.writers.vkitti import write_vkitti1, write_vkitti2

__all__ = [
    "Scene",
    "make_scenes",
    "write_arkitscenes",
    "write_bts_kitti",
    "write_bts_nyu",
    "write_densedepth",
    "write_diode",
    "write_hypersim",
    "write_ibims",
    "write_kitti_benchmark",
    "write_kitti_calibration",
    "write_kitti_raw",
    "write_kitti_selection",
    "write_middlebury",
    "write_nyu_mat",
    "write_scannet",
    "write_scannet_25k",
    "write_seven_scenes",
    "write_shift",
    "write_sunrgbd",
    "write_tum",
    "write_vkitti1",
    "write_vkitti2",
]
