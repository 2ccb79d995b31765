"""Numbers at which a loss must stay, or begin, when a certain fault is in the program.

All follow from the loss at the best or the constant answer; C is the number of classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What the user told about the task; ``family`` is of the loss: exclusive, binary, squares, other, or None."""

    classes: int | None = None
    positives: float | None = None
    family: str | None = None
    target_variance: float | None = None
    batch_size: int | None = None

    def may(self, family: str) -> bool:
        """Whether the loss may be of a family."""
        return self.family in (None, family)


def double_softmax_floor(classes: int) -> float:
    """Cross-entropy of scores that are already the one-hot right answer: ln(e + C - 1) - 1.

    >>> round(double_softmax_floor(10), 4), round(double_softmax_floor(2), 4)
    (1.4612, 0.3133)
    """
    return math.log1p((classes - 1) / math.e)


def double_sigmoid_floor(positives: float) -> float:
    """Binary cross-entropy with logits of scores that are already 0 or 1 and right.

    >>> round(double_sigmoid_floor(0.5), 4)
    0.5032
    """
    return positives * math.log1p(1 / math.e) + (1 - positives) * math.log(2)


def binary_entropy(positives: float) -> float:
    """Entropy of a share of positives, in nats.

    >>> round(binary_entropy(0.5), 4)
    0.6931
    """
    return -positives * math.log(positives) - (1 - positives) * math.log1p(-positives)
