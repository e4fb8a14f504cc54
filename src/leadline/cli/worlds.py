"""`leadline worlds`: render generated rooms and streets, and look at them."""

from pathlib import Path
from shlex import quote
from typing import Annotated, Any, Literal

import typer

from leadline.cli.options import parse_size
from leadline.cli.progress import track
from leadline.errors import LeadlineError, size_words
from leadline.io.atomic import check_writable, writable_target

app = typer.Typer(
    help="Synthetic rooms and streets with exact depth: render a data set, or draw a "
    "contact sheet.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

KindOption = Annotated[str, typer.Option(help="Kind of world: rooms or streets.")]
SizeOption = Annotated[
    Any,
    typer.Option(parser=parse_size, metavar="HxW", help="Height x width of the images, in pixels."),
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Random seed; another seed gives other worlds.")
]
QualityOption = Annotated[
    str, typer.Option(help="Render quality: training (fast) or picture (slow, less noise).")
]


@app.command("render")
def render_command(
    out: Annotated[Path, typer.Option("-o", "--out", help="Output folder for the data set.")],
    kind: KindOption = "rooms",
    count: Annotated[int, typer.Option(min=1, help="Number of views, validation included.")] = 1000,
    size: SizeOption = "240x320",
    seed: SeedOption = 0,
    quality: QualityOption = "training",
    val_share: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the views held out for validation.")
    ] = 0.1,
    labels: Annotated[
        str, typer.Option(help="Label set: worlds, nyu40, nyu13, vkitti or cityscapes.")
    ] = "worlds",
    sky: Annotated[
        str, typer.Option(help="Streets only: depth of the sky, invalid or far (655.35 m).")
    ] = "invalid",
    variations: Annotated[
        str,
        typer.Option(
            help="Streets only: random, vkitti (all ten per camera), or names separated by commas."
        ),
    ] = "random",
    form: Annotated[
        Literal["files", "shards"],
        typer.Option(
            "--format",
            help="files: image files in OUT; shards: render into OUT-files, then pack it into OUT.",
        ),
    ] = "files",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes (default: one per core).")
    ] = None,
) -> None:
    """Render a data set of image-depth-label pairs.

    If it is interrupted, run the same command again to continue.
    """
    from leadline.worlds import VKITTI_VARIATIONS, WorldSet, render_worlds

    named = {"random": (), "vkitti": VKITTI_VARIATIONS}
    chosen = named.get(variations) if variations in named else tuple(variations.split(","))
    options: dict[str, Any] = {"kind": kind, "sky": sky, "variations": chosen}
    world_set = WorldSet(count=count, size=size, seed=seed, level=quality, val_share=val_share,
                      labels=labels, **options)  # fmt: skip
    folder = out
    if form == "shards":
        out = out if out.name not in ("", "..") else out.resolve()  # which has a name
        folder = out.with_name(f"{out.name}-files")
        check_writable(out)
    rendered = render_worlds(folder, world_set, workers=workers, track=track)
    rate = rendered.new / max(rendered.seconds, 1e-9)
    typer.echo(f"{folder}: {rendered.views} views, {rendered.new} rendered now ({rate:.1f}/s)")
    if form == "shards":
        _pack(folder, out)
    data = quote(str(out))
    typer.echo(f"next: leadline check-data {data}   or   leadline train --data {data} ...")


def _pack(folder: Path, out: Path) -> None:
    from leadline.datasets.packing import pack_shards

    packed = pack_shards(folder, out, track=track)
    typer.echo(f"{out}: {sum(packed.samples.values())} views packed; {folder} is needed no more")


@app.command("show")
def show_command(
    out: Annotated[Path, typer.Option("-o", "--out", help="PNG file to write.")],
    kind: KindOption = "rooms",
    count: Annotated[int, typer.Option(min=1, help="Number of views.")] = 24,
    size: SizeOption = "240x320",
    seed: SeedOption = 0,
    quality: QualityOption = "training",
    columns: Annotated[int, typer.Option(min=1, help="Views per row.")] = 4,
    panels: Annotated[
        str,
        typer.Option(
            help="What to draw of each view: image, depth, classes, normals; separated by commas."
        ),
    ] = "image",
    split: Annotated[
        str, typer.Option(help="train, val or test; each split has its own worlds.")
    ] = "train",
) -> None:
    """Draw a contact sheet of rendered views."""
    if out.suffix.lower() != ".png":
        raise LeadlineError(f"{out}: a sheet is a PNG; give -o NAME.png")
    check_writable(writable_target(out).parent)
    from leadline.worlds import WorldSet, contact_sheet, render_room, render_street, write_sheet

    choice: Any = kind
    world_set = WorldSet(choice, count, size, seed, quality)
    which: Any = split

    def view(index: int) -> Any:
        if world_set.kind == "rooms":
            return render_room(seed, index, which, size=world_set.size, level=quality)
        return render_street(seed, index, index % 4, which, size=world_set.size, level=quality)

    numbers = track(range(count), f"render {kind}", count, unit="views")
    views = (view(index) for index in numbers)
    far = 10.0 if kind == "rooms" else 80.0
    sheet = contact_sheet(views, columns=columns, panels=tuple(panels.split(",")), far=far)
    write_sheet(out, sheet)
    typer.echo(f"{out}: {count} {kind}, {size_words(sheet.shape)} pixels")
