"""Layer 4: from answers and targets to metrics with 95 % intervals."""

from deepwell.evaluate.category import Evaluation, category
from deepwell.evaluate.compare import Comparison, Difference, compare
from deepwell.evaluate.interval import wilson
from deepwell.evaluate.label_sets import LabelSetEvaluation, label_sets
from deepwell.evaluate.measured import Measured
from deepwell.evaluate.slices import Slice, worst_slices
from deepwell.evaluate.tags import TagEvaluation, tags

__all__ = [
    "Comparison",
    "Difference",
    "Evaluation",
    "LabelSetEvaluation",
    "Measured",
    "Slice",
    "TagEvaluation",
    "category",
    "compare",
    "label_sets",
    "tags",
    "wilson",
    "worst_slices",
]
