"""Texts as bags of words and pairs of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepwell.inputs.tokenise import words_only

_MOST = 100_000
_FEW = 1_000


class Grams:
    """TF-IDF of the words and pairs of neighbouring words, rows of length 1; a sign of Chinese is a word.

    Args:
        input: not looked at: how the deep model cuts texts is its own.
    """

    kind = "words"
    width = 200  # entries of a usual text: to guess what many take

    def __init__(self, input: Any) -> None:
        self.vectorizer: Any = None

    def __str__(self) -> str:
        return "TF-IDF of words and pairs of words"

    def learn(self, samples: Sequence[str]) -> Any:
        """What to count, and the counts of these training texts, sparse [n, features]."""
        self.vectorizer = bag(words_only, len(samples), pairs=True)
        return self.vectorizer.fit_transform(samples)

    def see(self, samples: Sequence[str]) -> Any:
        """The counts of other texts, sparse [n, features]."""
        return self.vectorizer.transform(samples)


def bag(cut: Any, samples: int, *, pairs: bool) -> Any:
    """A counter of words; those of one sample alone are left out where samples are many."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        tokenizer=cut,
        token_pattern=None,
        lowercase=pairs,  # texts are; symbols of trees are what they are
        ngram_range=(1, 2 if pairs else 1),
        min_df=1 if samples < _FEW else 2,
        max_features=_MOST,
        sublinear_tf=True,
    )
