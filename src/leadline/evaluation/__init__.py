"""Evaluation: scores with a record of how they were made, baselines, comparisons, reports."""

from leadline.evaluation.baselines import baseline_predictions, training_baselines
from leadline.evaluation.cases import CaseCollector
from leadline.evaluation.compare import compare
from leadline.evaluation.evaluate import evaluate
from leadline.evaluation.predictions import (
    ConstantPredictions,
    FilePredictions,
    ModelPredictions,
    PredictedMaps,
    Predictions,
    find_files,
)
from leadline.evaluation.result import Result
from leadline.evaluation.scoring import ImageScore, Scores, score
from leadline.evaluation.sources import ModelSource, PredictionFolder

__all__ = [
    "CaseCollector",
    "ConstantPredictions",
    "FilePredictions",
    "ImageScore",
    "ModelPredictions",
    "ModelSource",
    "PredictedMaps",
    "PredictionFolder",
    "Predictions",
    "Result",
    "Scores",
    "baseline_predictions",
    "compare",
    "evaluate",
    "find_files",
    "score",
    "training_baselines",
]
