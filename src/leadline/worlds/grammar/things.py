"""Small objects, one function each, standing on z = 0 at the builder's origin."""

from __future__ import annotations

import numpy as np

from leadline.worlds.materials import Material
from leadline.worlds.primitives import (
    ball,
    block,
    box,
    cylinder,
    join,
    lathe,
    leaves,
    repeated,
    rounded_box,
    sheet,
    tube,
)
from leadline.worlds.scene import Builder


def mug(b: Builder, glaze: Material, coffee: Material) -> None:
    """Mug, handle towards +x."""
    b.add(lathe([(0, 0), (0.034, 0), (0.040, 0.01), (0.041, 0.095), (0.037, 0.095),
                 (0.036, 0.075)], 18), glaze)  # fmt: skip
    b.add(cylinder(0.0362, 0.002, 18).moved(0, 0, 0.074), coffee)
    a = np.radians(np.linspace(-80, 80, 9))
    loop = np.stack([0.040 + 0.026 * np.cos(a), 0 * a, 0.05 + 0.028 * np.sin(a)], 1)
    b.add(tube(loop, 0.0055, 6), glaze)


def fruit_bowl(b: Builder, wood: Material, skins: list[Material]) -> None:
    """Bowl with round fruit."""
    b.add(lathe([(0, 0), (0.06, 0), (0.11, 0.03), (0.145, 0.075), (0.138, 0.078), (0.10, 0.04),
                 (0.05, 0.015), (0, 0.012)]), wood)  # fmt: skip
    for k, (x, y, z, r) in enumerate(
        (
            (-0.045, -0.02, 0.06, 0.040),
            (0.045, -0.03, 0.058, 0.038),
            (0.0, 0.055, 0.06, 0.040),
            (0.005, 0.0, 0.112, 0.038),
        )
    ):
        b.add(ball(r, 0.93).moved(x, y, z), skins[k % len(skins)])


def sheet_of_paper(b: Builder, picture: Material, thick: float = 0.0015) -> None:
    """Sheet, leaflet or magazine of A4 size."""
    b.add(box((0.21, 0.297, thick)).moved(0, 0, thick / 2), picture)


def pile_of_books(b: Builder, jackets: list[Material], pages: Material) -> None:
    """Books lying on top of each other, not quite aligned."""
    z = 0.0
    for jacket in jackets:
        w, d, h = b.rng.uniform(0.15, 0.21), b.rng.uniform(0.21, 0.28), b.rng.uniform(0.018, 0.04)
        heading = b.rng.normal(0, 9)
        inner = box((w - 0.008, d - 0.008, h - 0.006)).turned(heading)
        b.add(inner.moved(0, 0, z + h / 2), pages)
        covers = join(
            box((w, d, 0.003)).moved(0, 0, 0.0015),
            box((w, d, 0.003)).moved(0, 0, h - 0.0015),
            box((0.003, d, h - 0.006)).moved(-w / 2 + 0.0015, 0, h / 2),
        )
        b.add(covers.turned(heading).moved(0, 0, z), jacket)
        z += h


def laptop(b: Builder, shell: Material, keys: Material, picture: Material) -> None:
    """Open laptop seen from its user's side; the user sits at -y."""
    b.add(rounded_box((0.33, 0.23, 0.016), 0.004).moved(0, 0, 0.008), shell)
    places = [(-0.138 + 0.0225 * key + 0.003 * (row % 2), 0.085 - 0.021 * row, 0.0168)
              for row in range(5) for key in range(13)]  # fmt: skip
    b.add(repeated(box((0.018, 0.017, 0.002)), places), keys)
    lid = rounded_box((0.33, 0.008, 0.222), 0.003).moved(0, 0, 0.111)
    screen = box((0.306, 0.002, 0.19)).moved(0, -0.0045, 0.114)
    b.add(lid.turned(-20, "x").moved(0, 0.108, 0.014), shell)
    b.part_of("television").add(screen.turned(-20, "x").moved(0, 0.108, 0.014), picture)


def bottle(b: Builder, glass: Material, label: Material) -> None:
    """Glass bottle, opaque here."""
    b.add(lathe([(0, 0), (0.036, 0), (0.037, 0.01), (0.037, 0.17), (0.030, 0.21), (0.014, 0.25),
                 (0.013, 0.30), (0.016, 0.30), (0.016, 0.315), (0, 0.315)], 16), glass)  # fmt: skip
    b.add(lathe([(0.0376, 0.06), (0.0376, 0.14)], 16), label)


def remote_control(b: Builder, black: Material, keys: Material) -> None:
    """Television remote."""
    b.add(rounded_box((0.048, 0.17, 0.018), 0.006).moved(0, 0, 0.009), black)
    places = [(-0.013 + 0.013 * (k % 3), -0.05 + 0.022 * (k // 3), 0.0185) for k in range(12)]
    b.add(repeated(box((0.008, 0.010, 0.003)), places), keys)


def slipper(b: Builder, cloth: Material, sole: Material) -> None:
    """One felt slipper, toe towards +y."""
    b.add(rounded_box((0.095, 0.27, 0.02), 0.009).moved(0, 0, 0.01), sole)
    s, t = np.linspace(0, 1, 8)[:, None], np.radians(np.linspace(-90, 90, 9))[None]
    width = 0.046 * np.sqrt(np.clip(1 - (0.75 * s) ** 4, 0, 1))
    height = 0.060 - 0.030 * s
    points = np.stack(
        np.broadcast_arrays(width * np.sin(t), -0.01 + 0.135 * s, 0.015 + height * np.cos(t)), -1
    )
    b.add(sheet(points, points[..., :2]), cloth)


def cardboard_box(
    b: Builder, board: Material, tape: Material, filling: Material | None,
    size: tuple[float, float, float] = (0.40, 0.30, 0.28),
) -> None:  # fmt: skip
    """Moving box: open with folded-out flaps if `filling` is given, otherwise closed."""
    w, d, h = size
    t = 0.005
    if filling is None:
        b.add(box(size).moved(0, 0, h / 2), board)
        b.add(box((0.05, d + 0.002, 0.002)).moved(0, 0, h), tape)
        return
    b.add(box((w, d, t)).moved(0, 0, t / 2), board)
    for sy in (-1, 1):
        b.add(box((w, t, h)).moved(0, sy * (d - t) / 2, h / 2), board)
        flap = box((w - 0.01, d / 2, t)).moved(0, sy * d / 4).turned(sy * -38, "x")
        b.add(flap.moved(0, sy * d / 2, h), board)
    for sx in (-1, 1):
        b.add(box((t, d - 2 * t, h)).moved(sx * (w - t) / 2, 0, h / 2), board)
        flap = box((d / 2, d - 0.01, t)).moved(sx * d / 4).turned(sx * 30, "y")
        b.add(flap.moved(sx * w / 2, 0, h), board)
    b.add(box((0.05, 0.002, h)).moved(0, -d / 2 - 0.001, h / 2), tape)
    heap = rounded_box((w - 0.03, d - 0.03, 0.55 * h), 0.06, 0.03)
    b.part_of("clothes").add(heap.moved(0, 0, 0.53 * h), filling)


def throw(
    b: Builder, cloth: Material, *, width: float, thick: float, front: float, back: float
) -> None:
    """Cloth over a rail along x, `thick` deep, its top at z = 0, hanging down on both sides."""
    bend = np.radians(np.linspace(0, 180, 9))
    half = thick / 2 + 0.008
    down = np.linspace(1, 0, 12)[:-1]
    y = np.concatenate([np.full(11, -half), -half * np.cos(bend), np.full(11, half)])
    z = np.concatenate([-front * down, 0.45 * half * np.sin(bend) + 0.006, -back * down[::-1]])
    x = np.linspace(-width / 2, width / 2, 24)[:, None]
    hang = np.clip(-z, 0, None)[None]
    ripple = 0.05 * hang * (1 + np.sin(31 * x + 2) * np.cos(6 * hang)) * np.sign(y)[None]
    skew = x * (1 - 0.10 * hang) + 0.04 * hang
    points = np.stack(np.broadcast_arrays(skew, y[None] + ripple, z[None] + 0.02 * x * hang), -1)
    run = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(y), np.diff(z)))])
    uv = np.stack(np.broadcast_arrays(x, run[None]), -1)
    b.add(sheet(points[::-1], uv[::-1]), cloth)


def coat(b: Builder, long: float) -> None:
    """Coat or jacket hanging from z = 0, seen from -y."""
    wide, fold = b.look.rng.uniform(0.16, 0.24), b.look.rng.integers(4, 9)
    share, a = np.linspace(0, 1, 9)[:, None], np.linspace(0, 2 * np.pi, 33)[None]
    reach = wide * np.interp(share, [0, 0.06, 0.16, 0.5, 1], [0.15, 0.45, 0.95, 0.9, 1.1])
    reach = reach * (1 + 0.10 * share * np.sin(fold * a + 3 * share))
    points = np.stack(
        np.broadcast_arrays(reach * np.cos(a), 0.42 * reach * np.sin(a), -long * share), axis=-1
    )
    uv = np.stack(np.broadcast_arrays(a * wide, long * share), axis=-1)
    b.item("coat", "clothes").add(sheet(points[::-1], uv[::-1]), b.look.cloth())


def pencil_cup(b: Builder, steel: Material, pencils: list[Material]) -> None:
    """Cup with pencils."""
    b.add(lathe([(0, 0), (0.038, 0), (0.038, 0.10), (0.036, 0.10), (0.036, 0.004), (0, 0.004)], 16),
          steel)  # fmt: skip
    for k, look in enumerate(pencils):
        a = 1.3 + 1.7 * k
        foot = (0.012 * np.cos(a), 0.012 * np.sin(a), 0.006)
        tip = (0.034 * np.cos(a), 0.034 * np.sin(a), 0.17 - 0.008 * k)
        b.add(tube([foot, tip], 0.0038, 5), look)


def screen_look(b: Builder, width: float, height: float) -> Material:
    """Screen that shows a picture or is off."""
    if b.look.rng.random() < 0.4:
        return Material(b.look.tile("plain"), (0.015, 0.015, 0.017), gloss=0.05, rough=0.03)
    glow = float(b.look.rng.uniform(0.4, 1.6))
    return Material(b.look.tile("screen"), (0.9, 0.92, 0.95), (width, height), 0.03, 0.03, glow,
                    fitted=True)  # fmt: skip


def monitor(b: Builder) -> None:
    """Computer screen with keyboard and mouse."""
    w = b.rng.uniform(0.42, 0.68)
    h, black = w * b.rng.uniform(0.56, 0.7), b.look.black()
    screen = b.item("monitor", "television")
    screen.add(rounded_box((w, 0.035, h), 0.008).moved(0, 0, 0.12 + h / 2), black)
    screen.add(box((w - 0.03, 0.003, h - 0.03)).moved(0, -0.0185, 0.12 + h / 2),
               screen_look(b, w - 0.03, h - 0.03))  # fmt: skip
    screen.add(box((0.05, 0.03, 0.2)).moved(0, 0.03, 0.1), black)
    screen.add(box((0.22, 0.18, 0.012)).moved(0, 0.02, 0.006), black)
    keys = b.item("keyboard", "object")
    keys.add(rounded_box((0.43, 0.14, 0.02), 0.006).moved(0, -0.32, 0.01), black)
    places = [(-0.19 + 0.0271 * i, -0.27 - 0.024 * j, 0.021) for i in range(15) for j in range(5)]
    keys.add(repeated(box((0.022, 0.019, 0.006)), places), b.look.paint(0.1))
    b.item("mouse", "object").add(
        ball(0.035, 0.5, 14).scaled(0.85, 1.4, 1).moved(0.3, -0.32, 0.014), black
    )


def television(b: Builder, width: float) -> None:
    """Flat television on a foot, or an old deep one."""
    h = width * 0.58
    tv = b.item("television", "television")
    black = b.look.black()
    if b.rng.random() < 0.8:
        tv.add(rounded_box((width, 0.04, h), 0.01).moved(0, 0, 0.06 + h / 2), black)
        tv.add(box((width - 0.03, 0.003, h - 0.03)).moved(0, -0.021, 0.06 + h / 2),
               screen_look(b, width - 0.03, h - 0.03))  # fmt: skip
        tv.add(box((0.35 * width, 0.2, 0.015)).moved(0, 0, 0.008), black)
        tv.add(box((0.08, 0.03, 0.08)).moved(0, 0.02, 0.05), black)
    else:
        w = min(width, 0.75)
        tv.add(rounded_box((w, 0.32, 0.8 * w), 0.03).moved(0, 0, 0.4 * w), black)
        tv.add(
            rounded_box((0.85 * w, 0.04, 0.62 * w), 0.018).moved(0, -0.155, 0.43 * w),
            Material(b.look.tile("plain"), (0.03, 0.032, 0.034), gloss=0.06, rough=0.03),
        )


def pot(b: Builder) -> None:
    """Cooking pot with two handles and a lid."""
    r, h, steel = b.rng.uniform(0.08, 0.13), b.rng.uniform(0.08, 0.2), b.look.metal()
    b.add(lathe([(0, 0), (r, 0), (r, h), (1.03 * r, h), (0.3 * r, h + 0.03), (0.1 * r, h + 0.05),
                 (0, h + 0.05)], 20), steel)  # fmt: skip
    for side in (-1, 1):
        b.add(box((0.05, 0.06, 0.012)).moved(side * (r + 0.015), 0, 0.75 * h), b.look.black())


def a_vase(b: Builder) -> None:
    """Vase, sometimes with flowers."""
    h, k = b.rng.uniform(0.1, 0.36), b.rng.uniform(0.6, 1.3, 4)
    r = 0.22 * h + 0.012
    profile = [(0, 0), (0.6 * r * k[0], 0), (r * k[1], 0.3 * h), (0.9 * r * k[2], 0.65 * h),
               (0.45 * r * k[3], 0.9 * h), (0.55 * r * k[3], h), (0.4 * r * k[3], h),
               (0.3 * r * k[3], 0.9 * h)]  # fmt: skip
    b.add(lathe(profile, 20), b.look.ceramic())
    if b.look.rng.random() < 0.4:
        flowers = b.item("flowers", "plant")
        tips = b.rng.normal(size=(12, 3)) * (0.4 * h, 0.4 * h, 0.2 * h) + (0, 0, 1.6 * h)
        flowers.add(leaves(b.rng, tips, 0.03, 40), b.look.linen())
        flowers.add(leaves(b.rng, tips * (0.7, 0.7, 0.8), 0.035, 30), b.look.green())
        for tip in tips[:5]:
            flowers.add(tube([(0, 0, 0.8 * h), tip], 0.003, 5), b.look.green())


def a_jar(b: Builder) -> None:
    """Jar or tin with a label."""
    r, h = b.rng.uniform(0.025, 0.07), b.rng.uniform(0.06, 0.22)
    side = lathe([(r, 0.1 * h), (r, 0.8 * h)], 16)
    looks = b.look.paint(), b.look.printed("label", 6.28 * r, 0.8 * h)
    b.add(lathe([(0, 0), (r, 0), (r, 0.1 * h)], 16), looks[0])
    b.add(side.moved(0, 0, 0), looks[1])
    b.add(lathe([(r, 0.8 * h), (0.9 * r, 0.84 * h), (0.9 * r, h), (0, h)], 16), looks[0])


def a_package(b: Builder) -> None:
    """Printed box."""
    w, d, h = b.rng.uniform(0.05, 0.26), b.rng.uniform(0.04, 0.2), b.rng.uniform(0.03, 0.3)
    b.add(box((w, d, h)).moved(0, 0, h / 2), b.look.printed("label", w, max(h, 0.08)))


def random_fruit_bowl(b: Builder) -> None:
    """Fruit bowl in random colours."""
    skins = [
        Material(
            b.look.tile("plaster"), b.look.any_colour(0.85, (0.4, 0.8)), (0.2, 0.2), 0.035, 0.18
        )
        for _ in range(2)
    ]
    fruit_bowl(b, b.look.wood() if b.rng.random() < 0.5 else b.look.ceramic(), skins)


def random_mug(b: Builder) -> None:
    """Mug in a random glaze."""
    coffee = Material(b.look.tile("plain"), (0.03, 0.015, 0.008), gloss=0.04)
    mug(b, b.look.ceramic(), coffee)


def a_paper(b: Builder) -> None:
    """One to three sheets."""
    for k in range(int(b.look.rng.integers(1, 4))):
        thick = float(b.look.rng.choice([0.0015, 0.005]))
        kind = ("paper", "paper", "cover")[int(b.look.rng.integers(3))]
        x, y = b.look.rng.normal(0, 0.03, 2)
        spot = b.placed(x, y, 0.0055 * k, turn=b.look.rng.normal(0, 20))
        sheet_of_paper(spot, b.look.printed(kind, 0.21, 0.297), thick)


def a_books(b: Builder) -> None:
    """Pile of books."""
    count = int(b.look.rng.integers(1, 6))
    jackets = [b.look.printed("cover", 0.18, 0.25) if k == count - 1 else b.look.paint(0.7)
               for k in range(count)]  # fmt: skip
    pages = Material(b.look.tile("weave"), (0.6, 0.53, 0.42), (0.2, 0.2))
    pile_of_books(b.part_of("books"), jackets, pages)


def random_laptop(b: Builder) -> None:
    """Laptop."""
    laptop(b, b.look.metal(), b.look.black(), screen_look(b, 0.306, 0.19))


def random_bottle(b: Builder) -> None:
    """Bottle."""
    plastic = b.look.paint() if b.rng.random() < 0.5 else b.look.glass()
    bottle(b, plastic, b.look.printed("label", 0.23, 0.08))


def a_remote(b: Builder) -> None:
    """Remote control."""
    remote_control(b, b.look.black(), b.look.paint(0.2))


def a_pencils(b: Builder) -> None:
    """Cup of pencils."""
    pencil_cup(b, b.look.paint(), [b.look.paint(0.9) for _ in range(int(b.rng.integers(2, 7)))])


def a_plates(b: Builder) -> None:
    """Stack of plates."""
    r, look = b.rng.uniform(0.09, 0.14), b.look.ceramic()
    for k in range(int(b.look.rng.integers(1, 6))):
        b.add(
            lathe(
                [(0, 0), (0.55 * r, 0), (r, 0.018), (r, 0.022), (0.55 * r, 0.005), (0, 0.005)], 22
            ).moved(0, 0, 0.012 * k),
            look,
        )


def a_bowl(b: Builder) -> None:
    """Bowl."""
    r = b.rng.uniform(0.06, 0.16)
    b.add(lathe([(0, 0), (0.5 * r, 0), (0.9 * r, 0.35 * r), (r, 0.6 * r), (0.95 * r, 0.6 * r),
                 (0.6 * r, 0.1 * r), (0, 0.08 * r)], 20), b.look.ceramic())  # fmt: skip


def a_glass(b: Builder) -> None:
    """Drinking glass, opaque here."""
    h = b.rng.uniform(0.08, 0.16)
    look = Material(b.look.tile("plain"), (0.5, 0.52, 0.52), gloss=0.08, rough=0.03)
    b.add(lathe([(0, 0), (0.027, 0), (0.035, h), (0.032, h), (0.025, 0.01), (0, 0.01)], 14), look)


def a_kettle(b: Builder) -> None:
    """Kettle."""
    look = b.look.metal() if b.rng.random() < 0.5 else b.look.paint()
    b.add(lathe([(0, 0), (0.085, 0), (0.08, 0.1), (0.06, 0.2), (0.02, 0.22), (0, 0.24)], 20), look)
    b.add(tube([(0.07, 0, 0.04), (0.13, 0, 0.08), (0.12, 0, 0.18), (0.055, 0, 0.2)], 0.011, 7),
          b.look.black())  # fmt: skip
    b.add(tube([(-0.07, 0, 0.12), (-0.12, 0, 0.18)], [0.018, 0.01], 7), look)


def a_toaster(b: Builder) -> None:
    """Toaster."""
    b.add(rounded_box((0.29, 0.17, 0.18), 0.04).moved(0, 0, 0.09), b.look.metal())
    for y in (-0.03, 0.03):
        b.add(box((0.2, 0.025, 0.004)).moved(0, y, 0.1805), b.look.black())


def a_microwave(b: Builder) -> None:
    """Microwave oven."""
    body = b.look.white() if b.rng.random() < 0.5 else b.look.black()
    b.add(rounded_box((0.48, 0.34, 0.28), 0.008).moved(0, 0, 0.14), body)
    b.add(box((0.33, 0.01, 0.2)).moved(-0.05, -0.172, 0.14), b.look.glass())
    b.add(box((0.015, 0.03, 0.2)).moved(0.125, -0.18, 0.14), b.look.metal())


def a_coffee_machine(b: Builder) -> None:
    """Coffee machine."""
    black = b.look.black() if b.rng.random() < 0.6 else b.look.paint()
    b.add(block((-0.1, -0.13, 0), (0.1, 0.13, 0.03)), black)
    b.add(block((-0.1, 0.03, 0.03), (0.1, 0.13, 0.34)), black)
    b.add(block((-0.1, -0.12, 0.25), (0.1, 0.03, 0.34)), black)
    b.add(cylinder(0.06, 0.14, 16, top=0.05).moved(0, -0.05, 0.035), b.look.glass())


def a_printer(b: Builder) -> None:
    """Printer."""
    b.add(rounded_box((0.44, 0.36, 0.2), 0.02).moved(0, 0, 0.1), b.look.paint(0.1))
    b.add(box((0.3, 0.16, 0.01)).moved(0, -0.2, 0.07), b.look.black())
    b.add(box((0.21, 0.2, 0.004)).moved(0, -0.22, 0.078), b.look.white())


def a_phone(b: Builder) -> None:
    """Telephone."""
    b.add(rounded_box((0.16, 0.2, 0.05), 0.015).turned(12, "x").moved(0, 0, 0.045), b.look.black())
    b.add(rounded_box((0.045, 0.2, 0.04), 0.015).moved(-0.05, 0, 0.085), b.look.black())


def a_speaker(b: Builder) -> None:
    """Loudspeaker."""
    w, h = b.rng.uniform(0.1, 0.22), b.rng.uniform(0.18, 0.38)
    b.add(rounded_box((w, 0.9 * w, h), 0.008).moved(0, 0, h / 2), b.look.wood())
    b.add(box((0.92 * w, 0.01, 0.95 * h)).moved(0, -0.45 * w - 0.004, h / 2), b.look.black())


def a_photo_frame(b: Builder) -> None:
    """Photograph in a standing frame."""
    w, h = b.rng.uniform(0.1, 0.22), b.rng.uniform(0.12, 0.26)
    frame = box((w + 0.03, 0.015, h + 0.03)).turned(-12, "x")
    b.add(frame.moved(0, 0, h / 2 + 0.015), b.look.wood())
    photo = box((w, 0.004, h)).turned(-12, "x")
    b.part_of("picture").add(
        photo.moved(0, -0.0085, h / 2 + 0.015), b.look.printed("photograph", w, h)
    )


def a_candle(b: Builder) -> None:
    """Candle on a holder."""
    h, r = b.rng.uniform(0.06, 0.25), b.rng.uniform(0.01, 0.04)
    b.add(cylinder(r, h, 12), b.look.ceramic())
    b.add(cylinder(2.2 * r, 0.012, 14), b.look.metal())


def a_ball(b: Builder) -> None:
    """Ball."""
    r = b.rng.uniform(0.03, 0.12)
    look = Material(
        b.look.tile("stripes", "dots", "plain"),
        b.look.any_colour(0.9),
        (0.4, 0.4),
        0.03,
        0.2,
        second=b.look.any_colour(0.9),
    )
    b.add(ball(r).turned(35, "x").moved(0, 0, r), look)


def a_teddy(b: Builder) -> None:
    """Teddy bear."""
    fur = Material(
        b.look.tile("pile"), b.look.pick(("#8a6a45", "#b59a7a", "#d9d2c3", "#5a4a40")), (0.2, 0.2)
    )
    k = b.rng.uniform(0.7, 1.5)
    for x, y, z, r in ((0, 0, 0.09, 0.085), (0, -0.01, 0.215, 0.062), (-0.05, -0.01, 0.265, 0.024),
                       (0.05, -0.01, 0.265, 0.024), (-0.08, -0.03, 0.12, 0.035),
                       (0.08, -0.03, 0.12, 0.035), (-0.06, -0.08, 0.035, 0.04),
                       (0.06, -0.08, 0.035, 0.04)):  # fmt: skip
        b.add(ball(r * k, sides=14).moved(x * k, y * k, z * k), fur)


def a_small_plant(b: Builder) -> None:
    """Pot plant."""
    from leadline.worlds.grammar.furniture.plants import bush

    k = b.rng.uniform(0.3, 0.65)
    b.part_of("object").add(
        lathe(
            [
                (0, 0),
                (0.11 * k, 0),
                (0.16 * k, 0.26 * k),
                (0.14 * k, 0.26 * k),
                (0.12 * k, 0.2 * k),
                (0, 0.2 * k),
            ],
            16,
        ),
        b.look.ceramic(),
    )
    bush(b.placed(0, 0, 0.2 * k), b.rng.uniform(0.12, 0.4), b.rng.uniform(0.025, 0.06))


def a_basket(b: Builder) -> None:
    """Wicker basket."""
    w, h = b.rng.uniform(0.18, 0.4), b.rng.uniform(0.1, 0.24)
    look = Material(
        b.look.tile("basket"), b.look.pick(("#a88556", "#c9b48a", "#6d5a45")), (0.25, 0.25)
    )
    b.add(rounded_box((w, 0.7 * w, h), 0.02, 0.006).moved(0, 0, h / 2), look)


def a_soap(b: Builder) -> None:
    """Soap dispenser or shampoo."""
    r, h, look = b.rng.uniform(0.018, 0.035), b.rng.uniform(0.09, 0.2), b.look.paint(0.9)
    b.add(
        lathe([(0, 0), (r, 0), (r, 0.8 * h), (0.4 * r, 0.85 * h), (0.4 * r, h), (0, h)], 12), look
    )
    b.add(box((0.04, 0.012, 0.01)).moved(-0.012, 0, h + 0.005), b.look.white())


def a_folded(b: Builder) -> None:
    """Folded towels or clothes."""
    w, h = b.rng.uniform(0.2, 0.34), 0.0
    for _ in range(int(b.look.rng.integers(1, 5))):
        b.add(rounded_box((w, 0.75 * w, 0.035), 0.014).moved(0, 0, h + 0.018), b.look.linen())
        h += 0.034


def a_knife_block(b: Builder) -> None:
    """Knife block."""
    b.add(box((0.09, 0.13, 0.2)).turned(-18, "x").moved(0, 0, 0.11), b.look.wood())
    for k in range(4):
        b.add(
            box((0.014, 0.02, 0.09)).turned(-18, "x").moved(-0.03 + 0.02 * k, 0.02, 0.24),
            b.look.black(),
        )


def a_shoes(b: Builder) -> None:
    """Pair of shoes."""
    cloth, sole = b.look.cloth(), b.look.black()
    slipper(b.placed(-0.08, 0, turn=b.look.rng.normal(0, 12)), cloth, sole)
    slipper(b.placed(0.08, b.look.rng.normal(0, 0.06), turn=b.look.rng.normal(0, 12)), cloth, sole)


def a_bag(b: Builder) -> None:
    """Bag or rucksack."""
    w, h = b.rng.uniform(0.25, 0.42), b.rng.uniform(0.28, 0.5)
    cloth = b.look.cloth()
    b.add(rounded_box((w, 0.5 * w, h), 0.07, 0.03).moved(0, 0, h / 2 + 0.03), cloth)
    b.add(tube([(-0.25 * w, 0, 0.95 * h), (-0.1 * w, 0, 1.2 * h), (0.1 * w, 0, 1.2 * h),
                (0.25 * w, 0, 0.95 * h)], 0.011, 7), cloth)  # fmt: skip


def a_heap(b: Builder) -> None:
    """Heap of clothes."""
    for _ in range(int(b.look.rng.integers(1, 4))):
        w, h = b.look.rng.uniform(0.2, 0.5), b.look.rng.uniform(0.04, 0.12)
        soft = rounded_box((w, b.look.rng.uniform(0.15, 0.4), h), 0.035, 0.02)
        x, y = b.look.rng.normal(0, 0.07, 2)
        b.add(soft.turned(b.look.rng.uniform(0, 180)).moved(x, y, h / 2 + 0.02), b.look.linen())


def a_carton(b: Builder) -> None:
    """Cardboard box."""
    board = Material(
        b.look.tile("cardboard"),
        b.look.pick(("#9c7a52", "#ad8a60", "#8a6a48", "#c9c4b8")),
        (0.5, 0.5),
        second=(0.05, 0.05, 0.06),
    )
    size = (b.rng.uniform(0.2, 0.55), b.rng.uniform(0.18, 0.4), b.rng.uniform(0.12, 0.42))
    filling = b.look.linen() if b.look.rng.random() < 0.35 else None
    tape = Material(b.look.tile("plain"), (0.47, 0.36, 0.15), gloss=0.03)
    cardboard_box(b, board, tape, filling, size)


def a_toy_bricks(b: Builder) -> None:
    """Building bricks."""
    for _ in range(int(b.look.rng.integers(4, 14))):
        s = b.look.rng.uniform(0.02, 0.06, 3)
        x, y = b.look.rng.normal(0, 0.12, 2)
        brick = box(s).turned(b.look.rng.uniform(0, 90)).moved(x, y, s[2] / 2)
        b.add(
            brick, Material(b.look.tile("plain"), b.look.any_colour(0.95, (0.4, 0.9)), gloss=0.03)
        )
