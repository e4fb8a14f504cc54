"""The node of ROS 2, without ROS: what its messages hold, and that they are messages."""

import importlib
import struct
import sys
import xml.etree.ElementTree as ET
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from leadline.depth import DepthMap, Intrinsics
from tests.test_docs import ROOT

STORE = get_typestore(Stores.ROS2_JAZZY)
TYPES = STORE.types
PACKAGE = ROOT / "examples" / "ros2"
HEADER = TYPES["std_msgs/msg/Header"](
    stamp=TYPES["builtin_interfaces/msg/Time"](sec=12, nanosec=5), frame_id="camera_optical"
)


@pytest.fixture
def conversion(monkeypatch):
    monkeypatch.syspath_prepend(PACKAGE)
    return importlib.import_module("leadline_ros.conversion")


@pytest.mark.parametrize(
    ("encoding", "first"),
    [("rgb8", [1, 2, 3]), ("bgr8", [3, 2, 1]), ("bgra8", [3, 2, 1, 9]), ("mono8", [5])],
)
def test_pixels_of_padded_rows_are_rgb(conversion, encoding, first):
    count = len(first)
    row = bytes(first + [7] * count) + b"padding"
    pixels = conversion.pixels_of_image(encoding, 2, 2, len(row), row * 2)
    expected = [[5, 5, 5] if count == 1 else [1, 2, 3], [7, 7, 7]]
    assert pixels.tolist() == [expected, expected]
    with pytest.raises(ValueError, match="no 2x2 picture"):
        conversion.pixels_of_image(encoding, 2, 2, len(row), row)
    with pytest.raises(ValueError, match="yuv422"):
        conversion.pixels_of_image("yuv422", 2, 2, len(row), row * 2)


def test_the_camera_of_a_binned_region_sees_the_same_rays(conversion):
    p = [600, 0, 319.5, 0, 0, 610, 239.5, 0, 0, 0, 1, 0]
    whole = conversion.camera_of_info(p, 640, 480, (0, 0), (0, 0))
    assert whole == Intrinsics(600, 610, 319.5, 239.5, 640, 480)
    part = conversion.camera_of_info(p, 100, 60, (40, 20), (2, 4))
    column, row = 30, 12
    assert (column - part.cx) / part.fx == pytest.approx((40 + 2 * column - 319.5) / 600)
    assert (row - part.cy) / part.fy == pytest.approx((20 + 4 * row - 239.5) / 610)
    assert conversion.camera_of_info([0.0] * 9, 640, 480) is None


class Node:
    """What the node asks of rclpy's, and what it published: {topic: messages}."""

    def __init__(self, name):
        self.published, self.said = {}, []

    def declare_parameter(self, name, default):
        return SimpleNamespace(value=default)

    def create_subscription(self, kind, topic, callback, qos):
        setattr(self, f"send_{topic}", callback)

    def create_publisher(self, kind, topic, qos):
        messages = self.published.setdefault(topic, [])
        return SimpleNamespace(publish=messages.append, get_subscription_count=lambda: 1)

    def get_logger(self):
        return SimpleNamespace(
            warning=lambda text, **_: self.said.append(text),
            error=lambda text, **_: self.said.append(text),
        )


def message_type(name):
    """A message as rclpy's: keywords, sequences as arrays, which rosbags wants as numpy's."""
    kind = TYPES[f"sensor_msgs/msg/{name}"]

    def made(**fields):
        if name == "CameraInfo":
            region = TYPES["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
            fields = {"binning_x": 0, "binning_y": 0, "roi": region, **fields}
        fields = {k: np.asarray(v) if hasattr(v, "typecode") else v for k, v in fields.items()}
        return kind(**fields)

    made.FLOAT32 = getattr(kind, "FLOAT32", None)
    return made


@pytest.fixture
def node(conversion, monkeypatch):
    kinds = ("CameraInfo", "Image", "PointCloud2", "PointField")
    for name, content in {
        "rclpy": {}, "rclpy.node": {"Node": Node},
        "rclpy.qos": {"QoSProfile": dict, "ReliabilityPolicy": SimpleNamespace(BEST_EFFORT=2)},
        "sensor_msgs": {}, "sensor_msgs.msg": {kind: message_type(kind) for kind in kinds},
    }.items():  # fmt: skip
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    wall = np.linspace(1, 2, 48, dtype=np.float32).reshape(6, 8)
    wall[0, 0] = 0

    def predict(pixels, camera):
        return DepthMap.from_metres(wall, intrinsics=camera)

    predict.require_metres = lambda purpose: None
    monkeypatch.setattr("leadline.load", lambda model: predict)
    monkeypatch.delitem(sys.modules, "leadline_ros.node", raising=False)
    return importlib.import_module("leadline_ros.node").DepthNode()


def through_cdr(message):
    """The message as a subscriber gets it."""
    kind = message.__msgtype__
    return STORE.deserialize_cdr(STORE.serialize_cdr(message, kind), kind)


def picture(pixels):
    return message_type("Image")(
        header=HEADER, height=6, width=8, encoding="bgr8", is_bigendian=0, step=24,
        data=pixels.reshape(-1),
    )  # fmt: skip


def test_the_node_publishes_metres_camera_and_points(node, conversion):
    camera = Intrinsics(10.0, 11.0, 3.0, 2.5, 8, 6)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    info = message_type("CameraInfo")(header=HEADER, **conversion.camera_info(camera))
    node.send_camera_info(through_cdr(info))
    node.send_image(through_cdr(picture(pixels)))
    assert node.said == []
    [depth], [about], [cloud] = (
        [through_cdr(each) for each in node.published[topic]]
        for topic in ("depth/image", "depth/camera_info", "depth/points")
    )
    assert all(each.header == HEADER for each in (depth, about, cloud))
    assert (depth.encoding, depth.step, depth.is_bigendian) == ("32FC1", 32, 0)
    metres = depth.data.view("<f4").reshape(6, 8)
    assert np.isnan(metres[0, 0])
    assert metres[5, 7] == 2
    assert about.p.reshape(3, 4)[:, :3].tolist() == camera.matrix.tolist()
    assert [(field.name, field.offset, field.datatype) for field in cloud.fields] == [
        ("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("rgb", 12, 7),
    ]  # fmt: skip
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (6, 8, 16, 128)
    blue, green, red = (int(each) for each in pixels[5, 7])
    x, y, z, colour = struct.unpack_from("<fffI", cloud.data.tobytes(), 5 * 128 + 7 * 16)
    assert (x, y, z) == pytest.approx((2 * (7 - 3) / 10, 2 * (5 - 2.5) / 11, 2))
    assert colour == (red << 16) + (green << 8) + blue
    assert np.isnan(struct.unpack_from("<fff", cloud.data.tobytes(), 0)).all()


def test_a_picture_that_cannot_be_read_is_said_and_nothing_is_published(node):
    message = picture(np.zeros((6, 8, 3), np.uint8))
    message.encoding = "16UC1"
    node.send_image(message)
    assert "no camera_info yet" not in node.said[0]
    assert "16UC1" in node.said[0]
    assert not any(node.published.values())


def test_without_a_camera_there_is_depth_and_no_cloud(node):
    node.send_image(picture(np.zeros((6, 8, 3), np.uint8)))
    assert "no camera_info yet" in node.said[0]
    assert [len(node.published[f"depth/{name}"]) for name in ("image", "points")] == [1, 0]


def test_the_package_is_one_of_ros():
    about = ET.parse(PACKAGE / "package.xml").getroot()
    assert about.findtext("name") == "leadline_ros"
    assert about.findtext("export/build_type") == "ament_python"
    assert (PACKAGE / "resource" / "leadline_ros").is_file()
    made = (PACKAGE / "setup.py").read_text(encoding="utf-8")
    assert "depth = leadline_ros.node:main" in made
    assert f'version="{about.findtext("version")}"' in made
