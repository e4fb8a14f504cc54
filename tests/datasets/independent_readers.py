"""Each published layout read a second time, by its public documentation alone: nothing of Leadline.

A reader takes the root of a data set and returns its frames by the photograph's path (NYU's .mat:
by its number). Values are float64 metres, 0 where the documentation calls them invalid; cameras are
(fx, fy, cx, cy) for the photograph as it is stored.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

Camera = tuple[float, float, float, float]


@dataclass(frozen=True)
class Frame:
    """A photograph (H,W,3), its depth (h,w), its camera where one is published, and both files.

    `depth_file` is None where many frames lie in one file.
    """

    image: np.ndarray
    depth: np.ndarray
    camera: Camera | None = None
    depth_file: Path | None = None


def picture(path: Path) -> np.ndarray:
    """Return the pixels of a picture as stored."""
    with Image.open(path) as file:
        return np.array(file)


def metres_of(path: Path, units: float, invalid: int = 0) -> np.ndarray:
    """Return the whole numbers of a PNG as metres."""
    stored = picture(path).astype(np.float64)
    return np.where(stored == invalid, 0.0, stored / units)


def resized(camera: Camera, calibrated: tuple[int, int], image: np.ndarray) -> Camera:
    """Return the camera of pictures of `calibrated` (W,H) for a picture of another size.

    Pixel centres lie at whole numbers: the middle of the first pixel stays the middle of the first
    in the sense of areas, so that c + 1/2 is what scales.
    """
    across, down = image.shape[1] / calibrated[0], image.shape[0] / calibrated[1]
    fx, fy, cx, cy = camera
    return fx * across, fy * down, (cx + 0.5) * across - 0.5, (cy + 0.5) * down - 0.5


def nyu_mat(root: Path) -> dict[str, Frame]:
    """cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html: images HxWx3xN, depths HxWxN in metres.

    HDF5 shows MATLAB's axes in reverse. Camera: `camera_params.m` of the toolbox.
    """
    camera = (518.857901, 519.469611, 325.582449, 253.736166)
    frames = {}
    with h5py.File(root / "nyu_depth_v2_labeled.mat", locking=False) as file:
        for number in range(file["images"].shape[0]):
            image = np.moveaxis(file["images"][number], (0, 1, 2), (2, 1, 0))
            depth = file["depths"][number].astype(np.float64).T
            frames[f"{number:05d}"] = Frame(image, depth, resized(camera, (640, 480), image))
    return frames


def densedepth(root: Path) -> dict[str, Frame]:
    """github.com/ialhashim/DenseDepth, `data.py`: x/255*10 in training; test: millimetres."""
    frames = {}
    for name in ("nyu2_train.csv", "nyu2_test.csv"):
        for line in (root / "data" / name).read_text().split():
            image, depth = line.split(",")
            stored = picture(root / depth)
            metres = stored / 255 * 10 if stored.dtype == np.uint8 else stored / 1000
            frames[image] = Frame(picture(root / image), metres, None, root / depth)
    return frames


def bts(root: Path) -> dict[str, Frame]:
    """github.com/cleinc/bts, `bts_dataloader.py`: depth / 1000 for NYU, the focal length third."""
    frames = {}
    for name in ("train", "test"):
        for line in (root / f"nyudepthv2_{name}_files_with_gt.txt").read_text().splitlines():
            image, depth, focal = line.replace(" /", " ").lstrip("/").split()
            pixels = picture(root / image)
            centre = (pixels.shape[1] - 1) / 2, (pixels.shape[0] - 1) / 2
            camera = (float(focal), float(focal), *centre)
            frames[image] = Frame(pixels, metres_of(root / depth, 1000), camera, root / depth)
    return frames


def kitti_day(day: Path, camera: int) -> dict[str, np.ndarray]:
    """Return the entries of a day's calibration that concern a camera: P, R, V (4x4 each)."""
    entries = {}
    for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt"):
        if (day / name).is_file():
            lines = (line.split(":", 1) for line in (day / name).read_text().splitlines())
            entries |= {key: value.split() for key, value in lines if key != "calib_time"}
    P, R, V = np.eye(4), np.eye(4), np.eye(4)
    P[:3] = np.array(entries[f"P_rect_{camera:02d}"], float).reshape(3, 4)
    R[:3, :3] = np.array(entries["R_rect_00"], float).reshape(3, 3)
    if "T" in entries:
        V[:3, :3] = np.array(entries["R"], float).reshape(3, 3)
        V[:3, 3] = np.array(entries["T"], float)
    return {"P": P, "R": R, "V": V}


def kitti_camera(P: np.ndarray) -> Camera:
    """Return the pinhole of a rectified projection."""
    return P[0, 0], P[1, 1], P[0, 2], P[1, 2]


def kitti_raw(root: Path) -> dict[str, Frame]:
    """KITTI's development kit (`readme.txt`): x = P_rect R_rect Tr x_velo, point by point."""
    frames = {}
    for path in sorted(root.glob("*/*_sync/image_02/data/*.png")):
        image, drive = picture(path), path.parents[2]
        scan = drive / "velodyne_points" / "data" / f"{path.stem}.bin"
        if not scan.is_file():
            continue
        day = kitti_day(drive.parent, 2)
        depth = np.zeros(image.shape[:2])
        for x, y, z, _ in np.fromfile(scan, "<f4").reshape(-1, 4).astype(np.float64):
            u, v, w, _ = day["P"] @ day["R"] @ day["V"] @ (x, y, z, 1)
            column, row = int(np.rint(u / w)), int(np.rint(v / w))
            if w > 0 and 0 <= row < depth.shape[0] and 0 <= column < depth.shape[1]:
                nearer = depth[row, column] == 0 or w < depth[row, column]
                depth[row, column] = w if nearer else depth[row, column]
        camera = kitti_camera(day["P"])
        frames[str(path.relative_to(root))] = Frame(image, depth, camera, scan)
    return frames


def kitti_benchmark(root: Path) -> dict[str, Frame]:
    """The depth kit's `readme.txt`: 16 bits, metres = value / 256, 0 without truth."""
    frames = {}
    for path in sorted(root.glob("*/*_sync/proj_depth/groundtruth/image_0[23]/*.png")):
        drive, camera = path.parents[3].name, path.parent.name
        photo = root / drive[:10] / drive / camera / "data" / path.name
        P = kitti_day(root / drive[:10], int(camera[-1]))["P"]
        key = str(photo.relative_to(root))
        frames[key] = Frame(picture(photo), metres_of(path, 256), kitti_camera(P), path)
    return frames


def kitti_selection(root: Path) -> dict[str, Frame]:
    """The same kit: nine numbers of K row by row in intrinsics/."""
    frames = {}
    for path in sorted((root / "image").glob("*.png")):
        name = path.name.replace("_sync_image_", "_sync_groundtruth_depth_", 1)
        depth = root / "groundtruth_depth" / name
        K = np.array((root / "intrinsics" / f"{path.stem}.txt").read_text().split(), float)
        camera = (K[0], K[4], K[2], K[5])
        frames[f"image/{path.name}"] = Frame(picture(path), metres_of(depth, 256), camera, depth)
    return frames


def vkitti(root: Path) -> dict[str, Frame]:
    """Both pages of Virtual KITTI: one channel of centimetres; 725, 725, 620.5, 187 at 1242x375."""
    names = {
        path: root / "vkitti_1.3.1_depthgt" / path.relative_to(root / "vkitti_1.3.1_rgb")
        for path in sorted(root.glob("vkitti_1.3.1_rgb/*/*/*.png"))
    } | {
        path: Path(str(path).replace("/rgb/", "/depth/").replace("rgb_", "depth_")[:-3] + "png")
        for path in sorted(root.glob("Scene*/*/frames/rgb/Camera_0/*.jpg"))
    }
    frames = {}
    for path, depth in names.items():
        image = picture(path)
        camera = resized((725.0, 725.0, 620.5, 187.0), (1242, 375), image)
        key = str(path.relative_to(root))
        frames[key] = Frame(image, picture(depth) / 100.0, camera, depth)
    return frames


def tum(root: Path) -> dict[str, Frame]:
    """cvg.cit.tum.de, file formats: 5000 is one metre; frames are paired by the nearest time."""
    lists = {}
    for kind in ("rgb", "depth"):
        lines = (line.split() for line in (root / f"{kind}.txt").read_text().splitlines())
        lists[kind] = {float(line[0]): line[1] for line in lines if line[0] != "#"}
    frames = {}
    for time, image in lists["rgb"].items():
        nearest = min(lists["depth"], key=lambda other: abs(other - time))
        depth = root / lists["depth"][nearest]
        if abs(nearest - time) < 0.02:
            frames[image] = Frame(picture(root / image), metres_of(depth, 5000), None, depth)
    return frames


def diode(root: Path) -> dict[str, Frame]:
    """The devkit's README: H,W,1 metres in X_depth.npy, valid where X_depth_mask.npy is 1."""
    frames = {}
    for path in sorted(root.glob("*/*/scene_*/scan_*/*.png")):
        depth = path.with_name(f"{path.stem}_depth.npy")
        metres, mask = np.load(depth)[:, :, 0], np.load(f"{depth}"[:-4] + "_mask.npy")
        image = picture(path)
        camera = resized((886.81, 927.06, 512.0, 384.0), (1024, 768), image)
        metres = np.where(mask == 1, metres, 0).astype(np.float64)
        frames[str(path.relative_to(root))] = Frame(image, metres, camera, depth)
    return frames


def sunrgbd(root: Path) -> dict[str, Frame]:
    """`read3dPoints.m` of the toolbox: bitor(bitshift(d, -3), bitshift(d, 16 - 3)) / 1000."""
    frames = {}
    for path in sorted(root.glob("*/*/*/image/*.jpg")):
        depth = next((path.parents[1] / "depth").iterdir())
        stored = picture(depth).astype(np.int64)
        metres = ((stored >> 3) | ((stored << 13) & 0xFFFF)) / 1000
        K = np.array((path.parents[1] / "intrinsics.txt").read_text().split(), float)
        camera = (K[0], K[4], K[2], K[5])
        frames[str(path.relative_to(root))] = Frame(picture(path), metres, camera, depth)
    return frames


def halved(image: np.ndarray) -> np.ndarray:
    """Return the mean of every two by two pixels."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    mean = image.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    return np.asarray(np.floor(mean + 0.5), np.uint8)


def scannet(root: Path) -> dict[str, Frame]:
    """SensReader's README: color/ in JPEG, depth/ in millimetres, 4x4 matrices of the cameras.

    The photograph, its sides twice those of the depth, is brought to the depth's size.
    """
    frames = {}
    for path in sorted(root.glob("scene*/color/*.jpg")):
        depth = path.parents[1] / "depth" / f"{path.stem}.png"
        text = (path.parents[1] / "intrinsic" / "intrinsic_color.txt").read_text()
        K, image = np.array(text.split(), float).reshape(4, 4), picture(path)
        size = (image.shape[1], image.shape[0])
        camera = resized((K[0, 0], K[1, 1], K[0, 2], K[1, 2]), size, halved(image))
        key = str(path.relative_to(root))
        frames[key] = Frame(halved(image), metres_of(depth, 1000), camera, depth)
    return frames


def hypersim(root: Path) -> dict[str, Frame]:
    """README of ml-hypersim: depth_meters is the distance to the camera's centre, not planar.

    Its answer to issue 9 gives the plane: x from -W/2 + 1/2, y likewise, f = 886.81 at W = 1024.
    """
    frames = {}
    for path in sorted(root.glob("ai_*/images/*_geometry_hdf5/*.depth_meters.hdf5")):
        with h5py.File(path) as file:
            length = file["dataset"][:].astype(np.float64)
        height, width = length.shape
        focal = 886.81 * width / 1024
        x = np.linspace(-width / 2 + 0.5, width / 2 - 0.5, width)[None]
        y = np.linspace(-height / 2 + 0.5, height / 2 - 0.5, height)[:, None]
        metres = np.nan_to_num(length / np.sqrt(x**2 + y**2 + focal**2) * focal)
        preview = path.parents[1] / "scene_cam_00_final_preview"
        photo = preview / path.name.replace("depth_meters.hdf5", "tonemap.jpg")
        camera = (focal, focal, (width - 1) / 2, (height - 1) / 2)
        frames[str(photo.relative_to(root))] = Frame(picture(photo), metres, camera, path)
    return frames


def arkitscenes(root: Path) -> dict[str, Frame]:
    """DATA.md: millimetres in lowres_depth; .pincam is width, height, focal lengths, principal
    point; files of one moment differ by milliseconds.
    """

    def time(path: Path) -> float:
        return float(path.stem.split("_")[1])

    frames = {}
    for path in sorted(root.glob("*/*/vga_wide/*.png")):
        video = path.parents[1]
        depth = min(
            (video / "lowres_depth").glob("*.png"), key=lambda other: abs(time(other) - time(path))
        )
        pincam = min(
            (video / "vga_wide_intrinsics").glob("*.pincam"),
            key=lambda other: abs(time(other) - time(path)),
        )
        width, height, fx, fy, cx, cy = map(float, pincam.read_text().split())
        image = halved(picture(path))
        camera = resized((fx, fy, cx, cy), (int(width), int(height)), image)
        key = str(path.relative_to(root))
        frames[key] = Frame(image, metres_of(depth, 1000), camera, depth)
    return frames


def ibims(root: Path) -> dict[str, Frame]:
    """The page's readme: depth = imread(...) * 50 / 65535; masks are 0 where it is not to count."""
    frames = {}
    for path in sorted((root / "rgb").glob("*.png")):
        depth = root / "depth" / path.name
        metres = picture(depth) * 50.0 / 65535
        for mask in ("mask_invalid", "mask_transp"):
            metres = metres * (picture(root / mask / path.name) > 0)
        numbers = (root / "calib" / f"{path.stem}.txt").read_text().split(",")
        fx, fy, cx, cy = map(float, numbers)
        frames[f"rgb/{path.name}"] = Frame(picture(path), metres, (fx, fy, cx, cy), depth)
    return frames


def shift(root: Path) -> dict[str, Frame]:
    """CARLA's documentation of its depth camera: 1000 (R + 256 G + 65536 B) / (256^3 - 1)."""
    frames = {}
    for path in sorted(root.glob("discrete/images/*/front/depth/*/*.png")):
        red, green, blue = (picture(path)[..., channel].astype(np.float64) for channel in range(3))
        share = (red + green * 256 + blue * 256**2) / (256**3 - 1)
        metres = np.where(share == 1, 0, 1000 * share)
        sequence, name = path.parent.name, path.name.replace("_depth_front.png", "_img_front.jpg")
        photo = path.parents[2] / "img" / sequence / name
        image = picture(photo)
        half = image.shape[1] / 2  # ninety degrees across
        camera = (half, half, half - 0.5, image.shape[0] / 2 - 0.5)
        key = str(photo.relative_to(root / "discrete" / "images"))
        frames[key] = Frame(image, metres, camera, path)
    return frames


def seven_scenes(root: Path) -> dict[str, Frame]:
    """The page: 16 bits in millimetres, 65535 is invalid; (585, 585) and (320, 240) at 640x480."""
    frames = {}
    for path in sorted(root.glob("seq-*/*.color.png")):
        depth = path.with_name(path.name.replace(".color.", ".depth."))
        image = picture(path)
        camera = resized((585.0, 585.0, 320.0, 240.0), (640, 480), image)
        key = str(path.relative_to(root))
        frames[key] = Frame(image, metres_of(depth, 1000, invalid=65535), camera, depth)
    return frames


def pfm(path: Path) -> np.ndarray:
    """Return a grey PFM, top row first: its rows begin at the bottom."""
    kind, size, scale, body = path.read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    order = "<" if float(scale) < 0 else ">"
    assert kind == b"Pf"
    return np.frombuffer(body, f"{order}f4").reshape(height, width)[::-1].astype(np.float64)


def middlebury(root: Path) -> dict[str, Frame]:
    """vision.middlebury.edu/stereo/data/scenes2014: Z = baseline f / (d + doffs), millimetres."""
    frames = {}
    for path in sorted(root.glob("*/im0.png")):
        entries = dict(
            line.split("=", 1) for line in (path.parent / "calib.txt").read_text().splitlines()
        )
        K = np.array(re.findall(r"[\d.]+", entries["cam0"]), float).reshape(3, 3)
        disparity = pfm(path.parent / "disp0.pfm")
        z = float(entries["baseline"]) * K[0, 0] / (disparity + float(entries["doffs"])) / 1000
        camera = (K[0, 0], K[1, 1], K[0, 2], K[1, 2])
        depth = path.parent / "disp0.pfm"
        frames[str(path.relative_to(root))] = Frame(picture(path), z, camera, depth)
    return frames


def pairs(root: Path) -> dict[str, Frame]:
    """docs/data.md: train.csv or the folders rgb/ and depth/, millimetres by dataset.yaml."""
    names = {}
    for listing in sorted(root.glob("*.csv")):
        with listing.open(newline="") as file:
            names |= {row["image"]: row["depth"] for row in csv.DictReader(file)}
    if not names:
        depths = {path.stem: path for path in (root / "depth").iterdir()}
        photos = sorted((root / "rgb").iterdir())
        names = {f"rgb/{path.name}": f"depth/{depths[path.stem].name}" for path in photos}
    return {
        image: Frame(picture(root / image), metres_of(root / depth, 1000), None, root / depth)
        for image, depth in names.items()
    }


READERS: dict[str, Callable[[Path], dict[str, Frame]]] = {
    "nyu-mat": nyu_mat,
    "densedepth": densedepth,
    "bts": bts,
    "kitti-benchmark": kitti_benchmark,
    "kitti-eigen": kitti_benchmark,
    "kitti-selection": kitti_selection,
    "kitti-raw": kitti_raw,
    "vkitti-1": vkitti,
    "vkitti-2": vkitti,
    "tum": tum,
    "diode": diode,
    "sunrgbd": sunrgbd,
    "scannet": scannet,
    "hypersim": hypersim,
    "arkitscenes": arkitscenes,
    "ibims": ibims,
    "shift": shift,
    "7scenes": seven_scenes,
    "middlebury": middlebury,
    "pairs": pairs,
}
"""By layout: what reads a folder of it."""
