"""Tables, claims, curves and pictures of the documents' rows, from what rows.py collected.

    python benchmarks/rows_report.py                 # docs/comparison.md and docs/images/rows.png
    python benchmarks/rows_report.py --panel RUNS    # docs/images/rows_panel.png
    python benchmarks/rows_report.py --panel RUNS --area 6144    # rows_panel_6144.png
    python benchmarks/rows_report.py --panel RUNS --data DATA --picture nyu.png

The first call reads benchmarks/rows alone and writes between the marks in docs/comparison.md. The
others need the trained models: six pictures (the example room and five generated rooms), a line
for each network, at the largest input that RUNS holds of it, or at --area. With --data the
pictures are six validation images instead; those of NYU may not be passed on, so give a name
outside of the repository.
"""

import argparse
import csv
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from runs import spread

from leadline.errors import LeadlineError
from leadline.evaluation import Result
from leadline.io.atomic import atomic_path
from leadline.io.plots import save_plot
from leadline.metrics import (
    HIGHER_IS_BETTER,
    blocks_of,
    bootstrap_interval,
    get_protocol,
    paired_test,
)
from leadline.training.recipe import load_recipe

ROOT = Path(__file__).parents[1]
COLLECTED = ROOT / "benchmarks" / "rows"
PAGE = ROOT / "docs" / "comparison.md"
CURVES = ROOT / "docs" / "images" / "rows.png"
PANEL = ROOT / "docs" / "images" / "rows_panel.png"
PANELS = sorted(PANEL.parent.glob(f"{PANEL.stem}_*.png"))
"""Further ones, of rows at one input area, which their names end with."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Of the curves of one input area, the smallest first."""

SHOWN = ("delta1", "abs_rel", "rmse")
TESTED = ("delta1", "abs_rel", "rmse")
OWN_SHOWN = ("delta1", "delta2", "delta3", "abs_rel", "rmse", "rmse_log", "log10")
NEIGHBOURS = 4
"""Validation images that are resampled together: a room fills two to five, one after the other."""
PICTURES = 6
PANEL_HEIGHT, LABEL_WIDTH = 96, 240
"""Pixels of a picture of the panel, and of the names beside."""
ROOM_VIEWS = 10
"""So many rooms are rendered; those with the largest range of depth are shown."""


@dataclass(frozen=True)
class CollectedRow:
    """A folder below benchmarks/rows."""

    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What row.json says."""
        content: dict[str, Any] = json.loads((self.folder / "row.json").read_text("utf-8"))
        return content

    @cached_property
    def result(self) -> Result:
        """The score under nyu-eigen, image by image."""
        return Result.load(self.folder)

    @property
    def metrics(self) -> dict[str, float]:
        """The score under nyu-eigen."""
        return dict(self.result.metrics)

    @property
    def boundary_f1(self) -> float:
        """F1 of depth edges under nyu-eigen."""
        return float(self.result.boundary["f1"] or 0.0)

    @property
    def own(self) -> dict[str, Any]:
        """The score under the protocol of the document."""
        (path,) = self.folder.glob("result-*.json")
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return content

    @property
    def area(self) -> int:
        """Input pixels that were asked for; each network rounds them to its stride."""
        return int(self.facts["area"])

    @property
    def pixels(self) -> int:
        """Input pixels that the network saw."""
        return int(self.facts["input_pixels"])

    @property
    def name(self) -> str:
        """The row."""
        return str(self.facts["row"])

    @property
    def published(self) -> dict[str, float]:
        """What the document prints of this row."""
        return load_recipe(str(self.facts["recipe"])).published

    def losses(self) -> tuple[list[float], list[float]]:
        """Return (passes, logged loss)."""
        with (self.folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["loss"]]
        rows = [row for row in rows if int(row["step"]) <= self.facts["steps"]]
        whole = self.facts["steps"] / self.facts["passes"]
        return [int(row["step"]) / whole for row in rows], [float(row["loss"]) for row in rows]


@dataclass(frozen=True)
class Claim:
    """A document says that `better` is better than `worse`."""

    text: str
    better: str
    worse: str


CLAIMS = (
    Claim("Huang and Yu: convolutions between the transposed ones help (A3 over A1: delta1 0.629 "
          "over 0.569).",
          "vgg19-fcn-a3", "vgg19-fcn-a1"),
    Claim("Huang and Yu: augmentation helps (A3 over A2: delta1 0.629 over 0.609).",
          "vgg19-fcn-a3", "vgg19-fcn-a2"),
    Claim("Their table, not their words: A2 over A1 (delta1 0.609 over 0.569, abs_rel 0.248 "
          "against 0.245); A1 is augmented, A2 is not.",
          "vgg19-fcn-a2", "vgg19-fcn-a1"),
    Claim("Gulve and Gupta: a pretrained encoder is ahead of a U-Net from nothing (ResNet-34 over "
          "the U-Net of 8.6 million: delta1 0.661 over 0.558).",
          "resnet34-unet", "unet-8.6m"),
    Claim("The same, the U-Net at ten times its published rate, with which it learns here.",
          "resnet34-unet", "unet-8.6m-1e-3"),
    Claim("The same against the smaller U-Net of their figure 1, for which they print no score.",
          "resnet34-unet", "unet-2m"),
    Claim("The same, the smaller U-Net at ten times its published rate.",
          "resnet34-unet", "unet-2m-1e-3"),
    Claim("Gulve and Gupta, future work: augmentation would help.",
          "resnet34-unet-aug", "resnet34-unet"),
    Claim("A question of our own, of Wang, Fu and Dong's network, whose text can be read in two "
          "ways: skips concatenated as they are, better than reduced ones?",
          "resnet50-upproj-concat", "resnet50-upproj"),
    Claim("A question of our own: is Wang, Fu and Dong's expansion, written beforehand, better "
          "than one drawn anew in every epoch, for as many images seen?",
          "resnet50-upproj-expanded", "resnet50-upproj"),
    Claim("Sciuto: naming classes helps depth (ds-net over depth-mancini: rmse 6.503 against 7.464 "
          "on Virtual KITTI).",
          "ds-net", "depth-mancini"),
    Claim("Alhashim and Wonka, ablation: the whole decoder is better than half of it.",
          "densedepth", "densedepth-half"),
    Claim("Alhashim and Wonka, ablation: swapped colour channels help.",
          "densedepth", "densedepth-nocolorswap"),
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """Better minus worse, image by image: mean, 95 % interval, p; and its mean for each seed."""

    mean: float
    interval: tuple[float, float]
    p: float
    by_seed: tuple[float, ...]

    def favours(self, metric: str) -> int:
        """Return 1 where the interval favours the claim, -1 where the opposite, else 0."""
        low, high = self.interval
        if low <= 0 <= high:
            return 0
        return 1 if (low > 0) == (metric in HIGHER_IS_BETTER) else -1


def read_rows(folder: Path = COLLECTED) -> dict[str, list[CollectedRow]]:
    """Return the collected runs of each row in the order of rows.py, by area and seed."""
    from rows import ROWS  # beside this file

    found: dict[str, list[CollectedRow]] = {name: [] for name in ROWS}
    for path in sorted(folder.glob("*/row.json")):
        row = CollectedRow(path.parent)
        found[row.name].append(row)
    for runs in found.values():
        runs.sort(key=lambda run: (run.area, run.facts["seed"]))
    return {name: runs for name, runs in found.items() if runs}


def by_area(runs: Sequence[CollectedRow]) -> dict[int, list[CollectedRow]]:
    """Return the runs of each input area, the smallest first."""
    return {
        area: [run for run in runs if run.area == area]
        for area in sorted({run.area for run in runs})
    }


def difference(
    better: Sequence[CollectedRow], worse: Sequence[CollectedRow], metric: str
) -> Difference:
    """Compare two rows on the images and seeds that both have: mean over seeds, image by image.

    Neighbouring images are resampled and flipped together: see `NEIGHBOURS`.
    """
    seeds = common_seeds(better, worse)
    ids = better[0].result.table.ids

    def values(runs: Sequence[CollectedRow]) -> NDArray[np.float64]:
        same_seeds = [run.result.table for run in runs if run.facts["seed"] in seeds]
        return np.stack([table.column(metric, ids) for table in same_seeds])

    a, b = values(worse), values(better)
    delta = (b - a).mean(axis=0)
    blocks = blocks_of(len(delta), NEIGHBOURS)
    ends = bootstrap_interval(delta[:, None], blocks=blocks)
    return Difference(
        float(delta.mean()),
        (float(ends[0, 0]), float(ends[1, 0])),
        paired_test(np.zeros_like(delta), delta, blocks=blocks),
        tuple(float(value) for value in (b - a).mean(axis=1)),
    )


def common_seeds(*rows: Sequence[CollectedRow]) -> set[int]:
    """Return the seeds that every row was trained with."""
    return set.intersection(*({int(run.facts["seed"]) for run in runs} for runs in rows))


def comparable(a: Sequence[CollectedRow], b: Sequence[CollectedRow]) -> bool:
    """Tell whether two rows saw inputs of one size, about as often, and share a seed."""
    first, second = a[0].facts, b[0].facts
    near = abs(first["images_seen"] - second["images_seen"]) <= 0.06 * first["images_seen"]
    return near and first["input_pixels"] == second["input_pixels"] and bool(common_seeds(a, b))


def verdict(found: dict[str, Difference]) -> str:
    """Say in words what the differences say of the claim."""
    signs = {metric: each.favours(metric) for metric, each in found.items()}
    seeds = len(next(iter(found.values())).by_seed)
    if min(signs.values()) == -1 and max(signs.values()) == 1:
        return "cannot be told: the metrics disagree"
    sign = sum(signs.values())
    if abs(sign) < 2:
        return "cannot be told"
    if seeds == 1:
        direction = "for it" if sign > 0 else "against it"
        return f"cannot be told from one seed, which speaks {direction}"
    word = "holds" if sign > 0 else "does not hold: the opposite does"
    metrics = [metric for metric, value in signs.items() if value]
    steady = all(
        len({np.sign(value) for value in found[metric].by_seed}) == 1 for metric in metrics
    )
    return f"{word}, in each of {seeds} seeds" if steady else "cannot be told: the seeds disagree"


def claim_lines(rows: dict[str, list[CollectedRow]]) -> Iterable[str]:
    """Yield a paragraph a claim: what was claimed, what was found, how surely."""
    for claim in CLAIMS:
        yield f"**{claim.text}**"
        missing = [name for name in (claim.better, claim.worse) if name not in rows]
        if missing:
            names = " and ".join(f"`{name}`" for name in missing)
            yield f"Cannot be told: {names} not trained yet.\n"
            continue
        better, worse = by_area(rows[claim.better]), by_area(rows[claim.worse])
        shared = better.keys() & worse.keys()
        pair = f"`{claim.better}` minus `{claim.worse}`"
        yield ""
        for area in sorted(shared):
            where = f"At {better[area][0].pixels:,} pixels: "
            yield f"- {where}{answer(pair, better[area], worse[area])}"
        if not shared:
            yield UNLIKE
        yield ""


UNLIKE = "Cannot be told: the two were not trained at one input size and length."


def answer(pair: str, better: Sequence[CollectedRow], worse: Sequence[CollectedRow]) -> str:
    """Return what the runs of one area say of a claim."""
    if not comparable(better, worse):
        return UNLIKE
    found = {metric: difference(better, worse, metric) for metric in TESTED}
    parts = [
        f"{metric} {each.mean:+.3f} [{each.interval[0]:+.3f}, {each.interval[1]:+.3f}], "
        f"p {probability(each.p)}"
        for metric, each in found.items()
    ]
    text = verdict(found)
    if any("stopped" in passes_cell(run.facts) for run in (*better, *worse)):
        text = "cannot be told: not trained to the end"
    return f"{text[0].upper()}{text[1:]}. {pair}: {'; '.join(parts)}."


def probability(p: float) -> str:
    """Write a p value; the test draws 20,000 sign patterns, so that less is not told apart."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def interval(runs: Sequence[CollectedRow], metric: str) -> str:
    """Return the 95 % bootstrap interval over images of the seeds' mean: see `NEIGHBOURS`."""
    ids = runs[0].result.table.ids
    values = np.stack([run.result.table.column(metric, ids) for run in runs]).mean(axis=0)
    blocks = blocks_of(len(values), NEIGHBOURS)
    low, high = bootstrap_interval(values[:, None], blocks=blocks)[:, 0]
    return f"[{low:.3f}, {high:.3f}]"


def table_lines(rows: dict[str, list[CollectedRow]]) -> Iterable[str]:
    """Yield the tables of scores, the published row above ours, and the curves."""
    if not rows:
        yield "No row has been trained to its end yet."
        return
    first = first_run(rows)
    protocol, images = get_protocol("nyu-eigen"), first.result.images_scored
    yield (
        f"Ours: protocol {protocol.name} [{protocol.hash}] on {images} validation images, whose "
        "depth is in-painted (no holes). ± is the standard deviation over seeds. Brackets hold the "
        "95 % bootstrap interval of the mean over seeds, resampled over images in blocks of "
        f"{NEIGHBOURS} neighbours. Published: as printed in the document, on its own test images; "
        "? marks what it does not say. BF1 is the F1 score of depth edges, which no document "
        "reports."
    )
    yield ""
    shown = " | ".join(SHOWN)
    yield f"| row | | encoder | parameters | input | images | epochs | {shown} | BF1 |"
    yield "| --- | --- | --- | ---: | --- | --- | ---: | --- | --- | --- | ---: |"
    for name, values in first.result.baselines.items():
        scores = " | ".join(f"{values[metric]:.3f}" for metric in SHOWN)
        yield f"| *{name}* | no network | | 0 | | {first.facts['images']} | | {scores} | |"
    for name, runs in rows.items():
        facts, published = runs[0].facts, runs[0].published
        if published and "vkitti" not in PUBLISHED_ON.get(facts["recipe"], ""):
            scores = " | ".join(f"{published[m]:.3f}" if m in published else "" for m in SHOWN)
            yield f"| `{name}` | published | {document_cells(facts['recipe'])} | {scores} | |"
        for group in by_area(runs).values():
            yield our_line(name, group)
    yield ""
    yield "The same runs under the protocol of their document, means over seeds:"
    yield ""
    yield f"| row | input | protocol | {' | '.join(OWN_SHOWN)} | others |"
    yield "| --- | --- | --- |" + " ---: |" * len(OWN_SHOWN) + " --- |"
    for name, runs in rows.items():
        for group in by_area(runs).values():
            yield own_line(name, group)
    yield from picture_lines()


CURVES_CAPTION = (
    "*Each network has its own loss, so compare heights within a plot only. The model kept is the "
    "last one, validated once at the end: nothing is chosen on the images that score it.*"
)
PANEL_CAPTION = (
    "*The example room and five generated rooms, none of NYU: photograph, truth, then each network"
    "{about}, all in the truth's colour range (`python benchmarks/rows_report.py --panel RUNS"
    "{option}`).*"
)


def picture_lines() -> Iterable[str]:
    """Yield the curves, and the panel where there is one."""
    yield from ("", f"![Training loss of each row over its epochs](images/{CURVES.name})", "")
    yield CURVES_CAPTION
    if PANEL.is_file():
        yield from panel_lines(PANEL, " at the largest input it was trained on", "")
    for area, picture in sorted((int(path.stem.rpartition("_")[2]), path) for path in PANELS):
        yield from panel_lines(picture, f" trained at {area:,} pixels", f" --area {area}")


def panel_lines(picture: Path, about: str, option: str) -> Iterable[str]:
    """Yield a panel, and what it shows."""
    yield from ("", f"![Photograph, truth and the networks' answers](images/{picture.name})", "")
    yield PANEL_CAPTION.format(about=about, option=option)


def our_line(name: str, runs: Sequence[CollectedRow]) -> str:
    """Return the line of a row's runs at one area."""
    facts = runs[0].facts
    scores = " | ".join(
        f"{spread([run.metrics[metric] for run in runs])} {interval(runs, metric)}"
        for metric in SHOWN
    )
    images = f"{facts['images']}, expanded" if facts["expanded"] else str(facts["images"])
    return (
        f"| `{name}` | ours, {len(runs)} seed{'s' if len(runs) > 1 else ''} | "
        f"{ENCODER_NAMES.get(facts['encoder'], facts['encoder'])} | {facts['parameters']:,} | "
        f"{facts['input_pixels']:,} px | {images} | {passes_cell(facts)} | {scores} | "
        f"{spread([run.boundary_f1 for run in runs])} |"
    )


def own_line(name: str, runs: Sequence[CollectedRow]) -> str:
    """Return the line of a row's runs at one area under its document's protocol."""
    owns = [run.own for run in runs]
    scores = " | ".join(f"{mean_of(owns, 'metrics', metric):.3f}" for metric in OWN_SHOWN)
    others = ", ".join(
        f"{metric} {mean_of(owns, part, metric):.3f}"
        for part, metric in other_scores(name, owns[0])
    )
    size, protocol = f"{runs[0].facts['input_pixels']:,} px", owns[0]["protocol"]["name"]
    return f"| `{name}` | {size} | {protocol} | {scores} | {others} |"


def mean_of(results: Sequence[dict[str, Any]], part: str, name: str) -> float:
    """Return a score's mean over several results."""
    return statistics.mean(result[part][name] for result in results)


def other_scores(row: str, result: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what single documents report beside the usual metrics: part of the result, score."""
    found = []
    for metric, families in (
        ("depth_accuracy", ("unet-", "resnet34-unet")),
        ("rmse_log1p", ("ds-net", "depth-mancini")),
    ):
        if row.startswith(families) and metric in result["metrics"]:
            found.append(("metrics", metric))
    semantic = result.get("semantic") or {}
    return found + [("semantic", name) for name, value in semantic.items() if value is not None]


ENCODER_NAMES = {"mobilenet_v2": "MobileNetV2", None: "its own"}
PUBLISHED_ON = {"depth-mancini": "vkitti", "ds-net": "vkitti"}
DOCUMENT_CELLS = {
    "vgg19": ("VGG-19", "?", "19,200 px", "795", "1,000"),
    "unet": ("its own", "8.6 million", "76,800 px", "22,400", "240?"),
    "resnet34": ("ResNet-34", "24.8 million", "76,800 px", "22,400", "240?"),
    "resnet50": ("ResNet-50", "?", "?", "715, expanded", "?"),
    "densedepth": ("DenseNet-169", "42.6 million", "307,200 px", "50,000", "160"),
}
"""How a document trained: encoder, parameters, input, images, epochs; `?` where it does not say."""


def document_cells(recipe: str) -> str:
    """Return the cells of a published row that say how it was made."""
    family = next(key for key in DOCUMENT_CELLS if recipe.startswith(key))
    return " | ".join(DOCUMENT_CELLS[family])


def passes_cell(facts: dict[str, Any]) -> str:
    """Return how often the images were seen; of how many, where the run was stopped."""
    done, planned = facts["passes"], facts["passes_planned"]
    return f"{done:.0f}" if done >= planned else f"{done:.1f} of {planned:.0f}, stopped"


def first_run(rows: dict[str, list[CollectedRow]]) -> CollectedRow:
    """Return any run: what all have in common is read from it."""
    return next(iter(rows.values()))[0]


def left_lines(rows: dict[str, list[CollectedRow]]) -> Iterable[str]:
    """Yield what has not been trained, with the calls that go on."""
    from rows import AREA, ROWS, document_area

    stopped = {
        name for name, runs in rows.items() for run in runs if "stopped" in passes_cell(run.facts)
    }
    missing = [name for name in ROWS if name not in rows or name in stopped]
    smaller = [
        name
        for name, runs in rows.items()
        if name not in missing and max(run.area for run in runs) < document_area(ROWS[name])
    ]
    claimed = {name for claim in CLAIMS for name in (claim.better, claim.worse)}
    usual = {name: by_area(runs).get(AREA, []) for name, runs in rows.items()}
    few = [name for name in ROWS if name in claimed and len(usual.get(name, ())) < 3]
    call = "python benchmarks/rows.py --data DATA --out RUNS --collect benchmarks/rows"
    for what, names, options in (
        ("Not trained to the end", missing, ""),
        (
            "Trained only on inputs smaller than their document's (240x320 at most)",
            smaller,
            "--area document ",
        ),
        ("Rows of claims with fewer than three seeds", few, "--seeds 1,2 "),
    ):
        if names:
            yield f"{what}:\n\n```\n{call} \\\n    {options}--rows {','.join(names)}\n```\n"
    yield "Then `python benchmarks/rows_report.py` writes this page anew.\n"


def fill_page(text: str, parts: dict[str, str]) -> str:
    """Put each part between its marks `<!-- rows: NAME -->` and `<!-- end -->`."""
    for name, content in parts.items():
        pattern = re.compile(rf"(<!-- rows: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise LeadlineError(f"{PAGE}: has no mark '<!-- rows: {name} -->'")
        text = pattern.sub(lambda found, new=content: f"{found[1]}{new.rstrip()}\n{found[2]}", text)
    return text


def page_parts(rows: dict[str, list[CollectedRow]]) -> dict[str, str]:
    """Return what the page says of the rows, by the name of its mark."""
    return {
        "table": "\n".join(table_lines(rows)),
        "claims": "\n".join(claim_lines(rows)),
        "left": "\n".join(left_lines(rows)),
    }


def draw_curves(rows: dict[str, list[CollectedRow]], path: Path) -> None:
    """Draw the training loss of each row over the epochs, a small plot each."""
    from matplotlib.figure import Figure

    columns = min(4, len(rows))
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.4 * lines), layout="constrained")
    parts = np.atleast_1d(figure.subplots(lines, columns)).ravel()
    for axes, (name, collected) in zip(parts, rows.items(), strict=False):
        for colour, runs in zip(COLOURS, by_area(collected).values(), strict=False):
            for run in runs:
                passes, losses = run.losses()
                window = max(1, len(losses) // 20)
                smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
                axes.plot(passes, losses, color=colour, alpha=0.25, linewidth=0.7)
                axes.plot(passes[window - 1 :], smooth, color=colour, linewidth=1.6)
            scores = spread([run.metrics["delta1"] for run in runs])
            label = f"{runs[0].pixels:,} px: delta1 {scores}"
            axes.plot([], [], color=colour, label=label)
        axes.set_title(name, fontsize=9)
        axes.legend(fontsize=6, frameon=False)
        # The first losses are those of random weights; they would flatten the rest.
        late = [value for run in collected for value in run.losses()[1][2:]]
        axes.set_ylim(min(late) * 0.9, float(np.quantile(late, 0.98)) * 1.1)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    for axes in parts[len(rows) :]:
        axes.remove()
    figure.supxlabel("epochs", fontsize=9)
    figure.supylabel("training loss, each network's own", fontsize=9)
    save_plot(figure, path, dpi=110)


Picture = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]
"""Photograph (H,W,3), true metres (H,W), where they are known."""


def own_pictures() -> list[Picture]:
    """Return the example room and five generated rooms."""
    import subprocess

    from leadline.datasets.open import open_data
    from leadline.io.photos import read_photo

    photo = read_photo(ROOT / "examples" / "room.jpg").pixels
    import cv2

    stored = cv2.imread(str(ROOT / "examples" / "room_depth.png"), cv2.IMREAD_UNCHANGED)
    depth = stored.astype(np.float32) / 1000
    pictures: list[Picture] = [(photo, depth, depth > 0)]
    with tempfile.TemporaryDirectory() as folder:
        rooms = Path(folder) / "rooms"
        command = [sys.executable, "-m", "leadline", "worlds", "render", "--kind", "rooms"]
        command += ["--count", str(ROOM_VIEWS), "--size", "240x320", "--seed", "7"]
        subprocess.run([*command, "-o", str(rooms)], check=True)
        data = open_data(rooms, "all")
        views = [data[index] for index in range(len(data))]
    # A wall from nearby shows nothing of a network.
    views.sort(key=lambda view: np.ptp(np.quantile(view.depth[view.valid], (0.1, 0.9))))
    for view in views[-(PICTURES - 1) :]:
        pictures.append((view.image, view.depth, view.valid))
    return pictures


def data_pictures(folder: Path) -> list[Picture]:
    """Return six validation images, evenly spaced."""
    from leadline.datasets.open import open_data

    data = open_data(folder, "val")
    places = [number * len(data) // PICTURES for number in range(PICTURES)]
    return [(data[i].image, data[i].depth, data[i].valid) for i in places]


def runs_to_show(
    rows: dict[str, list[CollectedRow]], runs: Path, area: int | None
) -> list[tuple[str, int, Path]]:
    """Return (row, input pixels, run folder) of each collected row with a model below `runs`.

    They are of the first seed, at `area`, or at the largest input that there is of each.
    """
    from rows import run_name

    shown = []
    for name, collected in rows.items():
        wanted = [run for run in collected if run.facts["seed"] == 0 and area in (None, run.area)]
        found = [(run.pixels, runs / run_name(name, 0, run.area)) for run in wanted]
        found = [(pixels, folder) for pixels, folder in found if (folder / "model").is_dir()]
        if found:
            shown.append((name, *max(found)))
    return shown


def draw_panel(shown: Sequence[tuple[str, int, Path]], pictures: Sequence[Picture],
               path: Path) -> None:  # fmt: skip
    """Draw a column a picture: photograph, truth, each network's answer, in the truth's range.

    `shown` is what `runs_to_show` returns.
    """
    from leadline.depth.depth_map import DepthMap
    from leadline.inference import Predictor
    from leadline.io.photos import DRAWN, write_png
    from leadline.viz.panels import side_by_side

    predictors = [Predictor.load(folder, runtime="torch") for _, _, folder in shown]
    labels = [label("photograph", ""), label("truth", "")]
    labels += [label(name, f"{pixels:,} px") for name, pixels, _ in shown]
    columns = [np.concatenate(labels)]
    for image, depth, valid in pictures:
        answers = [predictor(image) for predictor in predictors]
        truth = DepthMap.from_metres(depth, valid)
        strip = side_by_side(image, truth, answers, height=PANEL_HEIGHT)
        columns.append(np.concatenate(np.split(strip, len(labels), axis=1)))
    write_png(path, np.concatenate(columns, axis=1), DRAWN)


def label(*lines: str) -> NDArray[np.uint8]:
    """Return what stands beside a line of the panel."""
    from leadline.viz.scale_bar import draw_title

    blank = np.full((PANEL_HEIGHT // len(lines), LABEL_WIDTH, 3), 255, np.uint8)
    return np.concatenate([draw_title(blank, line) for line in lines])


def main(arguments: list[str] | None = None) -> int:
    """Write the page and the curves, or a panel."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--panel", type=Path, metavar="RUNS", help="draw pictures with its models")
    parser.add_argument("--data", type=Path, help="draw validation images of this data instead")
    parser.add_argument("--picture", type=Path, help="where the panel goes")
    parser.add_argument("--area", type=int, help="show the networks trained at these input pixels")
    options = parser.parse_args(arguments)
    rows = read_rows()
    if options.panel is not None:
        usual = PANEL if options.area is None else PANEL.with_stem(f"{PANEL.stem}_{options.area}")
        picture = options.picture or usual
        if options.data is not None and ROOT in picture.resolve().parents:
            parser.error("pictures made of DATA may not be passed on: give --picture elsewhere")
        shown = runs_to_show(rows, options.panel, options.area)
        if not shown:
            at = "" if options.area is None else f" at {options.area:,} pixels"
            parser.error(f"{options.panel}: holds no model of a collected row{at}")
        pictures = own_pictures() if options.data is None else data_pictures(options.data)
        draw_panel(shown, pictures, picture)
        print(f"written: {picture}")
        return 0
    text = fill_page(PAGE.read_text(encoding="utf-8"), page_parts(rows))
    with atomic_path(PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"written: {PAGE}")
    if rows:
        draw_curves(rows, CURVES)
        print(f"written: {CURVES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
