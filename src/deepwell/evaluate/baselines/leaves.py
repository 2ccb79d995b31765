"""Trees as bags of their words: what their shape adds is then what the deep model has to show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepwell.evaluate.baselines.grams import bag


class Leaves:
    """TF-IDF of the words of a tree, and of its operators where inner labels are no answers.

    Args:
        input: the learnt ``inputs.TreeInput``.
    """

    kind = "words"
    width = 50

    def __init__(self, input: Any) -> None:
        self.operators = bool(input.use_labels)
        self.vectorizer: Any = None

    def __str__(self) -> str:
        return "TF-IDF of words" + (" and operators" if self.operators else "")

    def _cut(self, tree: Any) -> list[str]:
        found = list(tree.leaves)
        if self.operators:
            found += [label for label, word in zip(tree.labels, tree.words, strict=True) if word is None]
        return found

    def learn(self, samples: Sequence[Any]) -> Any:
        """What to count, and the counts of these training trees, sparse [n, features]."""
        self.vectorizer = bag(self._cut, len(samples), pairs=False)
        return self.vectorizer.fit_transform(samples)

    def see(self, samples: Sequence[Any]) -> Any:
        """The counts of other trees, sparse [n, features]."""
        return self.vectorizer.transform(samples)
