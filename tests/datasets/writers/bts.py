"""Lists of the BTS family with the files that they name."""

from collections.abc import Sequence
from pathlib import Path

from tests.datasets.writers.common import Scene, save, units


def write_bts_nyu(folder: Path, train: Sequence[Scene], test: Sequence[Scene]) -> Path:
    """Write `sync` NYU data; lines of the training list start with a slash."""
    for split, scenes, slash in (("train", train, "/"), ("test", test, "")):
        lines = []
        for number, scene in enumerate(scenes):
            rgb, depth = (f"kitchen_0028b/{n}_{number:05d}" for n in ("rgb", "sync_depth"))
            if split == "test":
                rgb, depth = f"bathroom/rgb_{number:05d}", f"bathroom/sync_depth_{number:05d}"
            save(folder / f"{rgb}.jpg", scene.image)
            save(folder / f"{depth}.png", units(scene.depth, 1000))
            lines.append(f"{slash}{rgb}.jpg {slash}{depth}.png 518.8579")
        (folder / f"nyudepthv2_{split}_files_with_gt.txt").write_text("\n".join(lines) + "\n")
    return folder


def write_bts_kitti(folder: Path, images: Path, depths: Path, scenes: Sequence[Scene]) -> Path:
    """Write KITTI data whose list, photographs and depth lie in three places; return the list.

    The last line has `None` for a frame without annotated depth.
    """
    drive = "2011_09_26_drive_0002_sync"
    lines = []
    for number, scene in enumerate(scenes):
        rgb = f"2011_09_26/{drive}/image_02/data/{number:010d}.png"
        depth = f"{drive}/proj_depth/groundtruth/image_02/{number:010d}.png"
        save(images / rgb, scene.image)
        save(depths / depth, units(scene.depth, 256))
        lines.append(f"{rgb} {depth} 721.5377")
    lines.append(f"2011_09_26/{drive}/image_02/data/{len(scenes):010d}.png None 721.5377")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "eigen_test_files_with_gt.txt"
    path.write_text("\n".join(lines) + "\n")
    return path
