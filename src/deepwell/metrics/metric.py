"""What a metric is: sums that add up over batches, and the figure made of them at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Metric:
    """A figure of merit, exact over any batching and any number of machines.

    The mean of the batches' figures is not the figure of all samples: the last batch is smaller, and a ratio such as
    F1 is no mean at all. So a batch gives sums, sums are added, and one division ends it.

    Attributes:
        name: in the table.
        description: what it measures, its range and its source.
        higher_is_better: its direction.
        update: scores float [n, classes] (logits, or log-probabilities) and class numbers int64 [n] to a state of
            this batch: tensors of the scores' device, to be added to those of the other batches. It does not wait
            for the device.
        compute: a state to the figure.

    >>> import torch
    >>> from deepwell.metrics import METRICS
    >>> scores, targets = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]]), torch.tensor([0, 1, 1])
    >>> metric = METRICS["accuracy"]
    >>> state = add(metric.update(scores[:2], targets[:2]), metric.update(scores[2:], targets[2:]))
    >>> round(metric.compute(state), 4)
    0.6667
    """

    name: str
    description: str
    higher_is_better: bool
    update: Callable[[Tensor, Tensor], State]
    compute: Callable[[Sequence[Tensor]], float]


def add(first: Sequence[Tensor], second: Sequence[Tensor]) -> State:
    """The state of two sets of samples together."""
    return tuple(a + b for a, b in zip(first, second, strict=True))
