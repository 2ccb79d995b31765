"""Words with the tag that they mostly have, and a perceptron over a word and its neighbours."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from deepwell.evaluate.baselines.budget import Growth
from deepwell.evaluate.baselines.estimators import MAJORITY, Candidate, perceptron

_WEIGHTS = 1 << 24  # of all tags: 128 MiB
_MOST_BITS = 18


class MostFrequent:
    """The tag that a word has most often in training; for a new word the one that words of its last letters have."""

    _ENDING = 3

    def fit(self, words: Sequence[str], tags: np.ndarray) -> MostFrequent:
        """Count."""
        by_word: dict[str, Counter[int]] = defaultdict(Counter)
        by_ending: dict[str, Counter[int]] = defaultdict(Counter)
        for word, tag in zip(words, tags.tolist(), strict=True):
            by_word[word][tag] += 1
            by_ending[word[-self._ENDING :]][tag] += 1
        self.words, self.endings = _highest(by_word), _highest(by_ending)
        self.usual = int(np.bincount(tags).argmax())
        return self

    def predict(self, words: Sequence[str]) -> np.ndarray:
        """A tag's number for each word."""
        endings, usual = self.endings, self.usual
        found = (self.words.get(word, endings.get(word[-self._ENDING :], usual)) for word in words)
        return np.fromiter(found, np.int64, len(words))

    def __repr__(self) -> str:
        return "most frequent tag of the word, else of its last 3 letters"


def _highest(counts: dict[str, Counter[int]]) -> dict[str, int]:
    return {key: max(found, key=lambda tag: (found[tag], -tag)) for key, found in counts.items()}


class WordPerceptron:
    """A perceptron that sees of a word: itself, its endings and form, and the two words on either side.

    Args:
        tags: their number: many of them get fewer weights each.
    """

    def __init__(self, tags: int) -> None:
        from sklearn.feature_extraction import FeatureHasher

        self.bits = min(_MOST_BITS, int(math.log2(_WEIGHTS / tags)))
        self.hasher = FeatureHasher(n_features=1 << self.bits, input_type="string", alternate_sign=False)
        self.model = perceptron("words")

    def fit(self, words: Sequence[list[str]], tags: np.ndarray) -> WordPerceptron:
        """Learn from each word's features."""
        self.model.fit(self.hasher.transform(words), tags)
        return self

    def predict(self, words: Sequence[list[str]]) -> np.ndarray:
        """A tag's number for each word."""
        return self.model.predict(self.hasher.transform(words))

    def __repr__(self) -> str:
        return f"{self.model!r} over words, neighbours and endings hashed to 2^{self.bits} features"


def views(sentence: Sequence[str]) -> Iterator[list[str]]:
    """What the perceptron sees of each word.

    >>> next(views(["The", "cat"]))
    ['w=the', '-1=', '-2=', '+1=cat', '+2=', '1=e', '2=he', '3=the', 'p=the', 'f=Xx']
    """
    lower = ["", "", *(word.lower() for word in sentence), "", ""]
    for place, word in enumerate(sentence, 2):
        here = lower[place]
        yield [
            f"w={here}", f"-1={lower[place - 1]}", f"-2={lower[place - 2]}", f"+1={lower[place + 1]}",
            f"+2={lower[place + 2]}", f"1={here[-1:]}", f"2={here[-2:]}", f"3={here[-3:]}", f"p={here[:3]}",
            f"f={_form(word)}",
        ]  # fmt: skip


def _form(word: str) -> str:
    """Capitals as X, small letters as x, digits as 0; a repetition once."""
    found: list[str] = []
    for sign in word:
        kind = "X" if sign.isupper() else "0" if sign.isdigit() else "x" if sign.isalpha() else sign
        if not found or found[-1] != kind:
            found.append(kind)
    return "".join(found)


def candidates(tags: int) -> tuple[Candidate, ...]:
    """The models for tags; the last one sees words with their neighbours."""
    return (
        Candidate("majority tag", MAJORITY.build, Growth(1.0, 0.0)),
        Candidate("most frequent tag of each word", lambda _: MostFrequent(), Growth(1.0, 0.0)),
        Candidate("perceptron", lambda _: WordPerceptron(tags), Growth(1.1, 0.0)),
    )
