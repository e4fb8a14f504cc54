"""`leadline calibrate`: known distances correct a predicted depth map."""

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli.inputs import check_writable, with_suffix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from leadline.depth import Calibration, DepthMap

SHOWN = 12
"""Points whose errors are printed one by one; of more, only the summary is."""


def calibrate_command(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Predicted depth file, or a photograph.")
    ],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for the results.")] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y=METRES", help="A known distance at a pixel; repeatable."),
    ] = None,
    sparse: Annotated[
        Path | None,
        typer.Option(help="Known distances: a depth file of the same size, or text 'x y metres'."),
    ] = None,
    sparse_scale: Annotated[
        str | None, typer.Option(help="Units per metre of --sparse: 1000, kitti, ...")
    ] = None,
    shift: Annotated[
        bool,
        typer.Option("--shift", help="Also fit a shift of inverse depth (two points at least)."),
    ] = False,
    fit: Annotated[
        str, typer.Option(help="median (resists wrong points) or least-squares.")
    ] = "median",
    model: Annotated[
        str | None, typer.Option(help="INPUT is a photograph: predict it with this model.")
    ] = None,
    depth_scale: Annotated[
        str | None, typer.Option(help="Units per metre of INPUT, where it does not say it.")
    ] = None,
    format: Annotated[str, typer.Option(help="npy, npz, exr, pfm or png16.")] = "npy",
    color: Annotated[
        bool, typer.Option("--color", help="Also write <name>_color.png with a metre scale.")
    ] = False,
) -> None:
    """Fit the scale of a depth map to known distances, and write the corrected map.

    Depth is planar z: the distance along the viewing direction, not along the ray. The fit is
    saved as calibration.json, for 'leadline predict --calibration' on pictures of the same camera.
    """
    from leadline.depth import fit_calibration
    from leadline.errors import LeadlineError
    from leadline.io import depth_format, write_calibration, write_depth, write_png
    from leadline.viz import colorize

    if out is None:
        raise LeadlineError("no output folder: give -o OUT")
    if fit not in ("median", "least-squares"):
        raise LeadlineError(f"--fit {fit}: choose median or least-squares")
    if sparse is not None and point:
        raise LeadlineError("--point and --sparse: give one of them, not both")
    if sparse is None and not point:
        raise LeadlineError(
            "give known distances: --point X,Y=METRES (repeatable) or --sparse FILE"
        )
    target = out / source.stem
    written = with_suffix(target, depth_format(format).suffix)
    if source.resolve() in (written.resolve(), with_suffix(target, "_color.png").resolve()):
        raise LeadlineError(f"{written}: would overwrite the input; choose another -o")
    check_writable(out)
    prediction, name = _read_or_predict(source, model, depth_scale)
    known = _from_points(point) if point else _from_file(sparse, sparse_scale, prediction)
    predicted = _predicted_at(prediction, known, exact=bool(point))
    usable = predicted > 0
    if not usable.all():
        typer.echo(f"{int((~usable).sum())} of {len(usable)} known distances lie on invalid depth")
    known, predicted = known.subset(usable), predicted[usable]
    calibration = fit_calibration(predicted, known.metres, shift=shift, fit=fit)  # type: ignore[arg-type]
    about = {"source": source.name, "model": name, "fit": fit, "points": str(len(known.metres))}
    calibration = replace(calibration, about={key: value for key, value in about.items() if value})
    _report(calibration, known, predicted, fit)
    calibrated = calibration.apply(prediction)
    write_depth(written, calibrated, format)
    write_calibration(out / "calibration.json", calibration)
    results = [written, out / "calibration.json"]
    if color:
        results.append(with_suffix(target, "_color.png"))
        write_png(results[-1], colorize(calibrated, bar=True))
    lost = int(prediction.valid.sum() - calibrated.valid.sum())
    if lost:
        typer.echo(f"{lost} pixels lie beyond infinity after the shift: invalid")
    typer.echo(f"written: {', '.join(map(str, results))}")


@dataclass(frozen=True)
class Known:
    """Known distances: pixel columns and rows (n,) and metres (n,)."""

    x: "NDArray[np.intp]"
    y: "NDArray[np.intp]"
    metres: "NDArray[np.float64]"

    def subset(self, chosen: "NDArray[np.bool_]") -> "Known":
        """Return the points where `chosen` is True."""
        return Known(self.x[chosen], self.y[chosen], self.metres[chosen])


def _read_or_predict(
    source: Path, model: str | None, depth_scale: str | None
) -> "tuple[DepthMap, str]":
    """Return the depth map and the name of the model that made it, "" where unknown."""
    from leadline.depth import parse_units
    from leadline.io import is_depth_file, read_depth

    scale = parse_units(depth_scale) if depth_scale else None
    if model is None and (scale is not None or is_depth_file(source)):
        depth_map = read_depth(source, scale)
        return depth_map, depth_map.provenance.get("model", "")
    from leadline.inference import Predictor
    from leadline.weights import DEFAULT_MODEL

    predictor = Predictor.load(model or DEFAULT_MODEL)
    return predictor(source), predictor.name


def _from_points(texts: list[str]) -> Known:
    import numpy as np

    from leadline.errors import LeadlineError

    rows = []
    for text in texts:
        parts = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*=\s*([^\s=]+?)\s*m?\s*", text)
        metres = _number(parts[3]) if parts else None
        if parts is None or metres is None:
            raise LeadlineError(
                f"--point {text}: expected X,Y=METRES in pixels from the top left, "
                "for instance 320,240=2.5"
            )
        rows.append((int(parts[1]), int(parts[2]), metres))
    x, y, distances = zip(*rows, strict=True)
    return Known(np.array(x), np.array(y), np.array(distances, dtype=np.float64))


def _number(text: str) -> float | None:
    """Return a finite number, None for any other text."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _from_file(path: Path | None, scale: str | None, prediction: "DepthMap") -> Known:
    """Read a depth file of the prediction's size, or lines of text with column, row and metres."""
    import numpy as np

    from leadline.depth import parse_units
    from leadline.depth.units import UndeclaredUnitsError, undeclared_units
    from leadline.errors import LeadlineError
    from leadline.io import read_depth

    assert path is not None
    if path.suffix.lower() in (".txt", ".csv", ".xyz"):
        return _from_text(path)
    try:
        truth = read_depth(path, parse_units(scale) if scale else None)
    except UndeclaredUnitsError:
        raise undeclared_units(path, "--sparse-scale 1000 for millimetres") from None
    if truth.shape != prediction.shape:
        raise LeadlineError(
            f"{path}: is {truth.width}x{truth.height} but the prediction is "
            f"{prediction.width}x{prediction.height}; both must belong to one picture"
        )
    y, x = np.nonzero(truth.valid)
    return Known(x, y, truth.depth[truth.valid].astype(np.float64))


def _from_text(path: Path) -> Known:
    import numpy as np

    from leadline.errors import LeadlineError
    from leadline.io.files import read_bytes

    rows = []
    text = read_bytes(path, "list of points").decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            x, y, metres = (float(word) for word in words)
            if not all(map(np.isfinite, (x, y, metres))):
                raise ValueError
        except ValueError:
            raise LeadlineError(
                f"{path}: line {number} is {line.strip()[:60]!r}; expected three numbers: "
                "column, row and metres"
            ) from None
        rows.append((x, y, metres))
    if not rows:
        raise LeadlineError(f"{path}: holds no points; expected lines of column, row and metres")
    table = np.array(rows, dtype=np.float64)
    columns, lines = np.rint(table[:, :2].T).astype(np.intp)
    return Known(columns, lines, table[:, 2])


def _predicted_at(prediction: "DepthMap", known: Known, *, exact: bool) -> "NDArray[np.float64]":
    """Return predicted metres at the known pixels, 0 where there are none.

    Every single point that was typed must lie on valid depth; of a file, some may not.
    """
    import numpy as np

    from leadline.errors import LeadlineError

    if exact:
        for x, y in zip(known.x, known.y, strict=True):
            prediction.at(int(x), int(y))
    inside = (known.x >= 0) & (known.x < prediction.width)
    inside &= (known.y >= 0) & (known.y < prediction.height)
    if not inside.all():
        x, y = known.x[~inside][0], known.y[~inside][0]
        raise LeadlineError(
            f"point ({x}, {y}) is outside the {prediction.width} x {prediction.height} depth map; "
            "give pixels of the picture at its own size"
        )
    return prediction.depth[known.y, known.x].astype(np.float64)


def _report(
    calibration: "Calibration", known: Known, predicted: "NDArray[np.float64]", fit: str
) -> None:
    """Print the calibration and what is left at the points, one by one where they are few."""
    import numpy as np

    from leadline.metrics import depth_metrics

    corrected = calibration.metres(predicted)
    typer.echo(f"{calibration}   ({fit} of {len(predicted)} known distances)")
    if len(predicted) <= SHOWN:
        typer.echo(f"{'x':>6}{'y':>6}{'known':>10}{'predicted':>11}{'calibrated':>12}{'error':>9}")
        for x, y, truth, before, after in zip(
            known.x, known.y, known.metres, predicted, corrected, strict=True
        ):
            error = round((after - truth) / truth, 4) + 0.0  # no "-0.0 %"
            typer.echo(f"{x:>6}{y:>6}{truth:>10.3f}{before:>11.3f}{after:>12.3f}{error:>+9.1%}")
        return
    typer.echo(f"{'':<12}{'abs_rel':>9}{'rmse':>9}{'delta1':>9}{'median error':>14}")
    for name, metres in (("predicted", predicted), ("calibrated", np.minimum(corrected, 1e6))):
        scores = depth_metrics(metres, known.metres)
        middle = float(np.median(np.abs(metres - known.metres)))
        typer.echo(
            f"{name:<12}{scores['abs_rel']:>9.3f}{scores['rmse']:>9.3f}{scores['delta1']:>9.3f}"
            f"{middle:>12.3f} m"
        )
