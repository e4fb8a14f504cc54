"""Checks of the files as such: there, whole, and of one kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from leadline.data_checks.facts import Facts
from leadline.data_checks.files import FileFacts
from leadline.data_checks.findings import Code, Finding, error, note, warning
from leadline.errors import plural


def bad_files(facts: Facts) -> Iterator[Finding]:
    """Report files that are empty, cut short, or no pictures; of all files, by header and end."""
    remedies: dict[str, tuple[Code, str]] = {
        "empty": ("empty-file", "copy them again, or remove the pairs"),
        "cut short": ("cut-short", "copy them again, or remove the pairs"),
        "not what its name says": ("not-a-picture", "save them in the format of their suffix"),
        "too large": ("too-large", "reduce or crop them"),
    }
    for fault, (code, remedy) in remedies.items():
        bad = [file for file in facts.files.values() if file.fault == fault]
        if bad:
            subject = plural(len(bad), "file")
            verb = {"empty": "empty (0 bytes)", "cut short": "cut short"}.get(fault, fault)
            message = f"{subject}: {verb} ({bad[0].detail})"
            yield error(code, message, remedy, [str(file.path) for file in bad])


def unreadable_pairs(facts: Facts) -> Iterator[Finding]:
    """Report samples that cannot be read, but for reasons that another check names."""
    explained = {path for path, file in facts.files.items() if file.fault}
    explained |= {file.path for file in facts.of_role("depth") if file.channels > 1}
    bad = [
        pair
        for pair in facts.pairs
        if pair.problem and not explained & set(pair.entry.files.values())
    ]
    if bad:
        yield error(
            "unreadable",
            f"{plural(len(bad), 'sample')} cannot be read; the first: {bad[0].problem}",
            "mend or remove them",
            [pair.id for pair in bad],
        )


def no_pairs(facts: Facts) -> Iterator[Finding]:
    """Report a data set in which there is nothing to train on."""
    if not facts.listing.pairs:
        yield error(
            "no-pairs",
            "not one complete image-depth pair",
            "see the other findings, and the layouts in docs/data.md",
        )


def listed_twice(facts: Facts) -> Iterator[Finding]:
    """Report samples that occur more than once in one split."""
    counts = Counter((entry.split, entry.id) for entry in facts.listing.pairs)
    twice = [name for (_, name), count in counts.items() if count > 1]
    if twice:
        yield warning(
            "listed-twice",
            f"{plural(len(twice), 'sample')} listed more than once in one split",
            "remove the repeated lines: such images count double",
            twice,
        )


def sizes_differ(facts: Facts) -> Iterator[Finding]:
    """Report pairs whose depth or label has another size than the photograph."""
    codes: dict[str, Code] = {"depth": "size-mismatch", "label": "label-size"}
    for role, code in codes.items():
        bad, first = [], ""
        for entry in facts.listing.pairs:
            sizes = [
                facts.files[entry.files[r]].size if r in entry.files else None
                for r in ("image", role)
            ]
            if sizes[0] and sizes[1] and sizes[0] != sizes[1]:
                bad.append(entry.id)
                first = first or f"{_size(sizes[0])} and {_size(sizes[1])}"
        known = set(bad)
        for pair in facts.readable:  # formats whose headers are not looked into
            other = pair.depth if role == "depth" else pair.labels
            if pair.id not in known and other and other.size != pair.image_size:
                bad.append(pair.id)
                first = first or f"{_size(pair.image_size or (0, 0))} and {_size(other.size)}"
        if bad:
            yield error(
                code,
                f"{plural(len(bad), 'pair')} of image and {role} with two sizes (first: {first})",
                f"resize to one size (the {role} by nearest neighbour), if they show the same view",
                bad,
            )


def kinds_differ(facts: Facts) -> Iterator[Finding]:
    """Report depth files of several types in one split, which hardly ever share one unit.

    Two splits may differ by design: DenseDepth trains on 8 bits and is scored on 16.
    """
    splits: dict[str, dict[Path, str]] = {}
    for entry in facts.listing.pairs:
        file = facts.files.get(entry.files["depth"]) if "depth" in entry.files else None
        if file and file.kind and not file.fault:
            splits.setdefault(entry.split, {})[file.path] = file.kind
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


def image_sizes(facts: Facts) -> Iterator[Finding]:
    """Note that photographs have several sizes."""
    sizes = Counter(file.size for file in facts.of_role("image") if file.size)
    if len(sizes) > 1:
        words = ", ".join(f"{n} of {_size(size)}" for size, n in sizes.most_common(3) if size)
        more = f" and {len(sizes) - 3} more sizes" if len(sizes) > 3 else ""
        common = sizes.most_common(1)[0][0]
        yield note(
            "mixed-image-sizes",
            f"images of several sizes: {words}{more}",
            "nothing: training resizes to one area",
            [str(f.path) for f in facts.of_role("image") if f.size and f.size != common],
        )


def depth_channels(facts: Facts) -> Iterator[Finding]:
    """Report depth stored as a colour picture: three equal channels, or a colour map."""
    coloured = [f for f in facts.of_role("depth") if f.channels > 1 and not f.fault]
    grey = [file for file in coloured if _is_grey(file)]
    mapped = [file for file in coloured if file not in grey]
    if mapped:
        yield error(
            "depth-colour",
            f"{plural(len(mapped), 'depth file')} with colours ({mapped[0].kind}): a colour-mapped "
            "picture, whose metres are lost",
            "use the raw 16-bit or floating-point depth",
            [str(file.path) for file in mapped],
        )
    if grey:
        yield error(
            "depth-three-channels",
            f"{plural(len(grey), 'depth file')} with equal colour channels ({grey[0].kind})",
            "save one channel; 8 bits of it are rarely enough",
            [str(file.path) for file in grey],
        )


def _is_grey(file: FileFacts) -> bool:
    import numpy as np

    from leadline.errors import LeadlineError
    from leadline.io.photos import read_photo

    try:
        pixels = read_photo(file.path).pixels
    except LeadlineError:
        return False
    return bool(np.all(pixels == pixels[..., :1]))


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
