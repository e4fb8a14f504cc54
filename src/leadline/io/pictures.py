"""Which picture files are opened, by what they hold, and up to which size."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from leadline.io.limits import most_pixels

AVIF, HEIF = "AVIF", "HEIF"

PICTURE_KINDS = (
    "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", AVIF, "JPEG2000", "TGA",
)  # fmt: skip
"""Pillow's names of what is read, beside HEIC. It opens 40 kinds more by itself, whatever a file is
called, and runs Ghostscript for one of them. TGA is last: it has no mark to be known by."""

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_COMMON_BRANDS = frozenset({b"mif1"})
_HEAD = 512
"""Bytes within which a file says what it is."""


def open_picture(source: bytes | Path, kind: str | None = None) -> Image.Image:
    """Open a picture file, by default of any kind that is read; nothing is decoded yet.

    Errors: those of Pillow, which `explain_decode_errors` turns into LeadlineError; a file larger
    than `most_pixels` is one.
    """
    Image.MAX_IMAGE_PIXELS = most_pixels() // 2  # Pillow refuses twice as many
    if isinstance(source, bytes):
        head = source[:_HEAD]
    else:
        with source.open("rb") as file:
            head = file.read(_HEAD)
    kinds = (kind,) if kind is not None else _kinds_of(head)
    return Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=kinds)


def _kinds_of(head: bytes) -> tuple[str, ...]:
    if is_heic(head) and HEIF in Image.OPEN:  # pi_heif adds it
        return (HEIF,)
    return PICTURE_KINDS


def is_heic(data: bytes) -> bool:
    """Return whether a file is HEIC by its brands (ISO/IEC 23008-12), and not AVIF."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), len(data), _HEAD)
    brands = {data[place : place + 4] for place in range(16, end, 4)}
    main = data[8:12]
    return main in _HEIC_BRANDS or (main in _COMMON_BRANDS and not brands & _AVIF_BRANDS)
