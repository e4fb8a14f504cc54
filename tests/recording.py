"""A recording of ROS 2 with pictures in it, as rosbags writes it."""

from pathlib import Path

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

SIZE = (6, 8)
STAMP = (12, 500_000_000)


def write_recording(folder: Path, topics: dict[str, str]) -> dict[str, np.ndarray]:
    """Write one picture for each topic, of its encoding; return {topic: what is in it}."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    image, header, time = (
        store.types[f"{package}/msg/{name}"]
        for package, name in (
            ("sensor_msgs", "Image"), ("std_msgs", "Header"), ("builtin_interfaces", "Time"),
        )
    )  # fmt: skip
    rng, written = np.random.default_rng(0), {}
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        for topic, encoding in topics.items():
            shape, dtype = (SIZE, np.uint16) if encoding == "16UC1" else ((*SIZE, 3), np.uint8)
            pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype)
            message = image(
                header=header(stamp=time(*STAMP), frame_id="camera"), height=SIZE[0],
                width=SIZE[1], encoding=encoding, is_bigendian=0,
                step=pixels.strides[0], data=pixels.reshape(-1).view(np.uint8),
            )  # fmt: skip
            connection = bag.add_connection(topic, image.__msgtype__, typestore=store)
            nanoseconds = STAMP[0] * 10**9 + STAMP[1]
            bag.write(connection, nanoseconds, store.serialize_cdr(message, image.__msgtype__))
            written[topic] = pixels
    return written
