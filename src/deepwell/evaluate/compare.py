"""Which of several models is better on the same samples, and where the difference is within noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.evaluate.bootstrap import carriers
from deepwell.evaluate.interval import Z95, normal_tail
from deepwell.evaluate.paired import CARRIERS, Metric, metrics_of, resampled
from deepwell.evaluate.slices import holm

_LEVEL = 0.05


@dataclass(frozen=True)
class Gap:
    """How far one model's figure lies from another's.

    Attributes:
        value: the one's figure minus the other's.
        low, high: 95 % interval of the difference, for this comparison alone; NaN where too few samples differ. Then
            the verdict of accuracy is McNemar's, and that of other metrics ``within noise``.
        p: chance of as large a difference by noise, corrected for the number of comparisons (Holm).
        verdict: ``better`` or ``worse`` than the other, or ``within noise``.
        mcnemar: of accuracy: the exact p-value of the samples on which the two differ (McNemar 1947), not corrected.
    """

    value: float
    low: float
    high: float
    p: float
    verdict: str
    mcnemar: float | None


@dataclass(frozen=True)
class Difference(Gap):
    """Of one metric, between a model and the one that is best by it; corrected for all pairs of models.

    Attributes:
        model, best: their names.
    """

    model: str
    best: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        known = not math.isnan(self.low)
        names = ("model", "best", "value", "p", "verdict")
        found = {name: getattr(self, name) for name in names}
        found |= {"interval": [self.low, self.high] if known else None}
        return found if self.mcnemar is None else {**found, "mcnemar": self.mcnemar}


@dataclass(frozen=True)
class Comparison:
    """Models measured on the same samples.

    Attributes:
        samples: how many.
        scores: of each metric, each model's figure.
        differences: of each metric, one row a model that is not the best by it.
        higher_is_better: of each metric.
    """

    samples: int
    scores: Mapping[str, Mapping[str, float]]
    differences: Mapping[str, tuple[Difference, ...]]
    higher_is_better: Mapping[str, bool]

    def best(self, metric: str) -> str:
        """The model whose figure is best; the first of equal ones."""
        found = self.scores[metric]
        sign = 1 if self.higher_is_better[metric] else -1
        return max(found, key=lambda name: sign * found[name])

    def __str__(self) -> str:
        lines = [f"{self.samples:,} samples"]
        width = max(len(name) for found in self.scores.values() for name in found)
        for metric, found in self.scores.items():
            way = "" if self.higher_is_better[metric] else " (lower is better)"
            lines.append(f"{metric.replace('_', ' ')}{way}")
            rows = {d.model: d for d in self.differences[metric]}
            sign = -1 if self.higher_is_better[metric] else 1
            for name in sorted(found, key=lambda n: sign * found[n]):
                lines.append(f"  {name:{width}}  {found[name]:.4f}  {_row(rows.get(name))}".rstrip())
        pairs = len(next(iter(self.scores.values())))
        if pairs > 2:
            count = pairs * (pairs - 1) // 2
            lines.append(
                f"each interval is for one comparison; the verdicts are corrected for all {count} pairs (Holm)"
            )
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "samples": self.samples,
            "metrics": {
                metric: {
                    "higher_is_better": self.higher_is_better[metric],
                    "best": self.best(metric),
                    "scores": dict(found),
                    "differences": [row.to_json() for row in self.differences[metric]],
                }
                for metric, found in self.scores.items()
            },
        }


def _row(found: Difference | None) -> str:
    if found is None:
        return "best"
    exact = "" if found.mcnemar is None else f", McNemar p {found.mcnemar:.2g}"
    known = f"({found.low:+.4f} to {found.high:+.4f})"
    if math.isnan(found.low):
        known = "(too few samples differ for an interval)"
    return f"{found.value:+.4f} {known}: {found.verdict}{exact}"


def compare(
    answers: Mapping[str, Any],
    targets: Any,
    *,
    kind: str,
    classes: Sequence[Any] = (),
    scheme: str = "plain",
    seed: int = 0,
) -> Comparison:
    """Compare models by a paired bootstrap: the same resampled samples (of tags: sentences) for all of them.

    Two models that answer the same samples are right and wrong together on the easy and the hard ones, so their
    difference is known far better than either figure. The interval is the difference +- 1.96 standard deviations of
    the resampled differences. With more than two models each is set against the best by that metric, and since
    the best was picked among all, the p-values are corrected for all pairs (Holm 1979).

    Args:
        answers: by the model's name, at least two. Category: probabilities [n, classes], or class numbers [n], which
            have no log loss; label-sets: probabilities [n, labels]; tags: lists of tags.
        targets: class numbers [n]; 0 and 1 [n, labels]; lists of tags.
        kind: of the output: ``category``, ``label-sets`` or ``tags``.
        classes: of a category: names, for their number.
        scheme: of tags.
        seed: of the resamples.

    Raises:
        UserError: one model only, other numbers of samples.

    >>> y = np.arange(300) % 3
    >>> worse = np.where(np.arange(300) < 90, (y + 1) % 3, y)
    >>> found = compare({"a": y, "b": worse}, y, kind="category", classes="xyz")
    >>> found.differences["accuracy"][0].verdict
    'worse'
    """
    if len(answers) < 2:
        raise UserError(f"there is {len(answers)} model to compare", expected="at least two")
    metrics = metrics_of(kind)(dict(answers), targets, len(classes), scheme)
    count = len(targets)
    draws = resampled(metrics, count, seed)
    scores: dict[str, dict[str, float]] = {}
    differences: dict[str, tuple[Difference, ...]] = {}
    for name, metric in metrics.items():
        scores[name] = {model: float(v) for model, v in zip(answers, metric.whole(), strict=True)}
        differences[name] = _against_best(list(answers), metric, draws[name], metric.whole())
    return Comparison(count, scores, differences, {name: metric.higher_is_better for name, metric in metrics.items()})


def one_against(metric: Metric, *, seed: int = 0) -> list[Gap]:
    """The first model's figure less that of each other one, the p-values corrected for the number of others (Holm).

    Args:
        metric: of several models on the same samples, at least one.
        seed: of the resamples.
    """
    draws = resampled({"": metric}, metric.samples, seed)[""]
    return _gaps(metric, draws, metric.whole(), [(0, other) for other in range(1, len(draws))])


def _against_best(names: list[str], metric: Metric, draws: np.ndarray, scores: np.ndarray) -> tuple[Difference, ...]:
    """A row for each model but the best."""
    best = int(np.argmax(scores if metric.higher_is_better else -scores))
    pairs = [(j, i) if i == best else (i, j) for i in range(len(names)) for j in range(i)]
    found = dict(zip(pairs, _gaps(metric, draws, scores, pairs), strict=True))
    return tuple(
        Difference(**vars(found[i, best]), model=name, best=names[best]) for i, name in enumerate(names) if i != best
    )


def _gaps(metric: Metric, draws: np.ndarray, scores: np.ndarray, pairs: Sequence[tuple[int, int]]) -> list[Gap]:
    """The first less the second of each pair, corrected for the number of pairs."""
    found = [_pair(metric, draws, scores, *pair) for pair in pairs]
    gaps = []
    for (i, j), (low, high, _, exact), p in zip(pairs, found, holm([p for _, _, p, _ in found]), strict=True):
        value = float(scores[i] - scores[j])
        ahead = value > 0 if metric.higher_is_better else value < 0
        verdict = "within noise" if not p < _LEVEL else "better" if ahead else "worse"
        gaps.append(Gap(value, low, high, p, verdict, exact))
    return gaps


def _pair(
    metric: Metric, draws: np.ndarray, scores: np.ndarray, i: int, j: int
) -> tuple[float, float, float, float | None]:
    """(low, high, p, McNemar's p) of the difference of two models."""
    exact = None if metric.right is None else mcnemar(*_discordant(metric.right[i], metric.right[j]))
    if carriers(metric.spread(i, j)) < CARRIERS:
        return math.nan, math.nan, metric.exchanged(i, j) if exact is None else exact, exact
    value = float(scores[i] - scores[j])
    error = float((draws[i] - draws[j]).std(ddof=1))
    # where every sample sets them apart alike no resample differs: then the sign test of all samples
    alike = mcnemar(metric.samples, 0) if value else 1.0
    p = normal_tail(value / error) if error else alike
    return value - Z95 * error, value + Z95 * error, p, exact


def _discordant(first: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    return int((first & ~other).sum()), int((~first & other).sum())


def mcnemar(first: int, other: int) -> float:
    """Exact two-sided p-value: of the samples on which two models differ, how many only one has right.

    Args:
        first, other: samples that only the first, and only the other, has right.

    >>> round(mcnemar(10, 2), 4), mcnemar(0, 0)
    (0.0386, 1.0)
    """
    count, few = first + other, min(first, other)
    if not count:
        return 1.0
    k = np.arange(few + 1)
    logs = np.array([math.lgamma(count + 1) - math.lgamma(i + 1) - math.lgamma(count - i + 1) for i in k])
    return min(1.0, 2 * float(np.exp(logs - count * math.log(2)).sum()))
