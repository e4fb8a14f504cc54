"""`Predictor`: predicts a `DepthMap` in metres from a photograph, on any engine."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sized
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leadline.depth.depth_map import DepthKind, DepthMap
from leadline.depth.intrinsics import Intrinsics
from leadline.errors import LeadlineError, LeadlineWarning
from leadline.inference.camera import CameraMode, CameraSource, PhotoCamera, TrainingCamera
from leadline.inference.find_model import absolute_model, find_checkpoint, find_model, model_name
from leadline.inference.load_options import LoadOptions
from leadline.inference.precision import PrecisionOption
from leadline.inference.runtime import (
    LEAST_VALIDITY,
    NOVELTY,
    UNCERTAINTY,
    VALIDITY,
    Device,
    Hint,
    Runtime,
    RuntimeName,
)
from leadline.inference.runtimes import open_runtime
from leadline.io.jobs import in_order, worker_count
from leadline.io.photos import (
    Photo,
    decode_photo,
    explain_decode_errors,
    photo_of_image,
    read_photo,
)
from leadline.weights import DEFAULT_MODEL

ImageLike = Photo | Path | str | bytes | NDArray[np.uint8] | Image.Image
"""A path, the bytes of a picture file, (H,W,3) uint8 RGB, a Pillow image, or a `Photo`."""


@dataclass(frozen=True)
class Prediction:
    """A model's prediction for one photograph: depth and, for a multi-task model, classes.

    `depth` has an `uncertainty` if the model predicts it.
    `labels` is (H,W) class ids, uint8 (int32 for a model with more than 256 classes), or None.
    `camera` is that of the photograph, and its effect on the depth. `novelty` is above 1 for a
    picture unlike the training data; None if the model does not predict it.
    """

    depth: DepthMap
    camera: PhotoCamera
    labels: NDArray[np.integer] | None = None
    novelty: float | None = None


@dataclass(frozen=True)
class BatchPrediction:
    """A model's prediction for a batch: `depth` (N,H,W) float32 metres, and further outputs.

    `labels` (N,H,W) are class ids, uint8 (int32 for a model with more than 256 classes), or None.
    `uncertainty` (N,H,W) float32 is the scale of a Laplace distribution of ln(metres), or None.
    `novelty` (N,) float32 is above 1 for pictures unlike the training data, or None.
    Depth is 0 where a model that predicts validity finds no depth, as in the sky.
    """

    depth: NDArray[np.float32]
    labels: NDArray[np.integer] | None = None
    uncertainty: NDArray[np.float32] | None = None
    novelty: NDArray[np.float32] | None = None


class Predictor:
    """Predicts the depth of photographs when called; `Predictor.load` creates one.

    A predictor can be used from any number of threads. It can be pickled for other processes:
    unpickling loads the same file again with the same options.

    >>> predictor = Predictor.load()
    >>> predictor(np.full((48, 64, 3), 90, np.uint8)).shape
    (48, 64)
    """

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        camera: CameraMode = "auto",
        processing_area: int | None = None,
        uncertainty: bool = True,
    ):
        self.name = name
        self.runtime = runtime
        self.uncertainty = uncertainty
        self.camera_mode = camera
        self.precision = runtime.precision
        self.training_camera = TrainingCamera.from_config(runtime.config, processing_area)
        self.interval_factors = runtime.config.interval_factors
        self._loaded_with: tuple[str | Path, LoadOptions] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self._loaded_with is None:
            raise TypeError(
                f"{self.name}: this predictor was put together around a runtime and cannot be "
                "pickled; make it in the other process, or use Predictor.load"
            )
        return _load_again, self._loaded_with

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = DEFAULT_MODEL,
        *,
        runtime: RuntimeName = "auto",
        precision: PrecisionOption = "auto",
        threads: int | None = None,
        processing_area: int | None = None,
        camera: CameraMode = "auto",
        hint: Hint = "auto",
        device: Device = "cpu",
        compiled: bool = False,
        uncertainty: bool = True,
    ) -> Predictor:
        """Load a shipped model by name, or a run folder, `model/` folder, `.onnx` or `.xml` file.

        `hf:USER/NAME` is fetched from the Hugging Face hub, `hf:USER/NAME@REVISION` in that
        revision, and `hf:FOLDER` is a local folder laid out like a hub repository. Depth models of
        transformers run in transformers. `runtime` auto takes OpenVINO for exported files, shipped
        models and folders that hold a `model.onnx`, and torch for other folders.

        `precision` auto takes int8 if a `NAME-int8.xml` (in onnxruntime `NAME-int8.onnx`) of the
        same weights lies beside the exported file, else bf16 if the processor computes it, each
        only if the loss stored with the model is at most 0.5 % of abs_rel; else f32, which is
        exact. `predictor.precision` says why. `hint` (OpenVINO) latency minimises the time for one
        picture; throughput runs several at once, each more slowly; auto is latency for calls,
        throughput for `predict_many`. `device` is cpu, or a device of onnxruntime or torch;
        `compiled` (torch) compiles the network first. `uncertainty` False skips that output, which
        saves OpenVINO a little work.

        `processing_area` changes the number of pixels the network sees. It was trained with another
        number, so metres will be less exact, and off if the training camera is not known; a
        LeadlineWarning says so. `camera` auto multiplies metres by the photograph's focal length
        over that of the training data, both in pixels at the processing size; ignore does not.

        Errors: LeadlineError for an unknown name, a missing, unreadable or damaged file, or an
        option that the runtime does not have.
        """
        return cls.load_with(
            name_or_path,
            LoadOptions(
                runtime=runtime,
                precision=precision,
                threads=threads,
                processing_area=processing_area,
                camera=camera,
                hint=hint,
                device=device,
                compiled=compiled,
                uncertainty=uncertainty,
            ),
        )

    @classmethod
    def load_with(cls, name_or_path: str | Path, options: LoadOptions) -> Predictor:
        """Load a model as `load` does, with the options in one object."""
        is_file = Path(name_or_path).is_file()
        find = find_checkpoint if options.runtime == "torch" and not is_file else find_model
        path = find(name_or_path)
        runtime, area = open_runtime(path, options), options.processing_area
        name = model_name(name_or_path, path)
        predictor = cls(name, runtime, options.camera, area, options.uncertainty)
        predictor._loaded_with = absolute_model(name_or_path), options
        if area not in (None, predictor.training_camera.area):
            follows = options.camera == "auto" and predictor.training_camera.focal is not None
            warnings.warn(
                f"processing at {area} pixels, not the size the model was trained at: "
                f"the metres will be {'less exact' if follows else 'off'}",
                LeadlineWarning,
                stacklevel=3,
            )
        return predictor

    @property
    def states_uncertainty(self) -> bool:
        """Whether the predicted depth maps have an `uncertainty`."""
        return self.uncertainty and bool(self.runtime.config.options.get(UNCERTAINTY))

    @property
    def kind(self) -> DepthKind:
        """The kind of predicted depth: metres, or depth without unit (see `DepthMap`)."""
        return self.runtime.kind

    def require_metres(self, purpose: str) -> None:
        """Raise LeadlineError if the model does not predict metres, which `purpose` needs."""
        if self.kind != "metric":
            raise LeadlineError(
                f"{self.name} predicts {self.kind} depth, without scale and shift, and {purpose} "
                "needs metres; use a metric model, or calibrate ('leadline calibrate --shift')"
            )

    def __call__(self, image: ImageLike, intrinsics: Intrinsics | None = None) -> DepthMap:
        """Return the depth of one photograph, at its own size, with its camera.

        `image` is a path, the bytes of a picture file, (H,W,3) uint8 RGB, a Pillow image or a
        `Photo`. `intrinsics` is its camera; by default that of its EXIF block, else that of the
        training data. The provenance says which one, and the factor by which it changed the metres;
        if neither is known, the result has no intrinsics. Depth is at most the network's maximum
        times that factor.
        """
        return self.predict(image, intrinsics).depth

    def predict(
        self,
        image: ImageLike,
        intrinsics: Intrinsics | None = None,
        source: CameraSource = "declared",
    ) -> Prediction:
        """Return depth and, for a multi-task model, class labels of one photograph.

        `source` says how the given `intrinsics` are known.
        """
        photo = _as_photo(image)
        if intrinsics is None:
            intrinsics, source = photo.intrinsics, "exif"
        try:
            camera = self.training_camera.resolve(
                photo.width, photo.height, intrinsics, source, self.camera_mode
            )
            batch = self.predict_batch(photo.pixels[None])
        except LeadlineError as error:
            if photo.path is None:
                raise
            raise LeadlineError(f"{photo.path}: {error}") from error
        provenance = {"model": self.name, "runtime": self.runtime.name, **camera.provenance()}
        if self.precision is not None:
            provenance["precision"] = self.precision.precision
        if photo.path is not None:
            provenance["source"] = photo.path.name
        depth = DepthMap.from_metres(
            camera.metres(batch.depth[0]),
            intrinsics=camera.intrinsics,
            provenance=provenance,
            uncertainty=None if batch.uncertainty is None else batch.uncertainty[0],
            interval_factors=self.interval_factors,
        )
        if self.kind != "metric":
            depth = replace(depth, kind=self.kind)
        return Prediction(
            depth,
            camera,
            None if batch.labels is None else batch.labels[0],
            None if batch.novelty is None else float(batch.novelty[0]),
        )

    def predict_many(
        self,
        images: Iterable[ImageLike],
        intrinsics: Intrinsics | None = None,
        workers: int | None = None,
    ) -> Iterator[Prediction]:
        """Yield `predict` of every image, in order, reading ahead meanwhile.

        Reading, the network, and the caller's use of a prediction overlap. `images` may be an
        iterator of any length; `workers` images (by default one more than processors) are held at a
        time. The LeadlineError of a faulty image is raised in its turn.

        >>> predictor = Predictor.load()
        >>> [each.depth.shape for each in predictor.predict_many([np.zeros((8, 9, 3), np.uint8)])]
        [(8, 9)]
        """
        if isinstance(images, str | Path | bytes | Photo | Image.Image):
            raise LeadlineError("predict_many takes several images: put this one into a list")
        is_one = isinstance(images, Sized) and len(images) < 2
        work = partial((self if is_one else self.for_many()).predict, intrinsics=intrinsics)
        with closing(in_order(work, images, worker_count(workers))) as finished:
            for future in finished:
                yield future.result()

    def for_many(self) -> Predictor:
        """Return this predictor in the form for many pictures at once, as `predict_many` uses it.

        It shares the model, and is for calls from several threads: together they are faster, each
        one alone is slower. If a hint was given, or the runtime has no such form, it is `self`.
        """
        runtime = self.runtime.for_many()
        if runtime is self.runtime:
            return self
        # Not copy(), which uses __reduce__ and would load the model again.
        twin = object.__new__(type(self))
        twin.__dict__ = {**self.__dict__, "runtime": runtime}
        if self._loaded_with is not None:
            name_or_path, options = self._loaded_with
            twin._loaded_with = name_or_path, replace(options, hint="throughput")
        return twin

    def predict_batch(self, images: NDArray[np.uint8]) -> BatchPrediction:
        """Return depth and, for a multi-task model, class labels of photographs of one size.

        `images` is (N,H,W,3) uint8 RGB. The arrays are the runtime's own; metres hold for the
        camera of the training data.
        Errors: LeadlineError for another shape or type, or depth that is not finite.
        """
        shape = images.shape
        if len(shape) != 4 or shape[3] != 3 or 0 in shape[1:3] or images.dtype != np.uint8:
            raise LeadlineError(f"expected images (N,H,W,3) uint8 RGB, got {shape} {images.dtype}")
        outputs = self.runtime.run(images)
        depth = np.asarray(outputs["depth"], dtype=np.float32)
        if not np.isfinite(depth).all():
            share = 100 * (1 - np.isfinite(depth).mean())
            raise LeadlineError(
                f"{self.name} gives depth that is not finite at {share:.3g} % of the pixels: its "
                "weights are damaged or its training diverged; copy, export or train it again"
            )
        if VALIDITY in outputs:
            depth = np.where(outputs[VALIDITY] >= LEAST_VALIDITY, depth, np.float32(0))
        uncertainty = outputs.get(UNCERTAINTY) if self.uncertainty else None
        return BatchPrediction(depth, outputs.get("labels"), uncertainty, outputs.get(NOVELTY))


def _load_again(name_or_path: str | Path, options: LoadOptions) -> Predictor:
    with warnings.catch_warnings():
        # The warnings were shown at the first load.
        warnings.simplefilter("ignore", LeadlineWarning)
        return Predictor.load_with(name_or_path, options)


load = Predictor.load
"""`leadline.load`: the shipped model by default."""


def _as_photo(image: ImageLike) -> Photo:
    if isinstance(image, Photo):
        return image
    if isinstance(image, (str, Path)):
        return read_photo(image)
    if isinstance(image, bytes):
        return decode_photo(image)
    if isinstance(image, Image.Image):
        with explain_decode_errors(Path("picture"), "photo"):
            return photo_of_image(image)
    if not isinstance(image, np.ndarray):
        raise LeadlineError(
            "expected a path, the bytes of a picture file, (H,W,3) uint8 RGB or a Pillow image, "
            f"got {type(image).__name__}"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise LeadlineError(f"expected an image (H,W,3) uint8 RGB, got {image.shape} {image.dtype}")
    return Photo(np.ascontiguousarray(image))
