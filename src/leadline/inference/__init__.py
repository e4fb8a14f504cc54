"""Prediction without torch: `load` a model and call it with a photograph, or predict files."""

from leadline.inference.calibrate_file import CalibrationResult, calibrate
from leadline.inference.find_model import find_checkpoint, find_model
from leadline.inference.outputs import OutputOptions, PredictedPhoto
from leadline.inference.predict_files import predict
from leadline.inference.predictor import (
    BatchPrediction,
    Prediction,
    Predictor,
    load,
)

__all__ = [
    "BatchPrediction",
    "CalibrationResult",
    "OutputOptions",
    "PredictedPhoto",
    "Prediction",
    "Predictor",
    "calibrate",
    "find_checkpoint",
    "find_model",
    "load",
    "predict",
]
