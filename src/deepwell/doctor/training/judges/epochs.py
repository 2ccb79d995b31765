"""Epochs: over- and underfitting, too good too soon, too few or too many, numbers that hide a NaN."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from deepwell.doctor.training.judges.trend import in_a_row, slope
from deepwell.findings import Finding

_WINDOW = 5
_FELL = 0.02
"""Accuracy that an overfitted model has lost since its best epoch."""


class Epochs:
    """Judges the values that are reported after each epoch: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``.

    A trend is one over a window of epochs, against the standard error of its slope.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.broken = 0
        self.strikes: dict[str, int] = {}

    def _column(self, name: str) -> list[float]:
        return [row[name] for row in self.rows if name in row and math.isfinite(row[name])]

    @property
    def worse(self) -> float | None:
        """Validation loss over training loss of the last epoch."""
        last = self.rows[-1] if self.rows else {}
        if last.get("loss", 0) > 0 and "val_loss" in last:
            return last["val_loss"] / last["loss"]
        return None

    def judge(self, values: Mapping[str, float], *, broken: int) -> Iterator[Finding]:
        """What one epoch says.

        Args:
            values: of this epoch.
            broken: steps so far whose loss was not finite.
        """
        self.rows.append({k: float(v) for k, v in values.items() if isinstance(v, (int, float))})
        row = self.rows[-1]
        if broken > self.broken and math.isfinite(row.get("loss", math.nan)):
            found = {"steps": broken - self.broken, "loss": row["loss"]}
            yield Finding("O21", "warn", "loss", "training_hidden", found)
        self.broken = broken
        yield from self._overfits()
        yield from self._underfits(row)
        yield from self._better_outside(row)
        yield from self._too_soon(row)
        if in_a_row(self.strikes, "O24", row.get("data_share", 0) > 0.5) >= 2:
            yield Finding("O24", "note", "loop", "training_starved", {"share": row["data_share"]})

    def _overfits(self) -> Iterator[Finding]:
        outside, inside = self._column("val_loss"), self._column("loss")
        if len(outside) < _WINDOW + 1 or len(inside) < len(outside):
            return
        rise, errors = slope(outside[-_WINDOW:])
        best, now = min(outside), outside[-1]
        falling = slope(inside[-_WINDOW:])[0] < 0
        if not (rise > 0 and errors > 2.5 and now > 1.1 * best > 0 and falling):
            return
        accuracy = self._column("val_accuracy")
        # a validation loss may rise from overconfidence alone while the answers still get better (Guo et al. 2017)
        # so the second signal is that answers have become worse; where they are not counted, a loss far above its best
        counted = len(accuracy) == len(outside)
        better = accuracy[-1] > max(accuracy) - _FELL if counted else now < 1.5 * best
        values = {"now": now, "best": best, "epoch": outside.index(best) + 1, "errors": min(errors, 99.0)}
        yield Finding("E09", "note" if better else "warn", "model", "training_overfits", values)

    def _underfits(self, row: Mapping[str, float]) -> Iterator[Finding]:
        losses = self._column("loss")
        if len(losses) < _WINDOW or "accuracy" not in row:
            return
        recent = losses[-_WINDOW:]
        flat = max(recent) - min(recent) < 0.01 * abs(recent[0])
        still = losses[-1] > 0.8 * losses[0]
        if flat and still and row["accuracy"] < 0.6:
            values = {"accuracy": row["accuracy"], "loss": row["loss"], "epochs": _WINDOW}
            yield Finding("O19", "warn", "model", "training_underfits", values)

    def _better_outside(self, row: Mapping[str, float]) -> Iterator[Finding]:
        loss, outside = row.get("loss", math.nan), row.get("val_loss", math.nan)
        higher = row.get("val_accuracy", 0.0) > row.get("accuracy", 1.0) + 0.1
        if in_a_row(self.strikes, "E10", outside < 0.5 * loss or higher) >= 3:
            values = {"loss": loss, "val_loss": outside}
            yield Finding("E10", "note", "validation", "training_better", values)

    def _too_soon(self, row: Mapping[str, float]) -> Iterator[Finding]:
        if len(self.rows) <= 1 and row.get("val_accuracy", 0.0) > 0.995:
            values = {"accuracy": row["val_accuracy"], "epoch": len(self.rows)}
            yield Finding("E11", "note", "validation", "training_too_good", values)

    def end(self) -> Iterator[Finding]:
        """What the whole training says, once it is over."""
        name = "val_loss" if len(self._column("val_loss")) >= 4 else "loss"
        values = self._column(name)
        if len(values) < 4:
            return
        best = values.index(min(values)) + 1
        _, errors = slope(values[-4:])
        gain = (values[-2] - values[-1]) / max(abs(values[-2]), 1e-12)
        if best == len(values) and errors < -3 and gain > 0.05:
            found = {"value": name, "gain": gain, "now": values[-1]}
            yield Finding("O27", "note", "model", "training_still_falls", found)
        if name == "val_loss" and len(values) >= 10 and best < 0.3 * len(values):
            yield Finding("O27", "note", "model", "training_too_long", {"best": best, "epochs": len(values)})
