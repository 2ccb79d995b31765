"""Layer 4: from answers and targets to metrics with 95 % intervals."""

from deepwell.evaluate.category import Evaluation, Measured, category
from deepwell.evaluate.interval import wilson

__all__ = ["Evaluation", "Measured", "category", "wilson"]
