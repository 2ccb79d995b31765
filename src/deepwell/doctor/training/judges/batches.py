"""What batches hold: labels that come sorted, a loss that grows with the batch, and what a constant would score."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from deepwell.doctor.training.judges.losses import Losses
from deepwell.doctor.training.judges.trend import in_a_row, median
from deepwell.findings import Finding

_BATCHES = 30


def entropy(counts: Sequence[int]) -> float:
    """In nats.

    >>> round(entropy([5, 5]), 4)
    0.6931
    """
    total = sum(counts)
    return -sum(n / total * math.log(n / total) for n in counts if n) if total else 0.0


class Batches:
    """Judges the labels of the batches that were looked at, and the sizes of all."""

    def __init__(self) -> None:
        self.seen = 0
        self.labels: list[list[int]] = []
        self.targets: list[float] = []
        self.classes = 0
        self.usual = 0
        self.losses: list[float] = []
        self.odd: list[float] = []
        self.strikes: dict[str, int] = {}

    def add_labels(self, labels: Sequence[int]) -> None:
        """Take the class numbers of one batch that was looked at."""
        self.labels = [*self.labels[-_BATCHES:], [int(v) for v in labels[:64]]]
        self.seen += 1

    def add_targets(self, targets: Sequence[float]) -> None:
        """Take the numbers that one batch of a regression by mean squares was to give."""
        self.targets = [*self.targets[-2000:], *(float(v) for v in targets[:256])]

    def baseline(self) -> tuple[float, str] | None:
        """The loss of the best constant answer, and its formula; None where the targets are not known.

        Cross-entropy: the labels' entropy H(y). Mean squares: the targets' variance. Only the width of the answer
        known: ln C.
        """
        seen = [label for batch in self.labels for label in batch]
        if len(seen) >= 64:
            return entropy(list(Counter(seen).values())), "H(y)"
        if len(self.targets) >= 64:
            mean = sum(self.targets) / len(self.targets)
            return sum((t - mean) ** 2 for t in self.targets) / len(self.targets), "Var(y)"
        return (math.log(self.classes), "ln C") if self.classes > 1 else None

    def plateau(self, losses: Losses) -> Iterator[Finding]:
        """The loss stays where a constant answer has it: the inputs are not used."""
        found = self.baseline()
        window = losses.recent[-100:]
        if found is None or losses.count < 150 or len(window) < 100 or found[0] < 0.05:
            return
        base, formula = found
        mean = sum(window) / len(window)
        error = math.sqrt(sum((v - mean) ** 2 for v in window)) / len(window)
        near = abs(mean - base) < max(0.02 * base, 2 * error) < 0.1 * base
        times = in_a_row(self.strikes, "O19", near and losses.flat(100) and losses.fell < 0.2)
        if times >= 3:
            values = {"loss": mean, "base": base, "formula": formula, "steps": losses.count}
            yield Finding("O19", "note" if formula == "ln C" else "warn", "loss", "training_constant", values)

    def order(self) -> Iterator[Finding]:
        """Batches of few classes each (the labels are sorted) against the same labels, dealt at random."""
        if self.seen < 8 or self.seen % 4:
            return
        batches = [batch for batch in self.labels if len(batch) >= 2]
        pooled = [label for batch in batches for label in batch]
        total = entropy(list(Counter(pooled).values()))
        if len(batches) < 8 or total < 0.3:
            return
        random.Random(0).shuffle(pooled)
        at, dealt = 0, 0.0
        for batch in batches:
            dealt += entropy(list(Counter(pooled[at : at + len(batch)]).values()))
            at += len(batch)
        mean = sum(entropy(list(Counter(batch).values())) for batch in batches) / len(batches)
        if mean > 0.5 * dealt / len(batches):
            return
        # single classes in random order are somebody's sampler; long runs of one class are a sorted file
        tops = [Counter(batch).most_common(1)[0][0] for batch in batches]
        shares = [n / len(tops) for n in Counter(tops).values()]
        same = sum(a == b for a, b in pairwise(tops)) / (len(tops) - 1)
        expected = sum(share * share for share in shares)
        rising = sum(b >= a for a, b in pairwise(tops)) / (len(tops) - 1)
        runs = len(shares) > 1 and (same > expected + 0.3 or rising > 0.9) and len(batches) >= 10
        values = {"mean": mean, "all": total, "batches": len(batches)}
        yield Finding("D22", "warn" if runs else "note", "train", "training_order", values)

    def add_size(self, size: int, loss: float) -> None:
        """Take the number of samples and the loss of one batch."""
        self.usual = self.usual or size
        if size == self.usual:
            self.losses.append(loss)
            if len(self.losses) > 100:
                del self.losses[:-20]
        elif size < 0.7 * self.usual and len(self.losses) >= 10:
            middle = median(self.losses[-20:])
            if loss > 0 and middle > 0:
                # the exponent e of loss ~ size^e: 1 for a sum, 0 for a mean
                self.odd = [*self.odd[-20:], math.log(loss / middle) / math.log(size / self.usual)]

    def reduction(self) -> Iterator[Finding]:
        """The loss is proportional to the size of the batch."""
        if len(self.odd) >= 2 and all(abs(e - 1) < 0.3 for e in self.odd[-4:]):
            values = {"size": self.usual, "exponent": median(self.odd)}
            yield Finding("O07", "note", "loss", "training_sum", values)
