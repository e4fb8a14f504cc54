"""`Predictor`: a photograph in, a `DepthMap` in metres out, whatever engine does the work."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence, Sized
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
from leadline.inference.camera import (
    CAMERA_MODES,
    CameraMode,
    CameraSource,
    PhotoCamera,
    TrainingCamera,
)
from leadline.inference.runtime import LEAST_VALIDITY, NOVELTY, UNCERTAINTY, VALIDITY
from leadline.inference.runtimes import (
    DEVICES,
    HINTS,
    PRECISIONS,
    RUNTIMES,
    Device,
    Hint,
    OnnxRuntime,
    OpenVinoRuntime,
    PrecisionOption,
    Runtime,
    RuntimeName,
    TorchRuntime,
)
from leadline.inference.transformers_runtime import TransformersRuntime, is_of_transformers
from leadline.io.files import check_ordinary
from leadline.io.hub import HUB, fetch_model, is_on_hub
from leadline.io.jobs import in_order, worker_count
from leadline.io.photos import (
    Photo,
    decode_photo,
    explain_decode_errors,
    photo_of_image,
    read_photo,
)
from leadline.models.storage import CONFIG_FILE
from leadline.weights import DEFAULT_MODEL, GRAPH_FILE, shipped_checkpoint, shipped_models

ImageLike = Photo | Path | str | bytes | NDArray[np.uint8] | Image.Image
"""A path, the bytes of a picture file, (H,W,3) uint8 RGB, a Pillow image, or a `Photo`."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of one photograph: its depth and, for a multi-task model, its classes.

    Of a model that states it, `depth` has an `uncertainty`.
    `labels` is (H,W) class ids, uint8 (int32 of a model with more than 256 classes), or None.
    `camera` is that of the photograph, and what it did to the metres. `novelty` is above 1 for a
    picture unlike those that the model was trained on; None where it does not say.
    """

    depth: DepthMap
    camera: PhotoCamera
    labels: NDArray[np.integer] | None = None
    novelty: float | None = None


@dataclass(frozen=True)
class BatchPrediction:
    """What a model says of a batch: `depth` (N,H,W) float32 metres, and what else it has.

    `labels` (N,H,W) are class ids, uint8 (int32 of a model with more than 256 classes), or None.
    `uncertainty` (N,H,W) float32 is the scale of a Laplace distribution of ln(metres), or None.
    `novelty` (N,) float32 is above 1 for pictures unlike those the model was trained on, or None.
    Depth is 0 where a model that states validity sees none: in the sky.
    """

    depth: NDArray[np.float32]
    labels: NDArray[np.integer] | None = None
    uncertainty: NDArray[np.float32] | None = None
    novelty: NDArray[np.float32] | None = None


class Predictor:
    """Call it with a photograph; `Predictor.load` makes one.

    One predictor serves any number of threads. A pickled one is loaded again, from the same file
    with the same options, where it is unpickled: so it may be handed to other processes.

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
        self._loaded_with: tuple[str | Path, dict[str, Any]] | None = None

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

        `hf:USER/NAME` is fetched from the Hugging Face hub, `hf:USER/NAME@REVISION` as it was then,
        `hf:FOLDER` is laid out like one there; depth models of transformers run in transformers.
        `runtime` auto takes OpenVINO for exported files, shipped models and folders that hold a
        `model.onnx`, torch for other folders.
        `precision` auto takes int8 where a `NAME-int8.xml` (in onnxruntime `NAME-int8.onnx`) of the
        same weights lies beside the exported file, else bf16 where the processor computes it, each
        only if it costs at most 0.5 % of abs_rel by what is stored with the model; else f32, which
        is exact.
        `predictor.precision` says why.
        `hint` (OpenVINO) latency has one picture ready soon, throughput runs several at once, each
        more slowly; auto is latency for calls, throughput for `predict_many`. `device` is cpu, or
        what onnxruntime or torch offers; `compiled` (torch) compiles the network first.
        `uncertainty` False leaves out what a model states of that, which saves OpenVINO a little
        work.
        `processing_area` changes the number of pixels the network sees; it was trained at another
        one, so metres will be less exact, and off where the training camera is not known: a
        LeadlineWarning says so. `camera` auto multiplies metres by the photograph's focal length
        over that of the training data, both in pixels at the size of processing; ignore does not.

        Errors: LeadlineError for an unknown name, a missing, unreadable or damaged file, or an
        option that the runtime does not have.
        """
        choices: list[tuple[str, str, Sequence[str]]] = [
            ("precision", precision, PRECISIONS),
            ("runtime", runtime, RUNTIMES),
            ("camera", camera, CAMERA_MODES),
            ("hint", hint, HINTS),
            ("device", device, DEVICES),
        ]
        for option, value, known in choices:
            if value not in known:
                raise LeadlineError(f"{option} {value!r}: choose one of {', '.join(known)}")
        if processing_area is not None and processing_area < 1:
            raise LeadlineError(
                f"processing area {processing_area}: give a number of pixels, at least 1"
            )
        if threads is not None and threads < 1:
            raise LeadlineError(f"threads {threads}: expected a number, at least 1")
        is_file = Path(name_or_path).is_file()
        find = find_checkpoint if runtime == "torch" and not is_file else find_model
        path = find(name_or_path)
        options = _EngineOptions(
            precision, threads, processing_area, hint, device, compiled, uncertainty
        )
        engine = _load_engine(path, runtime, options)
        name = model_name(name_or_path, path)
        predictor = cls(name, engine, camera, processing_area, uncertainty)
        predictor._loaded_with = (
            absolute_model(name_or_path),
            {
                "runtime": runtime,
                "precision": precision,
                "threads": threads,
                "processing_area": processing_area,
                "camera": camera,
                "hint": hint,
                "device": device,
                "compiled": compiled,
                "uncertainty": uncertainty,
            },
        )
        if processing_area not in (None, predictor.training_camera.area):
            follows = camera == "auto" and predictor.training_camera.focal is not None
            warnings.warn(
                f"processing at {processing_area} pixels, not the size the model was trained at: "
                f"the metres will be {'less exact' if follows else 'off'}",
                LeadlineWarning,
                stacklevel=2,
            )
        return predictor

    @property
    def states_uncertainty(self) -> bool:
        """Whether its depth maps have an `uncertainty`."""
        return self.uncertainty and bool(self.runtime.config.options.get(UNCERTAINTY))

    @property
    def kind(self) -> DepthKind:
        """What is predicted: metres, or depth without unit (see `DepthMap`)."""
        return self.runtime.kind

    def require_metres(self, purpose: str) -> None:
        """Raise LeadlineError where the model predicts no metres, which `purpose` needs."""
        if self.kind != "metric":
            raise LeadlineError(
                f"{self.name} predicts {self.kind} depth, without scale and shift, and {purpose} "
                "needs metres; use a metric model, or calibrate ('leadline calibrate --shift')"
            )

    def __call__(self, image: ImageLike, intrinsics: Intrinsics | None = None) -> DepthMap:
        """Return the depth of one photograph, at its own size, with the camera it holds for.

        `image` is a path, the bytes of a picture file, (H,W,3) uint8 RGB, a Pillow image or a
        `Photo`. `intrinsics` are its camera; without
        them it is that of the photograph's EXIF block, else the camera of the training data. The
        provenance says which, and by what metres were multiplied for it; where neither is known,
        the result has no intrinsics. A depth is at most the network's largest times that factor.
        """
        return self.predict(image, intrinsics).depth

    def predict(
        self,
        image: ImageLike,
        intrinsics: Intrinsics | None = None,
        source: CameraSource = "declared",
    ) -> Prediction:
        """Return depth and, for a multi-task model, class labels of one photograph.

        `source` says how the `intrinsics` given are known.
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
        """Yield what `predict` returns of every image, in order, reading some ahead meanwhile.

        Reading, the network, and what the caller does with a prediction overlap; `images` may be
        an iterator of any length, of which `workers` (by default one more than processors) are
        held at a time. A LeadlineError is raised when it is the turn of the image
        that is at fault.

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
        """Return this predictor in the form for many pictures at once, which `predict_many` uses.

        It shares the model, and is for calls from several threads: together they are faster, each
        alone slower. Where a hint was given, or the runtime has no such form, it is this one.
        """
        runtime = self.runtime.for_many()
        if runtime is self.runtime:
            return self
        # Not copy(), which does what unpickling does: it would load the model again.
        twin = object.__new__(type(self))
        twin.__dict__ = {**self.__dict__, "runtime": runtime}
        if self._loaded_with is not None:
            name_or_path, options = self._loaded_with
            twin._loaded_with = name_or_path, {**options, "hint": "throughput"}
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


def _load_again(name_or_path: str | Path, options: dict[str, Any]) -> Predictor:
    with warnings.catch_warnings():
        # What is to be said was said where it was loaded first.
        warnings.simplefilter("ignore", LeadlineWarning)
        return Predictor.load(name_or_path, **options)


def absolute_model(name_or_path: str | Path) -> str | Path:
    """Return the same model as it is named in a process with another working folder."""
    if str(name_or_path) in shipped_models():
        return name_or_path
    if not is_on_hub(name_or_path):
        return Path(name_or_path).absolute()
    folder = Path(str(name_or_path).removeprefix(HUB))
    return f"{HUB}{folder.absolute()}" if folder.is_dir() else name_or_path


load = Predictor.load
"""`leadline.load`: the shipped model by default."""


def find_checkpoint(name_or_path: str | Path) -> Path:
    """Return the model folder of a shipped model, a run, a `model/` folder or one of the hub.

    Errors: LeadlineError where there is none, as beside an exported file.

    >>> find_checkpoint("compact-nyu").name
    'compact-nyu'
    """
    path = _find(name_or_path)
    if not path.is_dir():
        raise LeadlineError(
            f"{path}: an exported file is no checkpoint; give a run folder, a model/ folder or "
            f"a shipped model ({', '.join(shipped_models())})"
        )
    return path


def find_model(name_or_path: str | Path) -> Path:
    """Return the exported file or the model folder that a name or a path stands for.

    It is the exported file of a folder that holds both.
    """
    path = _find(name_or_path)
    graph = path / GRAPH_FILE
    return graph if graph.is_file() and not is_of_transformers(path) else path


def _find(name_or_path: str | Path) -> Path:
    """Return an exported file or a model folder."""
    if str(name_or_path) in shipped_models():
        return shipped_checkpoint(str(name_or_path))
    path = fetch_model(str(name_or_path)) if is_on_hub(name_or_path) else Path(name_or_path)
    if path.is_dir():
        for folder in (path, path / "model"):
            if (folder / CONFIG_FILE).is_file():
                return folder
        raise LeadlineError(
            f"{path}: no model in this folder (no config.json, no model/config.json); "
            "a run writes model/ after its first validation"
        )
    if not path.exists():
        known = ", ".join(shipped_models()) or "none"
        raise LeadlineError(
            f"model {str(name_or_path)!r}: no such file or folder, nor a shipped model ({known})"
        )
    check_ordinary(path)
    if path.suffix not in {".onnx", ".xml"}:
        raise LeadlineError(
            f"{path}: not a model file; give a run folder, a model/ folder, an .onnx or an .xml"
        )
    return path


@dataclass(frozen=True)
class _EngineOptions:
    """How an engine runs; see `Predictor.load`."""

    precision: PrecisionOption
    threads: int | None
    processing_area: int | None
    hint: Hint
    device: Device
    compiled: bool
    uncertainty: bool


def _load_engine(path: Path, runtime: RuntimeName, options: _EngineOptions) -> Runtime:
    """Load the model of an exported file or a model folder into a runtime."""
    if path.is_dir() and is_of_transformers(path):
        return _load_of_transformers(path, runtime, options)
    chosen = runtime
    if runtime == "auto":
        chosen = "torch" if path.is_dir() else "openvino"
    _check_choice(path, chosen, options)
    if chosen == "torch":
        return TorchRuntime(
            path,
            options.threads,
            options.processing_area,
            options.precision,
            options.device,
            options.compiled,
        )
    if chosen == "onnxruntime":
        return OnnxRuntime(path, options.threads, options.device, options.precision)
    return OpenVinoRuntime(
        path,
        options.precision,
        options.threads,
        options.processing_area,
        options.hint,
        options.uncertainty,
    )


def _load_of_transformers(path: Path, runtime: RuntimeName, options: _EngineOptions) -> Runtime:
    """Load a depth model of transformers, which has no options of ours."""
    given = {
        "runtime": (runtime, "auto"),
        "precision": (options.precision, "auto"),
        "device": (options.device, "cpu"),
        "threads": (options.threads, None),
        "processing area": (options.processing_area, None),
        "hint": (options.hint, "auto"),
        "compile": (options.compiled, False),
    }
    for option, (value, default) in given.items():
        if value != default and (option, value) != ("precision", "f32"):
            raise LeadlineError(
                f"{path}: is a model of transformers, which runs as it is there; leave {option} "
                f"{value} out"
            )
    return TransformersRuntime(path)


def _check_choice(path: Path, runtime: RuntimeName, options: _EngineOptions) -> None:
    if path.is_dir() != (runtime == "torch"):
        kind = "a model folder" if path.is_dir() else "an exported file"
        fits = "torch" if path.is_dir() else "openvino or onnxruntime"
        raise LeadlineError(f"{path}: {kind} does not run in {runtime}; use {fits}")
    if runtime == "onnxruntime" and path.suffix != ".onnx":
        raise LeadlineError(f"{path}: onnxruntime reads .onnx files; use --runtime openvino")
    if options.precision == "bf16" and runtime == "onnxruntime":
        raise LeadlineError("the onnxruntime runtime has no precision bf16; use openvino or torch")
    if options.precision == "int8" and runtime == "torch":
        raise LeadlineError(
            f"{path}: int8 runs in openvino or onnxruntime, of an exported model; use one of these"
        )
    if options.processing_area is not None and runtime == "onnxruntime":
        raise LeadlineError(
            "the onnxruntime runtime cannot change the processing area; use openvino or torch"
        )
    if options.device != "cpu" and runtime == "openvino":
        raise LeadlineError(
            f"device {options.device}: the openvino runtime runs on the cpu; use onnxruntime or "
            "torch"
        )
    if options.hint != "auto" and runtime != "openvino":
        raise LeadlineError(f"hint {options.hint}: {runtime} has none; use openvino")
    if options.compiled and runtime != "torch":
        raise LeadlineError("--compile is for --runtime torch; the other runtimes always compile")


def model_name(name_or_path: str | Path, path: Path) -> str:
    """Return what the model in `path` is called: as it ships, as its run, or as its file."""
    if str(name_or_path) in shipped_models():
        return str(name_or_path)
    if is_on_hub(name_or_path):
        return Path(str(name_or_path).removeprefix(HUB).partition("@")[0]).resolve().name
    if path.is_file() and Path(name_or_path).is_file():
        return path.stem
    folder = (path.parent if path.is_file() else path).resolve()
    return folder.parent.name if folder.name == "model" else folder.name


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
