"""Updates that are too large, too small, upward, or none at all."""

from __future__ import annotations

from collections.abc import Iterator

from deepwell.doctor.training.judges.losses import Losses
from deepwell.doctor.training.judges.trend import in_a_row, median
from deepwell.doctor.training.sampling import Look
from deepwell.findings import Finding, Level

LARGE = 0.1
"""An update of a tenth of the weights: healthy trainings are near 1e-3, and pass 0.1 for a few steps at most."""
SMALL = 1e-5


class Updates:
    """Judges what one optimiser's steps do to the weights, look by look."""

    def __init__(self) -> None:
        self.ratios: list[float] = []
        self.turns: list[float] = []
        self.upward: list[bool] = []
        self.rate = 0.0
        self.strikes: dict[str, int] = {}

    @property
    def ratio(self) -> float | None:
        """Median of the last looks' ratios of update to weight."""
        return median(self.ratios[-5:]) if self.ratios else None

    @property
    def turn(self) -> float | None:
        """What four fifths of the last looks' cosines between neighbouring gradients are below."""
        recent = sorted(self.turns[-10:])
        return recent[int(0.8 * len(recent))] if len(recent) == 10 else None

    def judge(self, look: Look, losses: Losses, *, scored: bool) -> Iterator[Finding]:
        """What one look says, given those before it.

        Args:
            look: its numbers.
            losses: so far.
            scored: the loss is known to be one that training shall lower.
        """
        if look.turn is not None:
            self.turns = [*self.turns[-20:], look.turn]
        yield from self._nothing(look)
        found = [
            _ratio(layer)
            for layer in look.layers
            # a layer that began at zero has no size yet to compare with
            if layer.matrix and layer.update is not None and layer.weight > 1e-4
        ]
        if found:
            ratio = median(found)
            self.ratios = [*self.ratios[-20:], ratio]
            yield from self._large(losses)
            yield from self._small(look, losses)
            yield from self._upward(look, losses, scored)
        self.rate = look.rate

    def _nothing(self, look: Look) -> Iterator[Finding]:
        known = [layer for layer in look.layers if layer.moved is not None]
        none = bool(known) and not any(layer.moved for layer in known)
        # a step of plain descent would be seen in the float's last digits
        felt = any(look.rate * (layer.gradient or 0.0) > 1e-6 * layer.weight for layer in known)
        if in_a_row(self.strikes, "O05", none and look.rate == 0) >= 5 and look.step >= 10:
            yield Finding("O05", "warn", "optimizer", "training_zero", {"steps": look.step})
        if in_a_row(self.strikes, "O04", none and felt and look.rate > 0) >= 3:
            values = {"count": len(known), "rate": look.rate, "step": look.step}
            yield Finding("O04", "stop", "optimizer", "training_unchanged", values)

    def _large(self, losses: Losses) -> Iterator[Finding]:
        count = sum(r > LARGE for r in self.ratios)
        leapt = losses.known and max(losses.first) > 2 * losses.initial > 0
        many = count >= (3 if leapt else 5)
        if many and losses.count >= 30 and losses.fell < 0.1 and losses.known and losses.initial > 0:
            values = {"ratio": max(self.ratios), "loss": losses.level, "initial": losses.initial}
            yield Finding("O01", "warn", "optimizer", "training_ratio", values)

    def _small(self, look: Look, losses: Losses) -> Iterator[Finding]:
        ratio = self.ratios[-1]
        # a warm-up begins with small steps: only a rate that does not rise is judged
        times = in_a_row(self.strikes, "O02", 0 < ratio < SMALL and look.rate <= self.rate)
        if times >= 5 and losses.count >= 50 and abs(losses.fell) < 0.01 and losses.flat(50) and losses.level > 0.01:
            values = {"ratio": ratio, "rate": look.rate, "loss": losses.level}
            yield Finding("O02", "warn", "optimizer", "training_small", values)

    def _upward(self, look: Look, losses: Losses, scored: bool) -> Iterator[Finding]:
        # the first step of every optimiser goes against the gradient; later ones may follow their momentum
        if len(self.upward) < 5:
            self.upward.append(look.descent > 0.05)
        if len(self.upward) == 5 and all(self.upward) and look.descent > 0.05:
            rises = losses.known and losses.level > losses.initial
            level: Level = "stop" if rises and scored else "warn" if rises else "note"
            yield Finding("O17", level, "optimizer", "training_upward", {"cosine": look.descent})


def _ratio(layer: object) -> float:
    return layer.update / max(layer.weight, 1e-8)  # type: ignore[attr-defined]
