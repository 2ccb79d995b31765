"""Layer 4: from answers and targets to metrics with 95 % intervals."""

from deepwell.evaluate.category import Evaluation, Measured, category
from deepwell.evaluate.interval import wilson
from deepwell.evaluate.label_sets import LabelSetEvaluation, label_sets
from deepwell.evaluate.tags import TagEvaluation, tags

__all__ = [
    "Evaluation",
    "LabelSetEvaluation",
    "Measured",
    "TagEvaluation",
    "category",
    "label_sets",
    "tags",
    "wilson",
]
