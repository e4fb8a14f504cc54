"""A node that predicts the depth of a camera's pictures; `ros2 run leadline_ros depth`.

Takes `image` (sensor_msgs/Image) and `camera_info`; gives `depth/image` (32FC1, metres),
`depth/camera_info` and `depth/points` (PointCloud2), all with the header of the picture. Of
pictures that come faster than they are predicted the latest is taken.
"""

from __future__ import annotations

from array import array
from typing import Any

import rclpy
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

import leadline
from leadline_ros.conversion import (
    camera_info,
    camera_of_info,
    depth_image,
    pixels_of_image,
    point_cloud,
)

LATEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class DepthNode(Node):
    """Its parameters are `model`, as of `leadline predict`, and `rectified`, whether pictures are.

    A rectified picture (`image_rect`) has the camera p of its info, any other one k.
    """

    def __init__(self) -> None:
        super().__init__("leadline_depth")
        self.predictor = leadline.load(self.declare_parameter("model", "crisp-nyu").value)
        self.predictor.require_metres("a depth image")
        self.rectified = bool(self.declare_parameter("rectified", True).value)
        self.info: Any = None
        self.create_subscription(CameraInfo, "camera_info", self.keep_info, LATEST)
        self.create_subscription(Image, "image", self.publish_depth, LATEST)
        self.depths = self.create_publisher(Image, "depth/image", 1)
        self.infos = self.create_publisher(CameraInfo, "depth/camera_info", 1)
        self.clouds = self.create_publisher(PointCloud2, "depth/points", 1)

    def keep_info(self, info: Any) -> None:
        """Keep the latest camera."""
        self.info = info

    def publish_depth(self, image: Any) -> None:
        """Predict a picture and publish its depth, its camera and its points."""
        try:
            pixels = pixels_of_image(
                image.encoding, image.height, image.width, image.step, image.data
            )
            camera = self.camera(image.width, image.height)
            depth_map = self.predictor(pixels, camera)
        except (ValueError, leadline.LeadlineError) as error:
            self.get_logger().error(str(error), throttle_duration_sec=5.0)
            return
        fields = depth_image(depth_map)
        self.depths.publish(Image(header=image.header, **_with_bytes(fields)))
        if depth_map.intrinsics is None:
            return
        about = camera_info(depth_map.intrinsics)
        about["d"] = array("d", about["d"])
        self.infos.publish(CameraInfo(header=image.header, **about))
        if self.clouds.get_subscription_count() > 0:
            fields = _with_bytes(point_cloud(depth_map, pixels))
            fields["fields"] = [
                PointField(name=name, offset=offset, datatype=PointField.FLOAT32, count=1)
                for name, offset in fields["fields"]
            ]
            self.clouds.publish(PointCloud2(header=image.header, **fields))

    def camera(self, width: int, height: int) -> leadline.Intrinsics | None:
        """Return the camera of pictures of this size, as far as it is known."""
        if self.info is None:
            self.get_logger().warning(
                "no camera_info yet: the model's own camera is assumed", throttle_duration_sec=5.0
            )
            return None
        info, roi = self.info, self.info.roi
        return camera_of_info(
            info.p if self.rectified else info.k, width, height,
            (roi.x_offset, roi.y_offset), (info.binning_x, info.binning_y),
        )  # fmt: skip


def _with_bytes(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with `data` as ROS takes it without looking at each byte."""
    data: NDArray[Any] = fields["data"]
    return {**fields, "data": array("B", data.tobytes())}


def main() -> None:
    """Run the node until it is stopped."""
    rclpy.init()
    node = DepthNode()
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
