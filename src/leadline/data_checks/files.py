"""Checks of files by their headers and ends: whole, readable, of one kind and size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from leadline.data_checks.findings import Code, Finding, error, note, warning
from leadline.data_checks.pairs import ListedPair
from leadline.data_checks.values import MeasuredPair
from leadline.datasets.depth_form import same_view
from leadline.depth.encodings import highest_byte
from leadline.errors import LeadlineError, one_line, plural, size_words
from leadline.io.files import DECODE_ERRORS, check_ordinary, stand_in_of
from leadline.io.limits import most_pixels
from leadline.io.photos import IMAGE_SUFFIXES, read_photo, upright_size
from leadline.io.pictures import open_picture

_JPEG_END = b"\xff\xd9"
_PNG_END = b"IEND\xae\x42\x60\x82"
# Some cameras and tools append a few kilobytes of their own after the end marker.
_TAIL_BYTES = 65536
_MOST_LOOKED_AT = 50  # of the coloured files, which are all of one kind

UNREADABLE: tuple[type[Exception], ...] = (LeadlineError, *DECODE_ERRORS)
"""Exceptions of an unreadable header; LeadlineError for a pipe or a device."""

FileFault = Literal["", "empty", "cut short", "not what its name says", "too large"]


@dataclass(frozen=True)
class FileHeader:
    """The properties of a file according to its header.

    `size` is (width, height) and `kind` a text such as "8-bit RGB JPEG", None and "" for formats
    whose header is not parsed. `fault` is the fault of the file, "" if there is none.
    """

    path: Path
    bytes: int
    size: tuple[int, int] | None = None
    kind: str = ""
    channels: int = 0
    fault: FileFault = ""
    detail: str = ""

    @property
    def words(self) -> str:
        """Size and kind: "640x480 8-bit RGB JPEG"."""
        size = [size_words(self.size[::-1])] if self.size else []
        return " ".join([*size, self.kind or "unreadable"])


Headers = Mapping[Path, FileHeader]


def read_header(path: Path) -> FileHeader:
    """Return the header of one file, without decoding it; never raises for a bad file."""
    length = 0
    try:
        check_ordinary(path)
        length = path.stat().st_size
        if length == 0:
            return FileHeader(path, 0, fault="empty", detail="0 bytes")
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return _picture_header(path, length)
        if path.suffix.lower() == ".npy":
            return _npy_header(path, length)
        return FileHeader(path, length, kind=path.suffix.lower().lstrip("."))
    except Image.DecompressionBombError:
        detail = f"more than {most_pixels():,} pixels"
        return FileHeader(path, length, fault="too large", detail=detail)
    except UNREADABLE as problem:
        detail = stand_in_of(path) or one_line(problem).removeprefix(f"{path}: ")
        return FileHeader(path, length, fault="not what its name says", detail=detail)


_BITS = {"1": 1, "L": 8, "P": 8, "RGB": 8, "RGBA": 8, "LA": 8, "CMYK": 8, "I": 32, "F": 32}
_WORDS = {"L": "grey", "P": "palette", "I": "grey", "F": "float", "1": "grey"}


def _picture_header(path: Path, length: int) -> FileHeader:
    with open_picture(path) as image:  # reads only the header
        mode, size, format_ = image.mode, upright_size(image), image.format or ""
        channels = len(image.getbands())
    bits = 16 if mode.startswith("I;16") else _BITS.get(mode, 8)
    word = "grey" if mode.startswith("I;16") else _WORDS.get(mode, mode)
    kind = f"{bits}-bit {word} {format_}"
    if _lacks_end_marker(path, length, format_):
        detail = "the end marker is missing"
        return FileHeader(path, length, size, kind, channels, "cut short", detail)
    return FileHeader(path, length, size, kind, channels)


def _lacks_end_marker(path: Path, length: int, format_: str) -> bool:
    marker = {"PNG": _PNG_END, "JPEG": _JPEG_END}.get(format_)
    if marker is None:
        return False
    with path.open("rb") as file:
        file.seek(max(0, length - _TAIL_BYTES))
        return marker not in file.read()


def _npy_header(path: Path, length: int) -> FileHeader:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
        read = read or np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        start = file.tell()
    needed = start + dtype.itemsize * int(np.prod(shape))
    plane = [side for side in shape if side > 1]
    size = (plane[1], plane[0]) if len(plane) == 2 else None
    channels = 1 if len(plane) == 2 else plane[-1] if plane else 0
    kind = f"{dtype.name} NPY"
    if needed > length:
        detail = f"{length:,} of {needed:,} bytes"
        return FileHeader(path, length, size, kind, channels, "cut short", detail)
    return FileHeader(path, length, size, kind, channels)


def headers_of(pairs: Sequence[ListedPair], headers: Headers, role: str) -> list[FileHeader]:
    """Return the headers of all files with this role (image, depth, label), without repetition."""
    paths = dict.fromkeys(pair.files[role] for pair in pairs if role in pair.files)
    return [headers[path] for path in paths if path in headers]


def check_files(
    pairs: Sequence[ListedPair],
    headers: Headers,
    measured: Sequence[MeasuredPair],
    in_colour: bool = False,
) -> Iterator[Finding]:
    """Check the files of all pairs by their headers, and whether `measured` pairs can be read.

    `in_colour`: depth is declared to be encoded in colours.
    """
    depth_headers = headers_of(pairs, headers, "depth")
    yield from _no_pairs(pairs)
    yield from _damaged_files(headers)
    yield from _unreadable_pairs(headers, depth_headers, measured)
    yield from _listed_twice(pairs)
    yield from _sizes_differ(pairs, headers, measured)
    if not in_colour:
        yield from _depth_in_colour(depth_headers)
    yield from _depth_types_differ(pairs, headers)
    yield from _image_sizes_differ(headers_of(pairs, headers, "image"))


def _no_pairs(pairs: Sequence[ListedPair]) -> Iterator[Finding]:
    """Report a data set without complete pairs."""
    if not pairs:
        yield error(
            "no-pairs",
            "not one complete image-depth pair",
            "see the other findings, and the layouts in docs/data.md",
        )


def _damaged_files(headers: Headers) -> Iterator[Finding]:
    """Report files that are empty, truncated, too large or no pictures."""
    kinds: tuple[tuple[FileFault, Code, str, str], ...] = (
        ("empty", "empty-file", "empty (0 bytes)", "copy them again, or remove the pairs"),
        ("cut short", "cut-short", "cut short", "copy them again, or remove the pairs"),
        (
            "not what its name says",
            "not-a-picture",
            "not in the format of the suffix",
            "save them in the format of their suffix",
        ),
        ("too large", "too-large", "too large", "reduce or crop them"),
    )
    for fault, code, words, remedy in kinds:
        bad = [header for header in headers.values() if header.fault == fault]
        if bad:
            message = f"{plural(len(bad), 'file')}: {words} ({bad[0].detail})"
            yield error(code, message, remedy, [str(header.path) for header in bad])


def _unreadable_pairs(
    headers: Headers, depth_headers: Sequence[FileHeader], measured: Sequence[MeasuredPair]
) -> Iterator[Finding]:
    """Report pairs that cannot be read, unless another check reports the cause."""
    explained = {path for path, header in headers.items() if header.fault}
    explained |= {header.path for header in depth_headers if header.channels > 1}
    bad = [
        each for each in measured if each.problem and not explained & set(each.pair.files.values())
    ]
    if bad:
        yield error(
            "unreadable",
            f"{plural(len(bad), 'sample')} cannot be read; the first: {bad[0].problem}",
            "repair or remove them",
            [each.id for each in bad],
        )


def _listed_twice(pairs: Sequence[ListedPair]) -> Iterator[Finding]:
    """Report pairs that occur more than once in one split."""
    counts = Counter((pair.split, pair.id) for pair in pairs)
    repeated = [name for (_, name), count in counts.items() if count > 1]
    if repeated:
        yield warning(
            "listed-twice",
            f"{plural(len(repeated), 'sample')} listed more than once in one split",
            "remove the repeated lines: such images count double",
            repeated,
        )


_TwoSizes = tuple[str, tuple[int, int], tuple[int, int]]
"""A pair, the size of its photograph and the size of another of its files."""


def _sizes_differ(
    pairs: Sequence[ListedPair], headers: Headers, measured: Sequence[MeasuredPair]
) -> Iterator[Finding]:
    """Report pairs whose depth or label has another size than the photograph.

    For pairs that were read, the sizes after reading count, which may have made them equal; for the
    others, the sizes in the headers, unless reading makes them equal.
    """
    as_read = {each.id: each for each in measured if each.depth is not None}
    codes: dict[str, Code] = {"depth": "size-mismatch", "label": "label-size"}
    for role, code in codes.items():
        by_header: list[_TwoSizes] = []
        for pair in pairs:
            if "image" in pair.files and role in pair.files:
                one, two = headers[pair.files["image"]].size, headers[pair.files[role]].size
                if one and two and one != two:
                    by_header.append((pair.id, one, two))
        differ: list[_TwoSizes] = []
        for each in as_read.values():
            other = each.depth if role == "depth" else each.labels
            if other and each.image_size not in (None, other.size):
                differ.append((each.id, each.image_size or (0, 0), other.size))
        agreeing = as_read.keys() - {name for name, _, _ in differ}
        if not any(name in agreeing for name, _, _ in by_header):
            differ += [each for each in by_header if each[0] not in as_read]
        if differ:
            _, one, two = differ[0]
            remedy = f"resize to one size (the {role} by nearest neighbour)"
            if role == "depth" and all(same_view(a, b) for _, a, b in differ):
                remedy = "say depth_size: image (or depth) in dataset.yaml"
            yield error(
                code,
                f"{plural(len(differ), 'pair')} of image and {role} with two sizes (first: "
                f"{size_words(one[::-1])} and {size_words(two[::-1])})",
                f"{remedy}, if they show the same view",
                [name for name, _, _ in differ],
            )


def _depth_in_colour(depth_headers: Sequence[FileHeader]) -> Iterator[Finding]:
    """Report depth stored as a colour picture: three equal channels, or a colour map."""
    several = [header for header in depth_headers if header.channels > 1 and not header.fault]
    coloured = [header for header in several if header.path.suffix.lower() in IMAGE_SUFFIXES]
    arrays = [header for header in several if header not in coloured]
    grey = [header for header in coloured if _has_equal_channels(header.path)]
    mapped = [header for header in coloured if header not in grey]
    orders = Counter(_byte_order(header.path) for header in mapped[:_MOST_LOOKED_AT])
    order = max(orders, key=lambda each: (each is not None, orders[each]), default=None)
    encoded = mapped if orders[order] * 2 >= min(len(mapped), _MOST_LOOKED_AT) and order else []
    mapped = [] if encoded else mapped
    if encoded:
        remedy = "write depth_encoding: carla (or shift-mm: millimetres) into dataset.yaml"
        if order == "red":
            remedy = "exchange red and blue, then " + remedy
        yield error(
            "depth-24-bit",
            f"{plural(len(encoded), 'depth file')} with numbers of 24 bits in the colours, as "
            f"CARLA writes them; {order} holds the highest bits",
            remedy,
            [str(header.path) for header in encoded],
        )
    if arrays:
        yield error(
            "depth-colour",
            f"{plural(len(arrays), 'depth file')} with {arrays[0].channels} numbers a pixel "
            f"({arrays[0].kind}), such as points (x, y, z)",
            "save depth alone, (H,W): of points, their z",
            [str(header.path) for header in arrays],
        )
    if mapped:
        yield error(
            "depth-colour",
            f"{plural(len(mapped), 'depth file')} with colours ({mapped[0].kind}): a colour-mapped "
            "picture, whose metres are lost",
            "use the raw 16-bit or floating-point depth",
            [str(header.path) for header in mapped],
        )
    if grey:
        yield error(
            "depth-three-channels",
            f"{plural(len(grey), 'depth file')} with equal colour channels ({grey[0].kind})",
            "save one channel; 8 bits of it are rarely enough",
            [str(header.path) for header in grey],
        )


def _byte_order(path: Path) -> Literal["blue", "red"] | None:
    """Return the channel with the high byte of 24-bit numbers, None if there is none.

    Also None for a file that cannot be read.
    """
    try:
        return highest_byte(read_photo(path).pixels)
    except LeadlineError:
        return None


def _has_equal_channels(path: Path) -> bool:
    try:
        pixels = read_photo(path).pixels
    except LeadlineError:
        return False
    return bool(np.all(pixels == pixels[..., :1]))


def _depth_types_differ(pairs: Sequence[ListedPair], headers: Headers) -> Iterator[Finding]:
    """Report depth files of several types in one split, which rarely have the same unit.

    Splits may differ by design: DenseDepth trains on 8 bits and is scored on 16.
    """
    splits: dict[str, dict[Path, str]] = {}
    for pair in pairs:
        header = headers.get(pair.files["depth"]) if "depth" in pair.files else None
        if header and header.kind and not header.fault:
            splits.setdefault(pair.split, {})[header.path] = header.kind
    kinds: Counter[str] = Counter()
    others: list[str] = []
    for files in splits.values():
        counts = Counter(files.values())
        if len(counts) > 1:
            kinds += counts
            common = counts.most_common(1)[0][0]
            others += [str(path) for path, kind in files.items() if kind != common]
    if others:
        words = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        yield warning(
            "mixed-depth-types",
            f"depth files of several types: {words}",
            "write all of them in one format with one unit",
            others,
        )


def _image_sizes_differ(image_headers: Sequence[FileHeader]) -> Iterator[Finding]:
    """Note that photographs have several sizes."""
    sizes = Counter(header.size for header in image_headers if header.size)
    if len(sizes) > 1:
        words = ", ".join(
            f"{n} of {size_words(size[::-1])}" for size, n in sizes.most_common(3) if size
        )
        more = f" and {len(sizes) - 3} more sizes" if len(sizes) > 3 else ""
        common = sizes.most_common(1)[0][0]
        yield note(
            "mixed-image-sizes",
            f"images of several sizes: {words}{more}",
            "nothing: training resizes to one area",
            [str(each.path) for each in image_headers if each.size and each.size != common],
        )
