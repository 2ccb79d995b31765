"""Whether a metric can measure this kind of target (E05)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from deepwell.findings import Finding


def look_at_metric(metric: Callable[[Any, Any], Any], targets: Any) -> Iterator[Finding]:
    """A score that is full for the targets themselves and gone a thousandth beside them counts exact hits of numbers.

    >>> accuracy = lambda output, y: (output == y).float().mean()
    >>> [f.code for f in look_at_metric(accuracy, torch.tensor([4.0, 2.5, 1.5, 0.1]))]
    ['E05']
    """
    if not isinstance(targets, Tensor) or not targets.is_floating_point() or targets.numel() < 1:
        return
    if bool(((targets == 0) | (targets == 1)).all()):
        return
    with torch.no_grad():
        exact, near = float(metric(targets, targets)), float(metric(targets + 1e-3 * (1 + targets.abs()), targets))
        far = float(metric(targets + 10 * (1 + targets.abs()), targets))
    if exact > 0 and near == far and near < 0.5 * exact:
        yield Finding("E05", "warn", "metric", "exact_hits", {"exact": exact, "near": near})
