"""Leadline: metric depth from single photographs.

import leadline
depth_map = leadline.load()("photo.jpg")    # metres, at the photograph's size
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadline.data_checks import check_data
    from leadline.datasets.expansion import ExpandOptions, expand
    from leadline.datasets.packing import PackOptions, Resize, pack_shards
    from leadline.depth import DepthMap, Intrinsics
    from leadline.errors import LeadlineError
    from leadline.evaluation.compare import compare
    from leadline.evaluation.evaluate import evaluate
    from leadline.evaluation.result import Result
    from leadline.evaluation.sources import ModelSource, PredictionFolder
    from leadline.export.export_model import export_model
    from leadline.hub import push
    from leadline.inference import Predictor, load
    from leadline.inference.calibrate_file import calibrate
    from leadline.inference.measure_file import measure
    from leadline.inference.predict_files import predict
    from leadline.inference.predict_video import video
    from leadline.io.convert import convert
    from leadline.serving.client import Client
    from leadline.training.train import continue_run, resume, train

__version__ = "0.1.0"

_LAZY_NAMES = {
    "Client": "leadline.serving.client",
    "DepthMap": "leadline.depth",
    "Intrinsics": "leadline.depth",
    "LeadlineError": "leadline.errors",
    "Predictor": "leadline.inference",
    "load": "leadline.inference",
    "calibrate": "leadline.inference.calibrate_file",
    "check_data": "leadline.data_checks",
    "compare": "leadline.evaluation.compare",
    "continue_run": "leadline.training.train",
    "convert": "leadline.io.convert",
    "measure": "leadline.inference.measure_file",
    "evaluate": "leadline.evaluation.evaluate",
    "ModelSource": "leadline.evaluation.sources",
    "PredictionFolder": "leadline.evaluation.sources",
    "Result": "leadline.evaluation.result",
    "export_model": "leadline.export.export_model",
    "expand": "leadline.datasets.expansion",
    "ExpandOptions": "leadline.datasets.expansion",
    "pack_shards": "leadline.datasets.packing",
    "PackOptions": "leadline.datasets.packing",
    "Resize": "leadline.datasets.packing",
    "push": "leadline.hub",
    "predict": "leadline.inference.predict_files",
    "resume": "leadline.training.train",
    "train": "leadline.training.train",
    "video": "leadline.inference.predict_video",
}
"""Public name: the module that holds it, imported on first use: `import leadline` is cheap."""

__all__ = [
    "Client",
    "DepthMap",
    "ExpandOptions",
    "Intrinsics",
    "LeadlineError",
    "ModelSource",
    "PackOptions",
    "PredictionFolder",
    "Predictor",
    "Resize",
    "Result",
    "__version__",
    "calibrate",
    "check_data",
    "compare",
    "continue_run",
    "convert",
    "evaluate",
    "expand",
    "export_model",
    "load",
    "measure",
    "pack_shards",
    "predict",
    "push",
    "resume",
    "train",
    "video",
]


_SUBPACKAGES = (
    "data_checks",
    "datasets",
    "depth",
    "errors",
    "evaluation",
    "export",
    "hub",
    "inference",
    "io",
    "metrics",
    "models",
    "training",
    "viz",
    "worlds",
)
"""Packages imported on first use: `leadline.viz.colorize` needs no import of its own."""


def __getattr__(name: str) -> Any:
    if name in _LAZY_NAMES:
        return getattr(import_module(_LAZY_NAMES[name]), name)
    if name in _SUBPACKAGES:
        return import_module(f"leadline.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBPACKAGES, "__doc__", "__file__", "__name__", "__path__"})
