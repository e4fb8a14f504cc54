"""Photographs in, 8-bit RGB arrays out; and PNG files out again."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from leadline.depth.encodings import highest_byte
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError, LeadlineWarning, one_line
from leadline.io.atomic import atomic_path
from leadline.io.exif import Lens
from leadline.io.files import DECODE_ERRORS, read_bytes
from leadline.io.jpeg import decode_plain_jpeg
from leadline.io.limits import OPTION, most_pixels
from leadline.io.pictures import is_heic, open_picture
from leadline.io.png_writer import deep_grey_png

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".apng", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
    | {".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpx", ".tga", ".ppm", ".pgm", ".pbm", ".pnm"}
)
"""Suffixes, lower case and with their dot, that `read_photo` is expected to open."""

UNREAD_SUFFIXES = frozenset(
    {".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2", ".psd", ".svg", ".jxl"}
    | {".pef", ".srw", ".nrw", ".raw", ".erf", ".3fr", ".iiq", ".rwl", ".sr2", ".x3f", ".mrw"}
)
"""Suffixes of pictures that `read_photo` does not open: sensor data, drawings and the like."""

GreyLevels = tuple[int, int]
"""Which values of 16-bit grey are black and white."""

FULL_SCALE = 65535
SMALL_PART = 1 / 8
"""Of its range: 16-bit grey that fills less would have fewer than 32 grey levels left."""

_PANORAMA = re.compile(rb"GPano:ProjectionType\W{1,3}(equirectangular|cylindrical|cubemap)")
_XMP_WITHIN = 1 << 17  # bytes: the block stands before the pixels
_EXIF_IFD = 0x8769
_EXIF_MARKS = (b"eXIf", b"Exif\0\0", b"EXIF")
"""How the block begins in PNG, JPEG and WebP."""

_TAG_ORIENTATION = 0x0112
_TAG_PHOTOMETRIC = 0x0106


@dataclass(frozen=True, eq=False)
class Photo:
    """One photograph, upright, with the lens data of its EXIF block.

    `pixels` is (H,W,3) uint8 RGB.
    """

    pixels: NDArray[np.uint8]
    path: Path | None = None
    lens: Lens = field(default_factory=Lens)

    @cached_property
    def intrinsics(self) -> Intrinsics | None:
        """The camera by the EXIF block, None where that does not say it.

        A LeadlineWarning says why values that are there are not used; see `Lens.intrinsics`.
        """
        try:
            return self.lens.intrinsics(self.width, self.height)
        except LeadlineError as error:
            warnings.warn(f"{self.path or 'picture'}: {error}", LeadlineWarning, stacklevel=3)
            return None

    @property
    def height(self) -> int:
        """Rows of `pixels`."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of `pixels`."""
        return int(self.pixels.shape[1])


def read_photo(path: Path | str, grey_levels: GreyLevels | None = None) -> Photo:
    """Read any common picture file as upright 8-bit RGB.

    - The EXIF orientation is applied.
    - Grey becomes three equal channels.
    - 16-bit grey is mapped to 8 bits between the black and the white of `grey_levels`, by default 0
      to 65535. If the values fill only a small part of that, as those of thermal and 12-bit cameras
      do, they are mapped between their own darkest and brightest value, with a LeadlineWarning.
    - 16-bit colour keeps its high byte.
    - Transparency is ignored: the stored colours are kept, nothing is blended.
    - CMYK is converted without an ICC profile. Like Pillow, it takes every CMYK JPEG as Adobe's
      inverted kind.
    - The first picture of an animation or a multi-page file is read.

    Raises LeadlineError if the file is missing, unreadable, empty, not a picture, damaged,
    truncated, larger than `most_pixels` (179 million), or of a type not in IMAGE_SUFFIXES, or if it
    holds floating-point or 32-bit values, whose white level is unknown.
    """
    path = Path(path)
    return decode_photo(read_bytes(path, "photo"), path, grey_levels)


def decode_photo(
    data: bytes, path: Path | None = None, grey_levels: GreyLevels | None = None
) -> Photo:
    """Do what `read_photo` does with the bytes of a file, whose `path` is for its messages."""
    _refuse_panorama(data, path)
    plain = decode_plain_jpeg(data)
    if plain is not None:
        return Photo(plain, path)
    named = path or Path("picture")
    _open_heic(data, named)
    with explain_decode_errors(named, "photo"), open_picture(data) as image:
        photo = photo_of_image(image, named, grey_levels)
    return replace(photo, path=path)


def photo_of_image(
    image: Image.Image, path: Path = Path("picture"), grey_levels: GreyLevels | None = None
) -> Photo:
    """Return a Pillow image as upright 8-bit RGB, with its EXIF block; see `read_photo`."""
    values = _deep_grey_of(image)
    exif = _exif_of(image)
    pixels = (
        _to_rgb(image, path) if values is None else _deep_grey_to_rgb(values, path, grey_levels)
    )
    return Photo(
        pixels=np.ascontiguousarray(_upright(pixels, exif.get(_TAG_ORIENTATION))),
        lens=Lens.from_exif(exif),
    )


def _refuse_panorama(data: bytes, path: Path | None) -> None:
    """Raise LeadlineError for a picture that says it is a 360-degree one (a photo sphere)."""
    found = _PANORAMA.search(data, 0, _XMP_WITHIN)
    if found is not None:
        raise LeadlineError(
            f"{path or 'picture'}: is a 360-degree picture (GPano: {found[1].decode()}), which has "
            "no pinhole camera; cut perspective views out of it"
        )


def _open_heic(data: bytes, path: Path) -> None:
    """Teach Pillow HEIC where the bytes are that, or say what is missing."""
    if not is_heic(data):
        return
    try:
        import pi_heif
    except ImportError:
        raise LeadlineError(
            f"{path}: is a HEIC picture; pip install 'leadline[heic]', or convert it to JPEG"
        ) from None
    pi_heif.register_heif_opener()


def is_result_png(path: Path) -> bool:
    """Return whether a file is a PNG that says, at its beginning, that Leadline derived it.

    Depth, labels, coloured depth, sheets and plots carry a `leadline:` text; photographs never do.
    """
    return b"tEXtleadline:" in head_of_png(path)


def says_kind(path: Path, kind: str) -> bool:
    """Return whether a file is a PNG that says, at its beginning, what of Leadline's it holds."""
    return f"tEXtleadline:kind\0{kind}".encode("latin-1") in head_of_png(path)


def read_photo_to_measure(path: Path) -> Photo:
    """Read one photograph whose distances somebody asks for, who may have taken depth for one.

    Errors: LeadlineError as `read_photo`, and for a picture that is certainly one of depth.
    """
    photo = read_photo(path)
    predict = "--model NAME predicts it as a photograph all the same"
    if is_result_png(path):
        raise LeadlineError(
            f"{path}: is a picture that Leadline wrote, neither a photograph nor metres; "
            f"give the depth file or the photograph; {predict}"
        )
    if highest_byte(photo.pixels) is not None:
        raise LeadlineError(
            f"{path}: its colours are depth in numbers of 24 bits, as CARLA writes them, and no "
            f"photograph; docs/my-data.md has how they are read; {predict}"
        )
    return photo


def aspect_ratio(path: Path) -> float:
    """Return height over width by the beginning of a picture file, 0 where it does not say.

    They are those of the pixels as stored, before the photograph is turned upright.
    """
    with suppress(LeadlineError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow; reading the picture says what there is to say
        with explain_decode_errors(path, "photo"), open_picture(path) as image:
            return image.height / image.width
    return 0.0


def check_upright(path: Path, data: bytes, noun: str) -> None:
    """Raise LeadlineError where a picture of depth, labels or a mask says that it is shown turned.

    Photographs are turned upright by what they say. Copied to a map that was made from the upright
    photograph, the same tag says what is not so.
    """
    if not any(mark in data for mark in _EXIF_MARKS):
        return
    with explain_decode_errors(path, noun), open_picture(data) as image:
        orientation = _exif_of(image).get(_TAG_ORIENTATION, 1)
    if orientation in range(2, 9):
        raise LeadlineError(
            f"{path}: says that it is shown turned (EXIF orientation {orientation}), which may be "
            f"the photograph's tag, copied; save the {noun} as the upright photograph lies, "
            "without EXIF"
        )


def head_of_png(path: Path) -> bytes:
    """Return the first bytes of a PNG, in which Leadline's texts stand, b"" of any other file."""
    if path.suffix.lower() != ".png":
        return b""
    try:
        with path.open("rb") as file:
            return file.read(2048)
    except OSError:
        return b""


DERIVED = {"leadline:kind": "picture of depth"}
"""The text of a PNG that shows depth, for `write_png`."""

DRAWN = {"leadline:kind": "drawn to be looked at"}
"""The text of a PNG that is a sheet of pictures or a plot, for `write_png`."""


@contextmanager
def explain_decode_errors(path: Path, noun: str) -> Iterator[None]:
    """Turn whatever Pillow raises on a bad file into a one-line LeadlineError naming `path`."""
    try:
        yield
    except UnidentifiedImageError:
        raise LeadlineError(
            f"{path}: cannot be read as a picture; "
            f"give a {noun} in a common format such as PNG or a plain grey or RGB TIFF"
        ) from None
    except Image.DecompressionBombError:
        raise LeadlineError(
            f"{path}: has more than {most_pixels():,} pixels; reduce or crop the {noun} first, or "
            f"raise the limit with the environment variable {OPTION}"
        ) from None
    except MemoryError:
        raise LeadlineError(
            f"{path}: does not fit into memory; reduce or crop the {noun} first"
        ) from None
    except DECODE_ERRORS as error:
        raise LeadlineError(
            f"{path}: is damaged or cut short ({one_line(error)}); copy or export the {noun} again"
        ) from error


def write_png(
    path: Path | str,
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    text: dict[str, str] | None = None,
) -> None:
    """Write a PNG file atomically, with `text` as its tEXt chunks.

    `pixels` is (H,W,3) uint8 RGB, (H,W) uint8 grey or (H,W) uint16 grey. Keys of `text` are 1 to
    79 Latin-1 characters (PNG specification, 11.3.3.2).
    Raises LeadlineError for any other shape or type, or if the file cannot be written.
    """
    path = Path(path)
    data = png_bytes(pixels, text, path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def png_bytes(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    text: dict[str, str] | None = None,
    path: Path = Path("PNG"),
) -> bytes:
    """Return what `write_png` writes; `path` is for its messages."""
    is_rgb = pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8
    is_grey = pixels.ndim == 2 and pixels.dtype in (np.uint8, np.uint16)
    if not (is_rgb or is_grey) or pixels.size == 0:
        raise LeadlineError(
            f"{path}: a PNG takes (H,W,3) uint8, (H,W) uint8 or (H,W) uint16 pixels, "
            f"not {pixels.shape} {pixels.dtype}; convert the array first"
        )
    if pixels.dtype == np.uint16:
        return deep_grey_png(pixels.astype(np.uint16, copy=False), text or {})
    chunks, buffer = PngInfo(), BytesIO()
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(buffer, format="PNG", pnginfo=chunks)
    return buffer.getvalue()


def read_deep_grey(path: Path) -> NDArray[np.uint16] | None:
    """Return the values (H,W) of a 16-bit grey picture, None of any other.

    Errors: LeadlineError for a file that cannot be read.
    """
    data = read_bytes(path, "photo")
    with explain_decode_errors(path, "photo"), open_picture(data) as image:
        values = _deep_grey_of(image)
        return None if values is None else values.astype(np.uint16)


def levels_of(values: NDArray[np.uint16]) -> GreyLevels | None:
    """Return the darkest and the brightest of 16-bit grey, None where it fills its whole range.

    A thousandth at each end may lie beyond.
    """
    low, high = (int(value) for value in np.percentile(values, (0.1, 99.9)))
    return (low, high) if 0 < high - low < SMALL_PART * FULL_SCALE else None


def _deep_grey_of(image: Image.Image) -> NDArray[Any] | None:
    """Load a picture; return the values (H,W) of 16-bit grey, None of any other."""
    with_alpha = _grey_with_alpha(image)
    image.load()
    if with_alpha:
        import cv2  # Pillow keeps their high bytes

        decoded = cv2.imdecode(np.frombuffer(with_alpha, np.uint8), cv2.IMREAD_UNCHANGED)
        return np.asarray(decoded)[..., 0]
    is_16_bits = image.mode == "I" and image.format in ("PNG", "PPM")
    if not image.mode.startswith("I;16") and not is_16_bits:
        return None
    values = np.asarray(image)
    return FULL_SCALE - values if _has_white_at_0(image) else values


def _has_white_at_0(image: Image.Image) -> bool:
    """Return whether a TIFF says that 0 is white, which Pillow heeds up to 8 bits."""
    return image.format == "TIFF" and getattr(image, "tag_v2", {}).get(_TAG_PHOTOMETRIC) == 0


def _grey_with_alpha(image: Image.Image) -> bytes:
    """Return the file of a PNG of 16-bit grey with alpha that is not loaded yet, else b""."""
    file = getattr(image, "fp", None)
    if image.format != "PNG" or file is None:
        return b""
    place = file.tell()
    file.seek(0)
    head = file.read(26)
    data: bytes = head + file.read() if head[24:] == b"\x10\x04" else b""
    file.seek(place)
    return data


def _deep_grey_to_rgb(
    values: NDArray[Any], path: Path, levels: GreyLevels | None
) -> NDArray[np.uint8]:
    chosen = levels or levels_of(values)
    if chosen is not None and levels is None:
        warnings.warn(
            f"{path}: 16-bit grey from {chosen[0]} to {chosen[1]} became black to white, of this "
            "picture alone; a data set has one scale for all, or declares grey_levels",
            LeadlineWarning,
            stacklevel=3,
        )
    low, high = chosen or (0, FULL_SCALE)
    span = high - low
    above = np.clip(values.astype(np.int64) - low, 0, span)
    grey = ((255 * above + span // 2) // span).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _to_rgb(image: Image.Image, path: Path) -> NDArray[np.uint8]:
    if image.mode in ("F", "I"):
        raise LeadlineError(
            f"{path}: holds {'floating-point' if image.mode == 'F' else '32-bit'} values, whose "
            "white level is unknown; export the photo with 8 or 16 bits per channel"
        )
    if image.mode in ("P", "PA", "LA", "RGBA"):
        # By way of RGBA: Pillow then keeps the stored colours of transparent pixels.
        return np.asarray(image.convert("RGBA"))[..., :3]
    return np.asarray(image.convert("RGB"))


def _exif_of(image: Image.Image) -> dict[int, Any]:
    """Top-level and photographic EXIF tags; a malformed block reads as no block at all."""
    try:
        exif = image.getexif()
        return {**exif, **exif.get_ifd(_EXIF_IFD)}
    except DECODE_ERRORS:
        return {}


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return (width, height) of a picture as `read_photo` gives it, from its header alone."""
    width, height = image.size
    is_turned = _exif_of(image).get(_TAG_ORIENTATION) in (5, 6, 7, 8)
    # Pillow gives the size of a TIFF, and later its pixels, upright.
    return (height, width) if is_turned and image.format != "TIFF" else (width, height)


def _upright(pixels: NDArray[np.uint8], orientation: object) -> NDArray[np.uint8]:
    """Undo EXIF orientation 2..8 (CIPA DC-008, tag 274); any other value leaves the picture."""
    if orientation in (5, 6, 7, 8):  # stored with rows and columns exchanged
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
