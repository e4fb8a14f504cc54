"""Draw the pictures of docs/gallery.md: what the shipped model says of the example room."""

from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from leadline.inference import OutputOptions, predict

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
ROOM = ROOT / "examples" / "room.jpg"
QUALITY = 85
WIDTH = 480


def save(pixels: Image.Image, name: str) -> None:
    """Write one picture, no wider than the page needs."""
    small = pixels.convert("RGB")
    small.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    path = IMAGES / name
    small.save(path, quality=QUALITY, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Write the pictures of the gallery."""
    with TemporaryDirectory() as folder:
        wanted = OutputOptions(color=True, normals=True, uncertainty=True)
        predict(ROOM, folder, output=wanted, fov=63.3)
        for name in ("color", "normals", "uncertainty_color"):
            save(Image.open(Path(folder) / f"room_{name}.png"), f"gallery_{name}.jpg")
    save(Image.open(ROOM), "gallery_photo.jpg")


if __name__ == "__main__":
    main()
