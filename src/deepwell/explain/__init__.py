"""Why a trained model gives an answer, and what it looks like inside."""

from deepwell.explain.explain import explain
from deepwell.explain.explanation import Explanation
from deepwell.explain.image_explanation import ImageExplanation
from deepwell.explain.language import METHOD_NAMES
from deepwell.explain.words_explanation import Weight, WordsExplanation

__all__ = ["METHOD_NAMES", "Explanation", "ImageExplanation", "Weight", "WordsExplanation", "explain"]
