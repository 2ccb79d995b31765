"""What a loss is, read back from the gradient of the scores: its kind, its reduction, its sign and the targets.

With p = softmax(s), the gradient of the mean cross-entropy is (p - onehot) / B: the one negative element of each row
names the label and gives the factor. With mean squares it is 2 (s - t) / N, with binary cross-entropy on logits
(sigmoid(s) - t) / N. Nothing of the loop has to be intercepted for it; the loss's own value confirms the reading.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from deepwell.doctor.training.judges.trend import in_a_row
from deepwell.findings import Finding

_CLOSE = 2e-3


class Reading(NamedTuple):
    """A loss that was recognised."""

    kind: str
    """``cross_entropy``, ``nll``, ``mse``, ``binary`` (on logits) or ``all_pairs`` (mean squares of all pairs)."""
    factor: float
    """What the sum over rows (or elements) is divided by; below 0 where the loss is turned round."""
    targets: np.ndarray
    scores: np.ndarray


def read(scores: np.ndarray, gradient: np.ndarray, loss: float) -> Reading | None:
    """Recognise the loss that gave this gradient.

    Args:
        scores: the model's answer, [B, C] or [B].
        gradient: of the loss by the scores, same shape.
        loss: its value, as the loop reported it.

    >>> s = np.array([[1.0, 0.0], [0.5, 2.0], [0.0, 0.0]])
    >>> p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    >>> found = read(s, (p - np.eye(2)[[0, 1, 1]]) / 3, 0.4034)
    >>> found.kind, round(found.factor, 3), found.targets.tolist()
    ('cross_entropy', 3.0, [0, 1, 1])
    """
    s, g = scores.astype(np.float64), gradient.astype(np.float64)
    if s.shape != g.shape or s.ndim not in (1, 2) or len(s) < 2 or not np.isfinite(s).all() or not np.isfinite(g).all():
        return None
    if not np.any(g):
        return None
    if s.ndim == 2 and s.shape[1] > 1 and (found := _by_class(s, g, loss)) is not None:
        return found
    return _by_number(s.reshape(-1), g.reshape(-1), loss)


def _by_class(s: np.ndarray, g: np.ndarray, loss: float) -> Reading | None:
    rows = np.arange(len(s))
    if (np.count_nonzero(g, axis=1) == 1).all():
        t = np.abs(g).argmax(1)
        each = g[rows, t]
        if np.ptp(each) <= _CLOSE * abs(each[0]):
            factor = -1.0 / each[0]
            if _agrees(-s[rows, t].sum() / factor, loss):
                return Reading("nll", factor, t, s)
    e = np.exp(s - s.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    for sign in (1.0, -1.0):
        t = (sign * g).argmin(1)
        pulled = g[rows, t]
        if (sign * pulled >= 0).any():
            continue
        keep = p[rows, t] < 0.999  # a sure answer has no gradient to read a factor from
        if keep.sum() < 2:
            continue
        factors = (p[rows, t] - 1)[keep] / pulled[keep]
        factor = float(np.median(factors))
        rest = p - np.eye(s.shape[1])[t] - factor * g
        if np.abs(rest).max() < 5e-3:
            return Reading("cross_entropy", factor, t, s)
    return None


def _by_number(s: np.ndarray, g: np.ndarray, loss: float) -> Reading | None:
    n = float(len(s))
    for factor in (n, 1.0, -n, -1.0):
        t = 1 / (1 + np.exp(-np.clip(s, -60, 60))) - factor * g
        if np.abs(t - np.round(t)).max() < 5e-3 and (np.abs(t - 0.5) < 0.6).all():
            labels = np.round(t)
            value = float((np.logaddexp(0, s) - labels * s).sum()) / factor
            if _agrees(value, loss):
                return Reading("binary", factor, labels, s)
    for factor in (n, 1.0, -n, -1.0):
        half = factor * g / 2
        value = float((half * half).sum()) / factor
        if _agrees(value, loss):
            return Reading("mse", factor, s - half, s)
    t = s - n * g / 2
    # [B, 1] against [B]: each answer is pulled to the mean of all targets, and the loss is that of all pairs
    pulled_alike = np.ptp(s) > 1e-4 * max(1e-12, np.abs(s).max()) and np.ptp(t) < 1e-4 * np.ptp(s)
    if pulled_alike and loss > 1.05 * float(((n * g / 2) ** 2).mean()):
        return Reading("all_pairs", n, t, s)
    return None


def _agrees(value: float, loss: float) -> bool:
    return math.isfinite(value) and abs(value - loss) <= _CLOSE * max(abs(loss), 1e-6)


def are_probabilities(s: np.ndarray) -> bool:
    """None negative, every row sums to 1."""
    return bool((s >= 0).all() and np.abs(s.sum(-1) - 1).max() < 1e-4)


class Answers:
    """Judges what was read back."""

    def __init__(self) -> None:
        self.strikes: dict[str, int] = {}

    @property
    def scored(self) -> bool:
        """Whether the loss is known to be one that training shall lower."""
        return self.strikes.get("known", 0) > 0

    def judge(self, found: Reading | None, *, size: int) -> Iterator[Finding]:
        """What one reading says; ``size``: samples in the batch."""
        in_a_row(self.strikes, "known", found is not None and found.factor > 0 and found.kind != "all_pairs")
        if found is None:
            return
        s = found.scores
        rows = s.ndim == 2 and s.shape[1] > 1
        if in_a_row(self.strikes, "O17", found.factor < 0) >= 2:
            yield Finding("O17", "stop", "loss", "training_negated", {"kind": found.kind})
        double = rows and found.kind == "cross_entropy" and are_probabilities(s)
        if in_a_row(self.strikes, "M01", double) >= 2:
            floor = math.log(1 + (s.shape[1] - 1) / math.e)
            yield Finding("M01", "stop", "output", "probabilities", {"floor": floor})
        raw = rows and found.kind == "nll" and np.abs(np.logaddexp.reduce(s, axis=1)).max() > 1e-2
        if in_a_row(self.strikes, "M03", raw) >= 2:
            yield Finding("M03", "stop", "output", "training_not_log", {"probabilities": are_probabilities(s)})
        bounded = found.kind == "binary" and bool(((s >= 0) & (s <= 1)).all()) and len(s) >= 8
        if in_a_row(self.strikes, "M04", bounded and float(np.ptp(s)) > 0) >= 4:
            yield Finding("M04", "warn", "output", "training_bounded", {"low": float(s.min()), "high": float(s.max())})
        if in_a_row(self.strikes, "D12", found.kind == "all_pairs") >= 2:
            yield Finding("D12", "warn", "loss", "training_all_pairs", {"target": float(found.targets.mean())})
        elements = s.size if found.kind in ("mse", "binary") else len(s)
        summed = elements > 1 and size > 1 and abs(found.factor - 1) < 1e-2
        if in_a_row(self.strikes, "O07", summed) >= 3:
            yield Finding("O07", "note", "loss", "training_read_sum", {"kind": found.kind, "size": size})
