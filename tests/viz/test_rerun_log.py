"""What a recording of Rerun holds of a depth map."""

import sys

import numpy as np
import pytest

from leadline.depth import DepthMap, Intrinsics
from tests.complaints import complaint

rerun = pytest.importorskip("rerun")

DEPTH = np.array([[0, 2, 2], [2, 2, 4]], np.float32)
RGB = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
CAMERA = Intrinsics(10.0, 20.0, 1.0, 0.5, 3, 2)


def logged(path, depth_map, rgb, **options):
    """Everything in a recording of one map: {entity: {component: value}}."""
    from rerun.chunk import RrdReader

    stream = rerun.RecordingStream("test")
    stream.save(path)
    depth_map.to_rerun(rgb, recording=stream, **options)
    stream.flush()
    stream.disconnect()
    held = {}
    for chunk in RrdReader(path).stream().to_chunks():
        batch = chunk.to_record_batch()
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if ":" in name:
                held.setdefault(chunk.entity_path, {})[name] = column.to_pylist()[0]
    return held


def test_a_recording_holds_camera_colours_metres_and_points(tmp_path):
    depth_map = DepthMap.from_metres(DEPTH, intrinsics=CAMERA)
    held = logged(tmp_path / "a.rrd", depth_map, RGB, entity="robot/eye")
    assert held["/robot/eye"]["ViewCoordinates:xyz"] == [[3, 2, 5]]  # right, down, forward
    image, depth = held["/robot/eye/image"], held["/robot/eye/image/depth"]
    columns = np.reshape(image["Pinhole:image_from_camera"], (3, 3))
    np.testing.assert_array_equal(columns.T, CAMERA.matrix)
    assert image["Pinhole:resolution"] == [[3, 2]]
    assert image["Image:buffer"] == [RGB.ravel().tolist()]
    assert np.array(depth["DepthImage:buffer"], np.uint8).view("<f4").tolist() == [
        DEPTH.ravel().tolist()
    ]
    assert depth["DepthImage:meter"] == [1]
    points = held["/robot/eye/points"]
    np.testing.assert_allclose(points["Points3D:positions"][0], [0, -0.05, 2], atol=1e-7)
    np.testing.assert_allclose(points["Points3D:positions"][-1], [0.4, 0.1, 4], atol=1e-7)
    assert len(points["Points3D:positions"]) == 5
    assert points["Points3D:colors"][-1] == 15 << 24 | 16 << 16 | 17 << 8 | 255


def test_without_a_camera_or_colours_there_is_depth_alone(tmp_path):
    held = logged(tmp_path / "a.rrd", DepthMap.from_metres(DEPTH), None)
    assert [name for name in held if name != "/__properties"] == ["/camera/image/depth"]


def test_what_cannot_be_logged_is_said(monkeypatch):
    depth_map = DepthMap.from_metres(DEPTH)
    assert "(2, 2, 3) uint8 but the depth map is (2, 3)" in complaint(
        lambda: depth_map.to_rerun(RGB[:, :2])
    )
    relative = DepthMap.from_inverse(DEPTH)
    assert "affine-inverse" in complaint(relative.to_rerun)
    monkeypatch.setitem(sys.modules, "rerun", None)
    assert "leadline[rerun]" in complaint(depth_map.to_rerun)
