"""Choose the engine of a model: OpenVINO, ONNX Runtime, torch, or transformers for its own models.

OpenVINO is the default and needs no torch; ONNX Runtime runs the same exported file; torch runs
a checkpoint. An engine is imported only when it is used.
"""

from __future__ import annotations

from pathlib import Path

from leadline.errors import LeadlineError
from leadline.inference.load_options import LoadOptions
from leadline.inference.onnx_runtime import OnnxRuntime
from leadline.inference.openvino_runtime import OpenVinoRuntime
from leadline.inference.runtime import Runtime, RuntimeName
from leadline.inference.torch_runtime import TorchRuntime
from leadline.inference.transformers_runtime import TransformersRuntime, is_of_transformers

__all__ = ["OnnxRuntime", "OpenVinoRuntime", "TorchRuntime", "open_runtime"]

_NOT_OF_TRANSFORMERS = {
    "runtime": "runtime",
    "precision": "precision",
    "device": "device",
    "threads": "threads",
    "processing_area": "processing area",
    "hint": "hint",
    "compiled": "compile",
}
"""The options that models of transformers do not have, and their names in messages."""


def open_runtime(path: Path, options: LoadOptions) -> Runtime:
    """Load an exported file or a model folder into the chosen engine, by default the fitting one.

    Errors: LeadlineError for a damaged file, or an option that the engine does not have.
    """
    if path.is_dir() and is_of_transformers(path):
        _check_transformers(path, options)
        return TransformersRuntime(path)
    chosen = options.runtime
    if chosen == "auto":
        chosen = "torch" if path.is_dir() else "openvino"
    _check_choice(path, chosen, options)
    if chosen == "torch":
        return TorchRuntime(
            path,
            threads=options.threads,
            processing_area=options.processing_area,
            precision=options.precision,
            device=options.device,
            compiled=options.compiled,
        )
    if chosen == "onnxruntime":
        return OnnxRuntime(
            path, threads=options.threads, device=options.device, precision=options.precision
        )
    return OpenVinoRuntime(
        path,
        precision=options.precision,
        threads=options.threads,
        processing_area=options.processing_area,
        hint=options.hint,
        uncertainty=options.uncertainty,
    )


def _check_transformers(path: Path, options: LoadOptions) -> None:
    """Raise LeadlineError for an option that models of transformers do not have."""
    for option, words in _NOT_OF_TRANSFORMERS.items():
        value = getattr(options, option)
        if value != getattr(LoadOptions, option) and (option, value) != ("precision", "f32"):
            raise LeadlineError(
                f"{path}: is a model of transformers, which runs as it is there; leave {words} "
                f"{value} out"
            )


def _check_choice(path: Path, runtime: RuntimeName, options: LoadOptions) -> None:
    if path.is_dir() != (runtime == "torch"):
        kind = "a model folder" if path.is_dir() else "an exported file"
        fits = "torch" if path.is_dir() else "openvino or onnxruntime"
        raise LeadlineError(f"{path}: {kind} does not run in {runtime}; use {fits}")
    if runtime == "onnxruntime" and path.suffix != ".onnx":
        raise LeadlineError(f"{path}: onnxruntime reads .onnx files; use openvino")
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
        raise LeadlineError(f"the {runtime} runtime always compiles; leave --compile out")
