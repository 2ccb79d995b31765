"""Simple models of scikit-learn on the same parts as the deep one: what it must beat to be worth its cost."""

from deepwell.evaluate.baselines.baseline import Baseline
from deepwell.evaluate.baselines.measure import Part, measure
from deepwell.evaluate.baselines.paired import Difference
from deepwell.evaluate.baselines.scoring import against, answers_of

__all__ = ["Baseline", "Difference", "Part", "against", "answers_of", "measure"]
