"""Evaluation: scores that say how they were made, baselines, reports."""

from leadline.evaluation.baselines import training_baselines
from leadline.evaluation.cases import CaseCollector
from leadline.evaluation.evaluate import Evaluation, evaluate
from leadline.evaluation.predictions import (
    ConstantPredictions,
    FilePredictions,
    ModelPredictions,
    PredictedMaps,
    Predictions,
    find_files,
)
from leadline.evaluation.results import to_json, write_evaluation
from leadline.evaluation.scoring import ImageScore, Scores, score

__all__ = [
    "CaseCollector",
    "ConstantPredictions",
    "Evaluation",
    "FilePredictions",
    "ImageScore",
    "ModelPredictions",
    "PredictedMaps",
    "Predictions",
    "Scores",
    "evaluate",
    "find_files",
    "score",
    "to_json",
    "training_baselines",
    "write_evaluation",
]
