"""`Report`: the measurements and findings of a check, for people and scripts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data_checks.alignment import LOW_AGREEMENT, Alignment
from leadline.data_checks.contact_sheet import write_contact_sheet
from leadline.data_checks.files import Headers, headers_of
from leadline.data_checks.findings import Finding, Severity
from leadline.data_checks.pairs import Listing
from leadline.data_checks.scale import SHIFTED_METRE, Scale, candidate_words, unit_words
from leadline.data_checks.values import DepthStatistics, MeasuredPair
from leadline.errors import plural
from leadline.io.atomic import write_json
from leadline.io.staging import staged

USUAL_END = 10.0
"""Maximum depth in metres of the recipes for rooms."""
_BARS = "▁▂▃▄▅▆▇█"
_BINS = 32


@dataclass(frozen=True)
class Report:
    """The content of a data set (`listing`, `headers` of all files, `pairs` that were read).

    `scale` and `alignment` are measured over the pairs; `findings` come worst first. `str(report)`
    is the report as text.
    """

    listing: Listing
    headers: Headers
    pairs: tuple[MeasuredPair, ...]
    scale: Scale
    alignment: Alignment | None
    findings: tuple[Finding, ...]

    @property
    def readable(self) -> list[MeasuredPair]:
        """The pairs that could be read."""
        return [pair for pair in self.pairs if pair.depth is not None]

    @property
    def depths(self) -> list[DepthStatistics]:
        """The depth of `readable`."""
        return [pair.depth for pair in self.pairs if pair.depth is not None]

    def count(self, severity: Severity) -> int:
        """Return the number of findings with this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def ok(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return not self.count(Severity.ERROR) and not self.count(Severity.WARNING)

    @property
    def verdict(self) -> str:
        """A one-line summary, with advice."""
        errors, warnings = self.count(Severity.ERROR), self.count(Severity.WARNING)
        counted = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
        if errors:
            return f"{counted}: do not train on this before the errors are corrected"
        if warnings:
            return f"{counted}: look at these before training"
        return "no reason not to train on this"

    @property
    def units_per_metre(self) -> float | None:
        """The declared unit unless contradicted, else the likely one, else None."""
        contradicted = any(finding.code == "scale-contradiction" for finding in self.findings)
        declared = None if contradicted or self.scale.rotated else self.scale.declared
        guess = self.scale.guess
        if self.scale.rotated:
            return 1 / SHIFTED_METRE
        return declared or (guess.units if guess.sure else None)

    @property
    def _is_encoded(self) -> bool:
        """Whether the unit follows from the depth's encoding instead of a scale."""
        return self.scale.rotated or self.listing.declared_by == "depth_encoding"

    def yaml(self) -> str:
        """Return the lines to write into dataset.yaml and into a recipe."""
        units, depth_range = self.units_per_metre, self.scale.range
        lines = []
        whole = depth_range is not None and depth_range.storage != "f"
        if self.listing.layout == "pairs" and whole and units and not self._is_encoded:
            likely = "" if self.scale.declared == units else ", if its documentation agrees"
            lines += [f"# dataset.yaml, beside the data{likely}", f"depth_scale: {units:g}", ""]
        lines += ["# in a recipe", "data:", f"  layout: {self.listing.layout}"]
        if depth_range is not None and units:
            farthest = f"  max_depth: {_round_up(depth_range.largest / units):g}"
            lines += [farthest, "model:", farthest]
        return "\n".join(lines)

    def lines(self) -> list[tuple[str, str]]:
        """Return the measurements as (heading, text) pairs."""
        listing = self.listing
        splits = ", ".join(f"{count:,} {name}" for name, count in listing.splits.items() if name)
        failed = len(self.pairs) - len(self.readable)
        read = f"{len(self.readable):,} of {len(listing.pairs):,} read, all headers"
        read += f"; {failed:,} could not be read" if failed else ""
        depth = "; ".join(filter(None, (self._kind_words("depth"), self._valid_words())))
        rows = [
            ("data", f"{listing.path}: layout {listing.layout} ({listing.evidence})"),
            ("samples", f"{len(listing.pairs):,}{f' ({splits})' if splits else ''}; {read}"),
            ("images", self._kind_words("image")),
            ("depth", depth),
            ("scale", self._scale_words()),
            ("evidence", "; ".join(self.scale.guess.evidence)),
            ("range", self.histogram() + self._beyond_words()),
            ("labels", self._label_words()),
            ("alignment", self._alignment_words()),
        ]
        return [(heading, text) for heading, text in rows if text]

    def __str__(self) -> str:
        """Return the measurements, the findings, the verdict and the YAML lines as text."""
        lines = [f"{heading:<10} {text}" for heading, text in self.lines()]
        lines.append("")
        for finding in self.findings:
            lines += _finding_lines(finding, self.listing.path)
        lines += [f"{'verdict':<10} {self.verdict}", "", self.yaml()]
        return "\n".join(lines)

    def save(self, folder: Path | str) -> list[Path]:
        """Write report.json and, if any pair can be read, contact_sheet.png; return the paths.

        Errors: LeadlineError if a file cannot be written.
        """
        folder = Path(folder)
        names = ["report.json", "contact_sheet.png"][: 1 + bool(self.readable)]
        with staged(folder, last=names[0], stale=[folder / "contact_sheet.png"]) as stage:
            write_json(stage / names[0], self.to_json())
            if self.readable:
                pairs = [measured.pair for measured in self.readable]
                sheet = stage / names[1]
                write_contact_sheet(sheet, pairs, self.findings, self.units_per_metre)
        return [folder / name for name in names]

    def histogram(self) -> str:
        """Return a line of bars from 0 to the maximum depth, in metres if known."""
        values = self._sampled_depth()
        if not values.size:
            return ""
        far = float(np.percentile(values, 99.5))
        counts, _ = np.histogram(values, _BINS, (0, far))
        levels = np.ceil(counts / max(1, counts.max()) * (len(_BARS) - 1)).astype(int)
        unit = " m" if self.units_per_metre else " (unit unknown)"
        return f"0 {''.join(_BARS[level] for level in levels)} {far:.3g}{unit}"

    def _beyond_words(self) -> str:
        """Return the share of the depth beyond the range of most recipes."""
        beyond = self._sampled_depth() > USUAL_END
        if not self.units_per_metre or not beyond.any():
            return ""
        return f"; {beyond.mean():.1%} is farther than {USUAL_END:g} m, where most recipes end"

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-serialisable values; the keys keep their meaning."""
        listing, guess = self.listing, self.scale.guess
        return {
            "path": str(listing.path),
            "layout": listing.layout,
            "evidence": listing.evidence,
            "samples": len(listing.pairs),
            "splits": listing.splits,
            "read": len(self.pairs),
            "files": {role: self._kinds(role) for role in ("image", "depth", "label")},
            "scale": {
                "declared": self.scale.declared,
                "declared_by": listing.declared_by,
                "guess": guess.units if guess.sure else None,
                "candidates": {
                    f"{units:g}": round(score, 2) for units, score in guess.scores.ranked
                },
                "relative": guess.relative,
                "evidence": list(guess.evidence),
            },
            "metres": self._metres(),
            "valid_share": self._valid_shares(),
            "alignment": self._agreement(),
            "findings": [finding.to_json() for finding in self.findings],
            "ok": self.ok,
            "verdict": self.verdict,
            "yaml": self.yaml(),
        }

    def _sampled_depth(self) -> NDArray[np.float32]:
        """Return sampled values of all maps, in metres if the unit is known."""
        sampled = [np.empty(0, np.float32), *(depth.sampled for depth in self.depths)]
        values: NDArray[np.float32] = np.concatenate(sampled)
        return np.divide(values, self.units_per_metre or 1, dtype=np.float32)

    def _metres(self) -> dict[str, float] | None:
        values = self._sampled_depth()
        if not values.size or not self.units_per_metre:
            return None
        levels = (1, 5, 25, 50, 75, 95, 99)
        percentiles = zip(levels, np.percentile(values, levels), strict=True)
        return {f"p{level}": round(float(value), 4) for level, value in percentiles}

    def _kinds(self, role: str) -> dict[str, int]:
        """Count the kinds of the files of a role, most frequent first."""
        headers = headers_of(self.listing.pairs, self.headers, role)
        return dict(Counter(header.words for header in headers).most_common())

    def _kind_words(self, role: str) -> str:
        counts = list(self._kinds(role).items())
        words = ", ".join(f"{count:,} {kind}" for kind, count in counts[:3])
        return words + (f" and {len(counts) - 3} more kinds" if len(counts) > 3 else "")

    def _scale_words(self) -> str:
        scale, guess = self.scale, self.scale.guess
        if scale.rotated:
            return "millimetres, their bits rotated by three"
        declared = "not declared"
        if scale.declared:
            declared = f"{scale.declared:g} per metre ({scale.declared_by})"
        if guess.relative:
            return f"{declared}; the values are relative"
        if guess.sure and guess.units:
            return f"{declared}; likely {unit_words(guess.units)}"
        return f"{declared}; {candidate_words(guess)}"

    def _valid_shares(self) -> dict[str, float] | None:
        shares = [depth.valid_share for depth in self.depths]
        if not shares:
            return None
        low, median, high = min(shares), float(np.median(shares)), max(shares)
        return {"min": round(low, 4), "median": round(median, 4), "max": round(high, 4)}

    def _valid_words(self) -> str:
        shares = self._valid_shares()
        if shares is None:
            return ""
        return f"{shares['median']:.1%} valid ({shares['min']:.1%} to {shares['max']:.1%})"

    def _label_words(self) -> str:
        labels = [pair.labels for pair in self.readable if pair.labels]
        if not labels:
            return ""
        lowest, highest = min(each.lowest for each in labels), max(each.highest for each in labels)
        ignored = " (and 255, which does not count)" if any(e.has_255 for e in labels) else ""
        return f"class ids {lowest} to {highest} in {plural(len(labels), 'pair')}{ignored}"

    def _agreement(self) -> dict[str, Any] | None:
        if self.alignment is None:
            return None
        own = self.alignment.own
        return {
            "compared": len(own),
            "agreeing": int(np.count_nonzero(own >= LOW_AGREEMENT)),
            "median": round(float(np.median(own)), 2),
        }

    def _alignment_words(self) -> str:
        agreement = self._agreement()
        if agreement is None:
            return ""
        return (
            f"depth edges lie on the photograph's in {agreement['agreeing']:,} of "
            f"{agreement['compared']:,} pairs (median {agreement['median']:.1f} sd above chance)"
        )


def _finding_lines(finding: Finding, root: Path) -> Iterator[str]:
    """Yield the two lines of a finding: the fault, and the remedy with examples."""
    yield f"{finding.severity:<8} {finding.code:<20} {finding.message}"
    shown = [text.removeprefix(f"{root}/") for text in finding.examples[:2]]
    where = f" [{', '.join(shown)}{', ...' if finding.count > len(shown) else ''}]" if shown else ""
    yield f"{'':<8} {'':<20} -> {finding.remedy}{where}"


def _round_up(metres: float) -> float:
    """Round metres up to a round number: 10, 80, 120, ..."""
    if metres <= 1:
        return math.ceil(metres * 10) / 10
    step = 10.0 ** math.floor(math.log10(metres)) / 2
    return min(
        (u for u in (10.0, 80.0, 100.0) if 0.8 * u <= metres <= 1.1 * u),
        default=math.ceil(metres / step) * step,
    )
