"""Prediction without torch: `load` a model, call it with a photograph."""

from leadline.inference.predictor import Prediction, Predictor, find_model, load

__all__ = ["Prediction", "Predictor", "find_model", "load"]
