"""What a depth map is: metres along the optical axis, and which of them to trust."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leadline.depth.actions import act
from leadline.depth.edges import THRESHOLD
from leadline.depth.intrinsics import Intrinsics
from leadline.depth.measure import (
    LIKELY_PERCENT,
    Box,
    Distance,
    Pixel,
    Polygon,
    Span,
    distance_of,
    region_of,
    span_of,
)
from leadline.depth.quantized import QuantizedDepth
from leadline.depth.surface import Mesh, surface_normals, triangulate, unproject
from leadline.errors import LeadlineError, size_words

if TYPE_CHECKING:
    import torch
    from PIL import Image

DepthKind = Literal["metric", "affine-inverse"]
"""Metres, or depth whose inverse is known up to a scale and a shift, as relative models give it."""


@dataclass(frozen=True, eq=False, repr=False)
class DepthMap:
    """The distance of every pixel, in metres, as planar z along the optical axis.

    `depth` (H,W) float32 is positive and finite where `valid` (H,W) bool is True, and 0 elsewhere.
    `intrinsics`, if known, belong to the same size. `provenance` describes how the map was made
    (model, source picture, ...) and is written into every file saved from it. `uncertainty` (H,W)
    float32, if the model predicts it, is the scale b > 0 of a Laplace distribution of ln(metres).
    `interval_factors` are the factors q with which `interval` covers a percentage ("80") of the
    pixels.

    A map whose `kind` is affine-inverse has no unit. Its `inverse` is what a relative model
    predicts, and `depth` is the reciprocal, so that larger is farther. Methods that need metres
    refuse it; `leadline.calibrate` with a shift turns it into metres.

    Build a map with `DepthMap.from_metres`, which cleans its input. The plain constructor only
    checks, and raises LeadlineError if the conditions above do not hold.

    >>> depth_map = DepthMap.from_metres([[1.5, 0.0], [np.nan, 3.0]])
    >>> depth_map
    DepthMap(2x2, 1.5 to 3 m, 50.0% valid)
    >>> depth_map.at(x=1, y=1)
    3.0
    """

    depth: NDArray[np.float32]
    valid: NDArray[np.bool_]
    intrinsics: Intrinsics | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    uncertainty: NDArray[np.float32] | None = None
    interval_factors: Mapping[str, float] = field(default_factory=dict)
    kind: DepthKind = "metric"

    def __post_init__(self) -> None:
        if self.depth.ndim != 2 or self.depth.dtype != np.float32 or self.depth.size == 0:
            raise LeadlineError(
                f"a depth map is a non-empty (H,W) float32 array, not {self.depth.shape} "
                f"{self.depth.dtype}; build it with DepthMap.from_metres"
            )
        _check_valid_shape(self.valid, self.depth.shape)
        if not bool((((self.depth > 0) & (self.depth < np.inf)) == self.valid).all()):
            raise LeadlineError(
                "a depth map is positive and finite exactly where it is valid, and 0 elsewhere; "
                "build it with DepthMap.from_metres"
            )
        _check_camera(self.intrinsics, self.depth.shape)
        _check_uncertainty(self.uncertainty, self.depth.shape)

    @classmethod
    def _clean(
        cls,
        depth: NDArray[np.float32],
        valid: NDArray[np.bool_],
        intrinsics: Intrinsics | None,
        provenance: Mapping[str, str] | None,
        uncertainty: NDArray[np.float32] | None = None,
        interval_factors: Mapping[str, float] | None = None,
        kind: DepthKind = "metric",
    ) -> DepthMap:
        """Build from values that have just been cleaned, without looking at each a second time."""
        _check_camera(intrinsics, depth.shape)
        _check_uncertainty(uncertainty, depth.shape)
        made = cls.__new__(cls)
        fields = {"depth": depth, "valid": valid, "intrinsics": intrinsics, "kind": kind}
        stated = {"uncertainty": uncertainty, "interval_factors": dict(interval_factors or {})}
        for name, value in {**fields, "provenance": dict(provenance or {}), **stated}.items():
            object.__setattr__(made, name, value)
        return made

    @classmethod
    def from_metres(
        cls,
        array: ArrayLike,
        valid: NDArray[np.bool_] | None = None,
        intrinsics: Intrinsics | None = None,
        provenance: Mapping[str, str] | None = None,
        uncertainty: NDArray[np.float32] | None = None,
        interval_factors: Mapping[str, float] | None = None,
    ) -> DepthMap:
        """Build a depth map from metres, (H,W) of any real number type.

        NaN, infinite, zero and negative values become invalid, as do pixels where `valid` (H,W
        bool) is False; invalid pixels become 0. The input is not modified.
        Raises LeadlineError if the array is not a 2-D array of real numbers or the shapes differ.
        """
        metres = np.asarray(array)
        if metres.ndim != 2 or metres.dtype.kind not in "fiub" or metres.size == 0:
            raise LeadlineError(
                f"a depth map needs a non-empty 2-D array of real numbers, not shape "
                f"{metres.shape} of {metres.dtype}; pass one (H,W) plane"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 becomes inf: invalid
            depth = metres.astype(np.float32)
            trusted = (depth > 0) & (depth < np.inf)
        if valid is not None:
            _check_valid_shape(valid, depth.shape)
            trusted &= valid
        np.copyto(depth, 0, where=~trusted)
        return cls._clean(depth, trusted, intrinsics, provenance, uncertainty, interval_factors)

    @classmethod
    def from_inverse(
        cls,
        array: NDArray[np.float32],
        intrinsics: Intrinsics | None = None,
        provenance: Mapping[str, str] | None = None,
    ) -> DepthMap:
        """Build an affine-inverse map from inverse depth, (H,W), up to a scale and a shift.

        Values that are not positive and finite become invalid.
        Raises LeadlineError if the array is not a 2-D array of real numbers.
        """
        inverse = np.asarray(array, dtype=np.float32)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            found = cls.from_metres(np.where(inverse > 0, 1 / inverse, 0))
        return cls._clean(found.depth, found.valid, intrinsics, provenance, kind="affine-inverse")

    @property
    def inverse(self) -> NDArray[np.float32]:
        """Inverse depth, (H,W) float32, 0 where invalid: 1/m, or up to a scale and a shift."""
        inverse = np.zeros(self.depth.shape, dtype=np.float32)
        return np.divide(np.float32(1), self.depth, out=inverse, where=self.valid)

    def require_metres(self) -> None:
        """Raise LeadlineError if the map has no unit."""
        if self.kind != "metric":
            raise LeadlineError(
                f"this depth map is {self.kind}, without scale and shift: it holds no metres; "
                "give it two known distances ('leadline calibrate --shift')"
            )

    @classmethod
    def from_quantized(cls, stored: QuantizedDepth) -> DepthMap:
        """Build a depth map from integers.

        The result is the same as from `from_metres`, but skips the checks that integers do not need
        (NaN, ...): a training run reads a million maps this way.
        """
        depth = stored.metres(stored.values)
        return cls._clean(depth, stored.values > 0, stored.intrinsics, stored.provenance)

    def within(self, min_depth: float, max_depth: float | None) -> DepthMap:
        """Return the map with depth up to `min_depth` and beyond `max_depth` m made invalid."""
        if min_depth <= 0 and max_depth is None:
            return self
        kept = self.valid & (self.depth > min_depth)
        if max_depth is not None:
            kept &= self.depth <= max_depth
        depth = np.where(kept, self.depth, np.float32(0))
        return self._clean(
            depth,
            kept,
            self.intrinsics,
            self.provenance,
            self.uncertainty,
            self.interval_factors,
            self.kind,
        )

    def interval(self, percent: int = 80) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the near and the far end of the interval in metres, (H,W) float32, 0 if invalid.

        The interval should hold `percent` of the true depths: depth * exp(-+ q b), where b is the
        uncertainty and q the factor that covers this percentage of the validation images' pixels.
        Raises LeadlineError if the model predicts no uncertainty or has no factor for `percent`.

        >>> one = np.ones((1, 1), np.float32)
        >>> factors = {"50": np.log(2)}  # of a true Laplace distribution
        >>> wall = DepthMap.from_metres(3 * one, uncertainty=0.1 * one, interval_factors=factors)
        >>> near, far = wall.interval(50)
        >>> f"{near[0, 0]:.2f} to {far[0, 0]:.2f} m"
        '2.80 to 3.22 m'
        """
        self.require_metres()
        if self.uncertainty is None:
            raise LeadlineError(
                "this depth map has no uncertainty; predict it with a model that states it"
            )
        factor = self.interval_factors.get(str(percent))
        if factor is None:
            known = ", ".join(self.interval_factors) or "none"
            raise LeadlineError(
                f"no interval of {percent} % was fitted for this model (there are: {known}); "
                "run leadline intervals MODEL DATA"
            )
        reach = np.exp(np.float32(factor) * self.uncertainty)
        return self.depth / reach, self.depth * reach

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.depth.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.depth.shape[1])

    @property
    def valid_share(self) -> float:
        """The share of valid pixels, 0 to 1."""
        return int(np.count_nonzero(self.valid)) / self.valid.size

    def at(self, x: int, y: int) -> float:
        """Return the metres at column `x`, row `y`, counted from 0 at the top left.

        Raises LeadlineError outside the map, at an invalid pixel, and for a map without unit.
        """
        self.require_metres()
        self.check_pixel(x, y)
        return float(self.depth[y, x])

    def check_pixel(self, x: int, y: int) -> None:
        """Raise LeadlineError for a pixel outside the map, without valid depth, or not whole."""
        if not (isinstance(x, Integral) and isinstance(y, Integral)):
            raise LeadlineError(f"pixel ({x}, {y}): give whole pixels")
        if not (0 <= x < self.width and 0 <= y < self.height):
            raise LeadlineError(
                f"pixel ({x}, {y}) is outside the {size_words(self.shape)} depth map; "
                f"choose x from 0 to {self.width - 1} and y from 0 to {self.height - 1}"
            )
        if not self.valid[y, x]:
            raise LeadlineError(f"pixel ({x}, {y}) has no valid depth; choose another pixel")

    def points(self) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return every valid pixel as a point in camera coordinates, with its pixel index.

        The points are (N,3) float32 in metres, x right, y down, z forward, in row-major order; the
        indices are (N,) into the flattened map: `colours.reshape(-1, 3)[indices]` fits.
        Raises LeadlineError if the intrinsics are not known.
        """
        camera = self._camera()
        indices = np.flatnonzero(self.valid)
        return unproject(self.depth, camera).reshape(-1, 3)[indices], indices

    def normals(self) -> NDArray[np.float32]:
        """Return the unit normal of the surface at every pixel, (H,W,3) float32, 0 where unknown.

        In camera coordinates, x right, y down, z forward, towards the camera: a wall straight
        ahead has (0, 0, -1). Normals of a plane are exact. No normal mixes the two sides of an
        edge.
        Raises LeadlineError if the intrinsics are not known.

        >>> camera = Intrinsics.centred(10.0, 4, 3)
        >>> wall = DepthMap.from_metres(np.full((3, 4), 2.0), intrinsics=camera)
        >>> wall.normals()[1, 1].tolist()
        [0.0, 0.0, -1.0]
        """
        return surface_normals(self.depth, self.valid, self._camera())

    def mesh(self, step: int | None = None, relative_threshold: float = THRESHOLD) -> Mesh:
        """Return the map as triangles with texture coordinates, cut at edges of depth.

        Every `step`-th pixel is a vertex. By default all pixels are, or as many as give at most
        400,000 vertices. `relative_threshold` is as in `flying_pixel_mask`.
        `leadline.io.write_mesh` writes the mesh to a file.
        Raises LeadlineError if the intrinsics are unknown or no two neighbours are valid.
        """
        return triangulate(self.depth, self.valid, self._camera(), step, relative_threshold)

    def distance(
        self,
        box: Box | None = None,
        *,
        polygon: Polygon | None = None,
        mask: ArrayLike | None = None,
    ) -> Distance:
        """Return the distance of the thing in a box, a polygon or a mask, with its spread.

        `box` is (left, top, right, bottom) and `polygon` lists (x, y) corners, in pixels from the
        outer edge of the picture, as detectors give them. `mask` is (H,W), nonzero inside. The
        result holds the median of the valid pixels in metres of planar z and the range that holds
        80 % of them. If the map has fitted uncertainty, it also holds an interval for the error of
        the median. A LeadlineWarning says how much of a box or polygon lies outside the map.
        Raises LeadlineError unless exactly one region is given, or if no valid pixel lies in it.

        >>> DepthMap.from_metres([[1.0, 2.0], [3.0, 4.0]]).distance((0, 0, 1, 2)).metres
        2.0
        """
        self.require_metres()
        region = region_of(self.shape, box, polygon, mask)
        return distance_of(self.depth, self.valid, region, self._likely_interval())

    def distance_between(
        self, start: Pixel, end: Pixel, relative_error: float | None = None
    ) -> Span:
        """Return the straight line in space between two pixels (x, y): its length and its ends.

        `relative_error` is the standard error of depth as a share of the depth, for instance 0.1.
        The result then states the error of the length, assuming independent errors at both ends. If
        the map has fitted uncertainty, the result also states an interval that holds 8 of 10 true
        lengths.
        Raises LeadlineError for a pixel outside the map or without valid depth, and if the
        intrinsics are unknown.

        >>> camera = Intrinsics.centred(10.0, 3, 1)
        >>> wall = DepthMap.from_metres(np.full((1, 3), 5.0), intrinsics=camera)
        >>> wall.distance_between((0, 0), (2, 0)).metres
        1.0
        """
        camera = self._camera()
        ends = [(pixel, self.at(*pixel)) for pixel in (start, end)]
        return span_of(camera, ends[0], ends[1], relative_error, self._log_scales(start, end))

    def _likely_interval(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Return between which metres (H,W) the depth lies; None where that was not fitted."""
        is_fitted = self.uncertainty is not None and str(LIKELY_PERCENT) in self.interval_factors
        return self.interval(LIKELY_PERCENT) if is_fitted else None

    def _log_scales(self, start: Pixel, end: Pixel) -> tuple[float, float] | None:
        """Return the Laplace scales of ln(depth) at two pixels whose intervals are those fitted."""
        factor = self.interval_factors.get(str(LIKELY_PERCENT))
        if self.uncertainty is None or factor is None:
            return None
        # P % of a Laplace distribution of scale s lie within s * -ln(1 - P/100).
        whole = factor / -math.log(1 - LIKELY_PERCENT / 100)
        first, second = (float(self.uncertainty[y, x]) * whole for x, y in (start, end))
        return first, second

    def save(
        self, path: Path | str, format: str | None = None, units: float | str | None = None
    ) -> Path:
        """Write the map to a file, with its unit, camera and provenance, and return its path.

        The suffix decides the format: .npy, .npz, .png (png16), .exr or .pfm. `format` chooses
        between formats that share a suffix. `units` are the units per metre of png16, a number or a
        name such as "kitti" (default 1000, millimetres). `leadline.io.read_depth` reads all of
        these formats.
        Raises LeadlineError for an unknown suffix or unit, or if the file cannot be written.
        """
        saved: Path = act("save", self, path, format, units)
        return saved

    def picture(
        self,
        *,
        vmin: float | None = None,
        vmax: float | None = None,
        cmap: str = "turbo",
        bar: bool = True,
    ) -> Image.Image:
        """Return the map in colours as a Pillow picture, with a scale in metres beside it.

        Near is warm or bright, invalid pixels are grey. The options are those of
        `leadline.viz.colorize`.
        Raises LeadlineError for an unknown colour map, a range that does not increase, or a range
        in metres if the map has no unit.
        """
        drawn: Image.Image = act("picture", self, vmin=vmin, vmax=vmax, cmap=cmap, bar=bar)
        return drawn

    def plot(
        self,
        ax: Any = None,
        *,
        vmin: float | None = None,
        vmax: float | None = None,
        cmap: str = "turbo",
        title: str | None = None,
    ) -> Any:
        """Draw the map, with a scale in metres, into matplotlib axes (by default new ones).

        Returns the axes. Raises LeadlineError if matplotlib is not installed.
        """
        return act("plot", self, ax, vmin=vmin, vmax=vmax, cmap=cmap, title=title)

    def to_torch(self) -> torch.Tensor:
        """Return the metres as a tensor, (1,H,W) float32, 0 where invalid; a copy, on the CPU.

        Raises LeadlineError if torch is not installed or the map has no unit.
        """
        self.require_metres()
        try:
            import torch
        except ImportError as error:
            raise LeadlineError("to_torch needs torch: pip install 'leadline[train]'") from error
        return torch.tensor(self.depth)[None]

    def to_rerun(
        self, rgb: ArrayLike | None = None, *, entity: str = "camera", recording: Any = None
    ) -> None:
        """Log the map to the Rerun viewer, at the time set in Rerun.

        Three things are logged below `entity`:

        - `image`: the pinhole camera with the colours `rgb`, (H,W,3) uint8 or a Pillow picture of
          the map's size;
        - `image/depth`: the metres, 0 where invalid;
        - `points`: coloured points, x right, y down, z forward, without flying pixels.

        Without intrinsics, neither the camera nor the points are logged. `recording` is a
        `rerun.RecordingStream`, by default the active one.
        Raises LeadlineError if Rerun is not installed, if `rgb` has another size, or if the map has
        no unit.
        """
        act("rerun", self, rgb, entity=entity, recording=recording)

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows where it takes no HTML."""
        png: bytes = act("png", self)
        return png

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        shown: str = act("html", self)
        return shown

    def _camera(self) -> Intrinsics:
        self.require_metres()
        if self.intrinsics is None:
            raise LeadlineError(
                "points in space need the camera's intrinsics; "
                "give a camera file, a field of view or a focal length"
            )
        return self.intrinsics

    def __repr__(self) -> str:
        size = size_words(self.shape)
        if not self.valid.any():
            return f"DepthMap({size}, no valid pixel)"
        if self.kind != "metric":
            return f"DepthMap({size}, {self.kind}: no unit, {self.valid_share:.1%} valid)"
        near, far = self.depth[self.valid].min(), self.depth.max()
        return f"DepthMap({size}, {near:.3g} to {far:.3g} m, {self.valid_share:.1%} valid)"


def _check_camera(camera: Intrinsics | None, shape: tuple[int, ...]) -> None:
    if camera is not None and (camera.height, camera.width) != shape:
        raise LeadlineError(
            f"intrinsics for {size_words((camera.height, camera.width))} pixels do not fit a depth "
            f"map of {size_words(shape)}; use Intrinsics.scaled_to"
        )


def _check_uncertainty(uncertainty: NDArray[np.float32] | None, shape: tuple[int, ...]) -> None:
    if uncertainty is None:
        return
    if uncertainty.shape != shape or uncertainty.dtype != np.float32:
        raise LeadlineError(
            f"the uncertainty is {uncertainty.shape} {uncertainty.dtype} but the depth is {shape}; "
            "give a float32 array of the same shape"
        )
    if not bool(((uncertainty > 0) & (uncertainty < np.inf)).all()):
        raise LeadlineError("an uncertainty is positive and finite at every pixel")


def _check_valid_shape(valid: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    if valid.shape != shape or valid.dtype != np.bool_:
        raise LeadlineError(
            f"the valid mask is {valid.shape} {valid.dtype} but the depth is {shape}; "
            "give a bool array of the same shape"
        )
