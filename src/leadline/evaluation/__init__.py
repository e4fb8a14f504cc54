"""Evaluation: scores that say how they were made, baselines, reports."""

from leadline.evaluation.baselines import training_baselines
from leadline.evaluation.evaluate import Evaluation, evaluate, prediction_files, write_evaluation

__all__ = [
    "Evaluation",
    "evaluate",
    "prediction_files",
    "training_baselines",
    "write_evaluation",
]
