"""`Report`: what a check found, for people, for scripts, and to paste."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadline.data_checks.check_scale import candidates, words
from leadline.data_checks.facts import LOW_AGREEMENT, Facts
from leadline.data_checks.findings import Finding, Severity
from leadline.errors import plural

_BARS = "▁▂▃▄▅▆▇█"
_BINS = 32


@dataclass(frozen=True)
class Report:
    """The facts about a data set and the findings, worst first."""

    facts: Facts
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """Return how many findings have this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def ok(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return not self.count(Severity.ERROR) and not self.count(Severity.WARNING)

    @property
    def verdict(self) -> str:
        """One line: what was found, and what to do about it."""
        errors, warnings = self.count(Severity.ERROR), self.count(Severity.WARNING)
        counted = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
        if errors:
            return f"{counted}: do not train on this before the errors are mended"
        if warnings:
            return f"{counted}: look at these before training"
        return "nothing found that speaks against training on this"

    @property
    def units(self) -> float | None:
        """The declared units per metre unless contradicted, else the likely ones, else None."""
        guess = self.facts.scale
        contradicted = any(finding.code == "scale-contradiction" for finding in self.findings)
        declared = None if contradicted else self.facts.units
        return declared or (guess.units if guess.sure else None)

    def yaml(self) -> str:
        """Return what to write into dataset.yaml and into a recipe."""
        listing, ranges = self.facts.listing, self.facts.ranges
        lines = []
        whole = ranges is not None and ranges.kind != "f"
        if listing.layout == "pairs" and whole and self.units:
            lines += ["# dataset.yaml, beside the data", f"depth_scale: {self.units:g}", ""]
        lines += ["# in a recipe", "data:", f"  layout: {listing.layout}"]
        if ranges is not None and self.units:
            lines.append(f"  max_depth: {_round_up(ranges.ceiling / self.units):g}")
        return "\n".join(lines)

    def lines(self) -> list[tuple[str, str]]:
        """Return the facts as (heading, text) pairs."""
        facts, listing = self.facts, self.facts.listing
        splits = ", ".join(f"{count:,} {name}" for name, count in listing.splits.items() if name)
        failed = len(facts.pairs) - len(facts.readable)
        read = f"{len(facts.readable):,} of {len(listing.pairs):,} read, all headers"
        read += f"; {failed:,} could not be read" if failed else ""
        rows = [
            ("data", f"{listing.path}: layout {listing.layout} ({listing.evidence})"),
            ("samples", f"{len(listing.pairs):,}{f' ({splits})' if splits else ''}; {read}"),
            ("images", _kinds(facts, "image")),
            ("depth", "; ".join(filter(None, (_kinds(facts, "depth"), _valid_words(facts))))),
            ("scale", self._scale_line()),
            ("evidence", "; ".join(facts.scale.evidence)),
            ("range", self.histogram()),
            ("labels", _label_words(facts)),
            ("alignment", _alignment_words(facts)),
        ]
        return [(heading, text) for heading, text in rows if text]

    def _scale_line(self) -> str:
        facts, guess = self.facts, self.facts.scale
        declared = "nobody declares it"
        if facts.units:
            by = facts.listing.declared_by or "the files say so"
            declared = f"{facts.units:g} per metre ({by})"
        if guess.relative:
            return f"{declared}; the values are relative"
        if guess.sure and guess.units:
            return f"{declared}; likely {words(guess.units)}"
        return f"{declared}; {candidates(guess)}"

    def histogram(self) -> str:
        """Return the depths as a line of bars from 0 to the far end, in metres where known."""
        pools = [depth.pool for depth in self.facts.depths if depth.pool.size]
        if not pools:
            return ""
        values = np.concatenate(pools) / (self.units or 1)
        far = float(np.percentile(values, 99.5))
        counts, _ = np.histogram(values, _BINS, (0, far))
        levels = np.ceil(counts / max(1, counts.max()) * (len(_BARS) - 1)).astype(int)
        unit = " m" if self.units else " (unit unknown)"
        return f"0 {''.join(_BARS[level] for level in levels)} {far:.3g}{unit}"

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values; the keys keep their meaning."""
        facts, listing, guess = self.facts, self.facts.listing, self.facts.scale
        return {
            "path": str(listing.path),
            "layout": listing.layout,
            "evidence": listing.evidence,
            "samples": len(listing.pairs),
            "splits": listing.splits,
            "read": len(facts.pairs),
            "files": {role: _counts(facts, role) for role in ("image", "depth", "label")},
            "scale": {
                "declared": facts.units,
                "declared_by": listing.declared_by,
                "guess": guess.units if guess.sure else None,
                "candidates": {f"{units:g}": round(score, 2) for units, score in guess.scores},
                "relative": guess.relative,
                "evidence": list(guess.evidence),
            },
            "metres": self._metres(),
            "valid_share": _valid_shares(facts),
            "alignment": _alignment_json(facts),
            "findings": [finding.to_json() for finding in self.findings],
            "ok": self.ok,
            "verdict": self.verdict,
            "yaml": self.yaml(),
        }

    def _metres(self) -> dict[str, float] | None:
        pools = [depth.pool for depth in self.facts.depths if depth.pool.size]
        if not pools or not self.units:
            return None
        levels = (1, 5, 25, 50, 75, 95, 99)
        values = np.percentile(np.concatenate(pools) / self.units, levels)
        return {f"p{level}": round(float(v), 4) for level, v in zip(levels, values, strict=True)}


def _counts(facts: Facts, role: str) -> dict[str, int]:
    return dict(Counter(_kind(file.size, file.kind) for file in facts.of_role(role)).most_common())


def _kinds(facts: Facts, role: str) -> str:
    counts = Counter(_counts(facts, role)).most_common()
    shown = ", ".join(f"{count:,} {kind}" for kind, count in counts[:3])
    return shown + (f" and {len(counts) - 3} more kinds" if len(counts) > 3 else "")


def _kind(size: tuple[int, int] | None, kind: str) -> str:
    return " ".join([*([f"{size[0]}x{size[1]}"] if size else []), kind or "unreadable"])


def _valid_shares(facts: Facts) -> dict[str, float] | None:
    shares = [depth.valid for depth in facts.depths]
    if not shares:
        return None
    low, middle, high = min(shares), float(np.median(shares)), max(shares)
    return {"min": round(low, 4), "median": round(middle, 4), "max": round(high, 4)}


def _valid_words(facts: Facts) -> str:
    shares = _valid_shares(facts)
    if shares is None:
        return ""
    return f"{shares['median']:.1%} valid ({shares['min']:.1%} to {shares['max']:.1%})"


def _label_words(facts: Facts) -> str:
    labels = [pair.labels for pair in facts.readable if pair.labels]
    if not labels:
        return ""
    lowest, highest = (
        min(label.lowest for label in labels),
        max(label.highest for label in labels),
    )
    left_out = " (and 255, which does not count)" if any(each.has_255 for each in labels) else ""
    return f"class ids {lowest} to {highest} in {plural(len(labels), 'pair')}{left_out}"


def _alignment_words(facts: Facts) -> str:
    agreeing = _alignment_json(facts)
    if agreeing is None:
        return ""
    return (
        f"depth edges lie on the photograph's in {agreeing['agreeing']:,} of "
        f"{agreeing['compared']:,} pairs (median {agreeing['median']:.1f} sd above chance)"
    )


def _alignment_json(facts: Facts) -> dict[str, Any] | None:
    if facts.alignment is None:
        return None
    own = facts.alignment.own
    return {
        "compared": len(own),
        "agreeing": int(np.count_nonzero(own >= LOW_AGREEMENT)),
        "median": round(float(np.median(own)), 2),
    }


def _round_up(metres: float) -> float:
    """Return a round number of metres that is not below: 10, 80, 120, ..."""
    if metres <= 1:
        return math.ceil(metres * 10) / 10
    step = 10.0 ** math.floor(math.log10(metres)) / 2
    return min(
        (u for u in (10.0, 80.0, 100.0) if 0.8 * u <= metres <= 1.1 * u),
        default=math.ceil(metres / step) * step,
    )


def order_of_interest(
    findings: Iterable[Finding], ids: Iterable[str], count: int
) -> dict[str, str]:
    """Return at most `count` of the samples `ids` with the code of the finding that names each.

    Findings take turns, worst first; then come samples that nothing names, evenly spread.
    """
    known = list(ids)
    queues = [(f.code, [i for i in f.pairs if i in set(known)]) for f in findings]
    chosen: dict[str, str] = {}
    for turn in range(count):
        for code, queue in queues:
            if turn < len(queue) and len(chosen) < count:
                chosen.setdefault(queue[turn], code)
    others = [name for name in known if name not in chosen]
    wanted = count - len(chosen)
    for index in np.linspace(0, len(others) - 1, min(wanted, len(others))).astype(int):
        chosen[others[index]] = ""
    return chosen
