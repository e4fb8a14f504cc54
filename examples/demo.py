"""The main job in one screen: a photograph becomes metres, and the metres are checked.

The picture is rendered (scripts/render_example_room.py), so its true depth is known exactly.
Run it with `make demo`, or `python examples/demo.py` where leadline is installed.
"""

import json
from pathlib import Path

import numpy as np

import leadline
from leadline.io import read_depth, read_photo, write_depth, write_ply, write_png
from leadline.viz import colorize

HERE = Path(__file__).parent
OUT = Path("out/demo")


def main() -> None:
    """Predict the example room, write the results, compare named pixels with the truth."""
    room = json.loads((HERE / "room.json").read_text())
    camera = leadline.Intrinsics(**room["intrinsics"])
    photo = read_photo(HERE / room["image"])
    predictor = leadline.load(precision="f32")
    depth = predictor(photo, camera)
    truth = read_depth(HERE / room["depth"])

    write_png(OUT / "room_color.png", colorize(depth, bar=True))
    write_depth(OUT / "room_depth.png", depth)
    points = write_ply(OUT / "room.ply", depth, photo.pixels)
    print(f"model            {predictor.name} on {predictor.runtime.name}")
    print(f"colour picture   {OUT / 'room_color.png'}")
    print(f"metric depth     {OUT / 'room_depth.png'}   (16 bit, millimetres)")
    print(f"point cloud      {OUT / 'room.ply'}   ({points:,} points, metres)\n")

    print(f"{'where':<36} {'predicted':>9} {'true':>8} {'error':>8}")
    for point in room["points"]:
        predicted, true = depth.at(point["x"], point["y"]), truth.at(point["x"], point["y"])
        error = (predicted - true) / true
        print(f"{point['name']:<36} {predicted:7.2f} m {true:6.2f} m {error:+8.0%}")
    relative = np.abs(depth.depth - truth.depth)[truth.valid] / truth.depth[truth.valid]
    print(f"{'whole picture: mean relative error':<36} {relative.mean():>27.0%}")


if __name__ == "__main__":
    main()
