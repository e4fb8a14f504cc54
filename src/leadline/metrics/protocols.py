"""The named protocols, and custom ones from YAML."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import yaml

from leadline.errors import LeadlineError, one_line
from leadline.io.files import read_bytes
from leadline.metrics.depth_metrics import DEVKIT_METRICS, DOCUMENT_METRICS
from leadline.metrics.protocol import Protocol

GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
EIGEN_KITTI = (0.3324324, 0.91351351, 0.0359477, 0.96405229)
NYU_SIZE = (480, 640)
FRACTIONAL = ("min_depth", "max_depth", "clamp", "crop_fractions")
"""The fields of a protocol that may hold such numbers as 1e-3."""
RAW = "raw sensor depth, holes not scored"
FILLED = "depth with its holes filled"
VELODYNE = "one velodyne sweep projected into the image"
UNCAPPED = 100.0
"""Metres; for published code that caps no truth: ten times beyond what the NYU sensor sees."""
ANY_POSITIVE = (1e-6, 1e4)
"""Metres; for published code that does not clamp: ours, because logarithms need a positive value
and a mean a finite one."""

_NYU_EIGEN = Protocol(
    name="nyu-eigen",
    source="Eigen et al. 2014 as coded by BTS, AdaBins, ZoeDepth: crop [45:471, 41:601]",
    truth=RAW,
    min_depth=1e-3,
    max_depth=10.0,
    crop=(45, 471, 41, 601),
    crop_size=NYU_SIZE,
)
_DENSEDEPTH = Protocol(
    name="nyu-densedepth",
    source="Alhashim and Wonka 2018 as the paper's numbers imply: per image, right order of "
    "arguments (their evaluate.py for TensorFlow)",
    truth=FILLED,
    min_depth=0.0,
    max_depth=UNCAPPED,
    clamp=(0.1, 10.0),
    crop=(20, 460, 24, 616),
    crop_size=NYU_SIZE,
    flip_averaging=True,
)
_GARG = Protocol(
    name="kitti-eigen-garg",
    source="Garg et al. 2016 as coded by monodepth, monodepth2, BTS: Garg crop, 80 m",
    truth=VELODYNE,
    min_depth=1e-3,
    max_depth=80.0,
    crop_fractions=GARG,
)
_SCIUTO = Protocol(
    name="vkitti-sciuto",
    source="Sciuto's released code: 160x256, depth clipped at 40 m, so that the sky counts as "
    "40 m, predictions not clamped; ln(1 + d) under the name of RMSE log is rmse_log1p here. "
    "The code asks for nearest truth, but hands it to OpenCV in the wrong place and gets "
    "bilinear; here it is nearest",
    truth="rendered depth, the sky at 655.35 m valid",
    min_depth=0.0,
    max_depth=40.0,
    beyond_max="clipped",
    clamp=ANY_POSITIVE,
    working_size=(160, 256),
    variants=("rmse + 1e-5 under the root",),
)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        _NYU_EIGEN,
        replace(
            _NYU_EIGEN,
            name="nyu-toolbox",
            source="NYU Depth v2 toolbox, get_projection_mask.m: MATLAB (45:471, 41:601), 1-based "
            "and inclusive, is [44:471, 40:601]",
            crop=(44, 471, 40, 601),
        ),
        replace(
            _NYU_EIGEN,
            name="nyu-full",
            source="every valid pixel of the 480x640 picture, 10 m",
            crop=(0, 480, 0, 640),
        ),
        _DENSEDEPTH,
        replace(
            _DENSEDEPTH,
            name="nyu-densedepth-released",
            source="Alhashim and Wonka 2018, the released evaluate.py and utils.py: pooled over "
            "all pixels, compute_errors called with its arguments swapped",
            aggregation="pooled",
            swapped=True,
        ),
        Protocol(
            name="nyu-laina",
            source="Laina et al. 2016, matlab/error_metrics.m: pooled over the whole test set, the "
            "full picture, nothing clamped (here to 1 um..10 km, for logarithms and means)",
            truth=FILLED,
            min_depth=0.0,
            max_depth=UNCAPPED,
            clamp=ANY_POSITIVE,
            crop=(0, 480, 0, 640),
            crop_size=NYU_SIZE,
            aggregation="pooled",
        ),
        _GARG,
        replace(
            _GARG,
            name="kitti-eigen-eigen",
            source="Eigen et al. 2014's crop as found by trial by monodepth, 80 m",
            crop_fractions=EIGEN_KITTI,
        ),
        replace(
            _GARG,
            name="kitti-garg-50",
            source="Garg et al. 2016: Garg crop, 1..50 m",
            min_depth=1.0,
            max_depth=50.0,
        ),
        Protocol(
            name="kitti-benchmark",
            source="KITTI depth development kit, evaluate_depth.cpp: every annotated pixel, sq_rel "
            "divided by g^2, inverse errors in 1/m; silog times 100 as on the site. Holes in a "
            "prediction are filled along their row as its header is remembered, not read",
            truth="annotated depth (11 accumulated sweeps, stereo-checked)",
            min_depth=0.0,
            max_depth=256.0,
            clamp=(1 / 256, 256.0),
            holes="nearer neighbour in the row",
            extra_metrics=(*DEVKIT_METRICS, *DOCUMENT_METRICS),
            variants=("sq_rel / g^2",),
        ),
        _SCIUTO,
        replace(
            _SCIUTO,
            name="kitti-sciuto",
            source="as vkitti-sciuto, pixels without a measurement not scored. The released "
            "loader divides KITTI's 16-bit values by 100, not 256; here metres are metres",
            truth="annotated depth of val_selection_cropped",
        ),
        Protocol(
            name="full",
            source="every valid pixel between 1 mm and 80 m; Leadline's default for own data",
            min_depth=1e-3,
            max_depth=80.0,
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """Return the protocol called `name`, or the one that the YAML file `name` describes."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    if Path(name).suffix in {".yaml", ".yml"}:
        return read_protocol(Path(name))
    close = difflib.get_close_matches(name, PROTOCOLS, n=1)
    raise LeadlineError(
        f"protocol {name!r} is not known{f' (did you mean {close[0]}?)' if close else ''}; choose "
        f"one of {', '.join(PROTOCOLS)}, auto, or a .yaml file"
    )


def protocol_for(name: str, size: tuple[int, int]) -> Protocol:
    """Return the protocol called `name`; `auto` is nyu-eigen for 480x640 truth, else full."""
    if name == "auto":
        name = "nyu-eigen" if size == NYU_SIZE else "full"
    return get_protocol(name)


def aligned(protocol: Protocol, method: str, space: str = "depth") -> Protocol:
    """Return `protocol` with another alignment, which its name says."""
    return replace(
        protocol,
        name=f"{protocol.name}+{method}-{space}",
        alignment=method,
        alignment_space=space,
    )


def read_protocol(path: Path) -> Protocol:
    """Read a custom protocol: fields of `Protocol` in YAML, `base` naming one to start from.

    `name` and `source` are the file's own: without `base`, min_depth and max_depth are needed too.
    Errors: LeadlineError naming the file, and for an unknown key the nearest known one.
    """
    try:
        content = yaml.safe_load(read_bytes(path, "protocol").decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LeadlineError(f"{path}: not readable as YAML ({one_line(error)})") from error
    if not isinstance(content, dict):
        raise LeadlineError(f"{path}: expected a mapping of protocol fields, such as name: my-crop")
    known = {field.name for field in fields(Protocol)}
    for key in content:
        if key not in known | {"base"}:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(known))}"
            raise LeadlineError(f"{path}: unknown key {key!r}{hint}")
    base = content.pop("base", None)
    needed = {"name", "source"} | (set() if base else {"min_depth", "max_depth"})
    if missing := sorted(needed - set(content)):
        raise LeadlineError(f"{path}: {', '.join(missing)} is missing")
    if content["name"] in (*PROTOCOLS, "auto"):
        raise LeadlineError(
            f"{path}: {content['name']!r} is a protocol of Leadline's own; give yours another name"
        )
    content.update({key: _numbers_meant(content[key]) for key in FRACTIONAL if key in content})
    if base:
        content = {**asdict(get_protocol(str(base))), **content}
    return _validated(path, content)


def _numbers_meant(value: Any) -> Any:
    """Return a number for text such as 1e-3, which YAML 1.1 takes for a string."""
    if isinstance(value, list):
        return [_numbers_meant(each) for each in value]
    meant = isinstance(value, str) and re.fullmatch(r"[-+]?\d+\.?\d*[eE][-+]?\d+", value)
    return float(value) if meant else value


def _validated(path: Path, content: dict[str, Any]) -> Protocol:
    # Only for custom protocols: pydantic takes longer to import than a table to print.
    from pydantic import TypeAdapter, ValidationError

    try:
        # As JSON, because strictness there means types, not that a list is no tuple.
        return TypeAdapter(Protocol).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise LeadlineError(
            f"{path}: {key} is {first['input']!r}; {one_line(ValueError(first['msg']))}"
        ) from None
    except TypeError as error:  # a YAML date or set
        raise LeadlineError(f"{path}: {one_line(error)}; give numbers, text or lists") from None
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None
