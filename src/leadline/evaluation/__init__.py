"""Evaluation: scores that say how they were made, baselines, reports."""

from leadline.evaluation.baselines import training_baselines
from leadline.evaluation.cases import CaseCollector
from leadline.evaluation.evaluate import Evaluation, ImageScore, evaluate
from leadline.evaluation.predictions import (
    Answer,
    ConstantPredictions,
    FilePredictions,
    ModelPredictions,
    Predictions,
    find_files,
)
from leadline.evaluation.results import to_json, write_evaluation

__all__ = [
    "Answer",
    "CaseCollector",
    "ConstantPredictions",
    "Evaluation",
    "FilePredictions",
    "ImageScore",
    "ModelPredictions",
    "Predictions",
    "evaluate",
    "find_files",
    "to_json",
    "training_baselines",
    "write_evaluation",
]
