"""Parts of the samples on which a model does worse than on the rest, beyond noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.evaluate.interval import Z95 as Z
from deepwell.evaluate.interval import normal_tail, shares, student

_FEWEST = 10  # samples of a slice: fewer tell nothing that a person could act on
_PARTS = 5  # a column of numbers is cut into so many parts of equal numbers
_NAMES = 200  # different names of a column at most; more are no slices but samples
_LEVEL = 0.05


@dataclass(frozen=True)
class Slice:
    """Samples that have something in common, and do worse than the rest.

    Attributes:
        attribute: what they have in common, such as ``brightness``.
        value: the name; "" for numbers.
        low, high: the range of numbers, both ends included; None for names.
        samples: how many.
        score: their mean error: the share of wrong answers, or the mean of the losses given.
        interval: 95 % interval of it.
        rest: the mean error of all others.
        p: chance of as large a difference by noise, corrected for the number of slices looked at (Holm).
    """

    attribute: str
    value: str
    low: float | None
    high: float | None
    samples: int
    score: float
    interval: tuple[float, float]
    rest: float
    p: float

    def __str__(self) -> str:
        where = f"{self.low:.4g} to {self.high:.4g}" if self.low is not None else self.value
        low, high = self.interval
        return (
            f"{self.attribute} {where}: error {self.score:.3f} ({low:.3f} to {high:.3f}) of {self.samples:,} samples, "
            f"{self.rest:.3f} elsewhere"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**self.__dict__, "interval": list(self.interval)}


def worst_slices(
    errors: np.ndarray, attributes: Mapping[str, Sequence[Any] | np.ndarray], *, level: float = _LEVEL
) -> tuple[Slice, ...]:
    """Slices whose error is worse than that of the other samples beyond noise, the worst first.

    A column of numbers is cut at its quintiles, a column of names by name. Right and wrong are tested by Fisher's
    exact test, losses by the rank sum test (Mann and Whitney 1947), which a few huge losses do not sway; both
    one-sided. The p-values are corrected for all slices that were tested (Holm 1979), so that looking at a hundred
    slices finds one by chance in one evaluation of twenty, not five in each.

    Args:
        errors: of each sample, [n]: True where the answer is wrong, or a number from 0 up that is larger for worse.
        attributes: columns [n] by name; numbers or names. A number that is NaN is in no slice.
        level: chance of finding any slice where there is none.

    Raises:
        UserError: a column of another length.

    >>> wrong = np.arange(200) >= 160
    >>> columns = {"half": ["a", "b"] * 100, "last": wrong * 1.0}
    >>> [(s.attribute, s.low, s.samples) for s in worst_slices(wrong, columns)]
    [('last', 1.0, 40)]
    """
    errors = np.asarray(errors)
    binary = errors.dtype == bool
    values = errors.astype(float)
    found: list[tuple[float, Slice]] = []
    for name, column in attributes.items():
        if len(column) != len(errors):
            raise UserError(f"the attribute '{name}' has {len(column)} values", expected=f"one a sample, {len(errors)}")
        for value, low, high, chosen in _cut(np.asarray(column)):
            size = int(chosen.sum())
            if not _FEWEST <= size <= len(errors) - _FEWEST:
                continue
            p = _fisher(values, chosen) if binary else _rank_sum(values, chosen)
            inside = values[chosen]
            made = Slice(
                name, value, low, high, size, float(inside.mean()), _interval(inside, binary),
                float(values[~chosen].mean()), p,
            )  # fmt: skip
            found.append((p, made))
    adjusted = holm([p for p, _ in found])
    kept = [
        replace(made, p=p) for p, (_, made) in zip(adjusted, found, strict=True) if p < level and made.score > made.rest
    ]
    return tuple(sorted(kept, key=lambda s: (-s.score, s.attribute, s.value)))


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): those below 0.05 are wrong together in 5 % at most.

    >>> [round(v, 3) for v in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    made = np.zeros(len(p))
    running = 0.0
    for rank, place in enumerate(order):
        running = max(running, min(1.0, (len(p) - rank) * p[place]))
        made[place] = running
    return made.tolist()


def _cut(column: np.ndarray) -> list[tuple[str, float | None, float | None, np.ndarray]]:
    """The slices of a column: (name, low, high, which samples)."""
    if column.dtype.kind in "bUSO":
        names = np.array([str(value) for value in column])
        kinds = np.unique(names)
        return [(str(name), None, None, names == name) for name in kinds] if len(kinds) <= _NAMES else []
    numbers = column.astype(float)
    known = np.isfinite(numbers)
    if not known.any():
        return []
    edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, _PARTS + 1)))
    if len(edges) < 2:
        return []
    # a value that is the edge of two parts is in the lower one; of whole numbers a part may hold one alone
    part = np.clip(np.searchsorted(edges, numbers, side="left"), 1, len(edges) - 1)
    part = np.where(numbers == edges[0], 0, part) if (numbers[known] == edges[0]).mean() > 1 / _PARTS else part
    slices: list[tuple[str, float | None, float | None, np.ndarray]] = []
    for number in np.unique(part[known]):
        chosen = known & (part == number)
        slices.append(("", float(numbers[chosen].min()), float(numbers[chosen].max()), chosen))
    return slices


def _fisher(values: np.ndarray, chosen: np.ndarray) -> float:
    """Chance of as many wrong ones in the slice, were it drawn at random (one-sided)."""
    total, wrong, size = len(values), int(values.sum()), int(chosen.sum())
    most = min(wrong, size)
    k = np.arange(max(int(values[chosen].sum()), size + wrong - total), most + 1)
    logs = _log_factorials(total)

    def choose(n: int, k: np.ndarray) -> np.ndarray:
        return logs[n] - logs[k] - logs[n - k]

    chances = choose(wrong, k) + choose(total - wrong, size - k) - choose(total, np.array([size]))
    return float(min(1.0, np.exp(chances).sum()))


@lru_cache(maxsize=4)
def _log_factorials(n: int) -> np.ndarray:
    """Logarithms of 0! to n!."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def _rank_sum(values: np.ndarray, chosen: np.ndarray) -> float:
    """Chance of as high ranks in the slice, were it drawn at random (one-sided, normal, corrected for ties)."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    ranks = (last - (times - 1) / 2)[place]
    total, size = len(values), int(chosen.sum())
    ties = float((times.astype(float) ** 3 - times).sum())
    variance = size * (total - size) / 12 * ((total + 1) - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = (ranks[chosen].sum() - size * (total + 1) / 2) / variance**0.5
    return normal_tail(z) / 2 if z > 0 else 1 - normal_tail(z) / 2


def _interval(inside: np.ndarray, binary: bool) -> tuple[float, float]:
    if binary:
        low, high = shares(np.array([inside.sum()]), np.array([len(inside)]))[0].tolist()
        return low, high
    half = float(student(Z, np.array([len(inside) - 1.0]))[0] * inside.std(ddof=1) / len(inside) ** 0.5)
    return max(0.0, float(inside.mean()) - half), float(inside.mean()) + half
