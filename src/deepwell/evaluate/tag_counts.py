"""What is right in each sentence: words, spans by type, tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from deepwell.metrics.spans import span_counts


def word_counts(answers: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> np.ndarray:
    """Right words and words of each sentence, int64 [sentences, 2]."""
    pairs = zip(answers, gold, strict=True)
    return np.array([(sum(a == b for a, b in zip(*pair, strict=True)), len(pair[0])) for pair in pairs], dtype=np.int64)


def type_counts(
    answers: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Of each type of span in each sentence: the sentence, the type, and right, answered and true spans [k, 3]."""
    where, kinds, counts = [], [], []
    for place, (found, wanted) in enumerate(zip(answers, gold, strict=True)):
        for kind, three in span_counts(wanted, found).items():
            where.append(place)
            kinds.append(kind)
            counts.append(three)
    return np.array(where, dtype=np.int64), kinds, np.array(counts, dtype=np.int64).reshape(-1, 3)


def tag_counts(
    answers: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The same of each tag in each sentence."""
    where, kinds, counts = [], [], []
    for place, (found, wanted) in enumerate(zip(answers, gold, strict=True)):
        right, said, there = (
            Counter(tag for tag, other in zip(wanted, found, strict=True) if tag == other),
            Counter(found),
            Counter(wanted),
        )
        for kind in sorted(said | there):
            where.append(place)
            kinds.append(kind)
            counts.append((right[kind], said[kind], there[kind]))
    return np.array(where, dtype=np.int64), kinds, np.array(counts, dtype=np.int64).reshape(-1, 3)
