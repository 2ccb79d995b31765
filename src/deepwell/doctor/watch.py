"""The watch: an observer that names a training's troubles by layer, with the remedy, as they happen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.doctor.finding import Finding
from deepwell.train.observe import EpochRecord, Start, StepRecord

_EVERY = 50
"""Steps between two looks at the gradients: one look costs about a tenth of a small step."""


class Watch:
    """Looks at gradients now and then, at units and scores after each epoch. Says each trouble once.

    Thresholds: vanishing and exploding ratios and the share of dead units follow AutoTrainer (Zhang et al.,
    ICSE 2021) and DeepDiagnosis (Wardat et al., ICSE 2022), softened: a finding needs three looks in a row.

    Args:
        model: the model in training.
        probe: prepared training inputs [n, ...] to look at units with.
        say: where findings go, a line each.
    """

    def __init__(self, model: nn.Module, probe: Tensor, *, say: Callable[[str], None]) -> None:
        self.model = model
        self.probe = probe
        self.say = say
        self.findings: list[Finding] = []
        self._strikes: dict[str, int] = {}
        self._norms: list[float] = []
        self._rows: list[Mapping[str, float]] = []
        self._maximise = True

    def on_start(self, start: Start) -> None:
        self._maximise = start.maximise

    def on_step(self, record: StepRecord) -> None:
        if record.step % _EVERY and record.step > 3:
            return
        sizes = [
            (name, _size(g), float(p.detach().norm()) / math.sqrt(p.numel()))
            for name, g, p in zip(record.names, record.result.gradients, record.parameters, strict=True)
            if g is not None and g.dim() > 1
        ]
        if not sizes:
            return
        total = math.sqrt(sum(size * size for _, size, _ in sizes))
        first_name, first, _ = sizes[0]
        last = sizes[-1][1]
        self._judge(
            "O09",
            first_name,
            len(sizes) > 2 and last > 0 and first < 1e-3 * last,
            f"its gradient is {first:.1e}, the last layer's {last:.1e}: the gradient vanishes on the way",
            "use relu instead of sigmoid or tanh, normalise between layers (cnn-bn, resnet), or he-normal weights",
        )
        usual = sorted(self._norms)[len(self._norms) // 2] if self._norms else total
        self._judge(
            "O08",
            max(sizes, key=lambda item: item[1])[0],
            len(self._norms) >= 5 and total > 10 * usual,
            f"the gradient is {total:.1e} where {usual:.1e} is usual: it explodes",
            "clip it (--clip-norm 1) or lower the learning rate",
        )
        self._norms = [*self._norms[-40:], total]

    def on_epoch(self, record: EpochRecord) -> None:
        for name, share in dead_units(self.model, self.probe).items():
            self._judge(
                "O10",
                name,
                share > 0.5,
                f"{share:.0%} of its units are zero on every sample looked at",
                "lower the learning rate, or use leaky_relu (--activation leaky_relu)",
                needed=1,
            )
        self._rows.append(record.values)
        self._overfitting(record)
        self._underfitting(record)

    def _overfitting(self, record: EpochRecord) -> None:
        if "val_loss" not in record.values or len(self._rows) < 5:
            return
        recent = [row["val_loss"] for row in self._rows[-4:]]
        best = min(row["val_loss"] for row in self._rows)
        rising = all(b > a for a, b in pairwise(recent))
        falling = self._rows[-1]["loss"] < self._rows[-4]["loss"]
        self._judge(
            "E09",
            "model",
            rising and falling and recent[-1] > 1.1 * best,
            f"validation loss rises ({recent[0]:.4g} to {recent[-1]:.4g}, best {best:.4g}) while training loss falls",
            "more data, --augment, --dropout, --weight-decay, or stop earlier; the best epoch's weights are kept",
            needed=1,
        )

    def _underfitting(self, record: EpochRecord) -> None:
        if "accuracy" not in record.values or len(self._rows) < 5:
            return
        losses = [row["loss"] for row in self._rows[-5:]]
        flat = max(losses) - min(losses) < 0.01 * abs(losses[0])
        self._judge(
            "O19",
            "model",
            flat and record.values["accuracy"] < 0.6,
            f"training accuracy is {record.values['accuracy']:.0%} and the loss has not moved for 5 epochs",
            "raise the learning rate tenfold or lower it tenfold, take a larger model, check the labels",
            needed=1,
        )

    def _judge(self, code: str, where: str, bad: bool, evidence: str, advice: str, *, needed: int = 3) -> None:
        key = f"{code} {where}"
        self._strikes[key] = self._strikes.get(key, 0) + 1 if bad else 0
        if self._strikes[key] == needed and not any(f.code == code and f.where == where for f in self.findings):
            finding = Finding(code, "warn", where, evidence, advice)
            self.findings.append(finding)
            self.say(str(finding))

    def state(self) -> dict[str, Any]:
        return {"rows": [dict(row) for row in self._rows], "norms": self._norms}

    def load(self, state: Mapping[str, Any]) -> None:
        self._rows, self._norms = list(state["rows"]), list(state["norms"])


def _size(gradient: Tensor) -> float:
    """Root mean square of a gradient, over the rows that have any: an embedding's are few, and no sign of vanishing."""
    rows = int(gradient.flatten(1).any(1).sum())
    return float(gradient.norm()) / math.sqrt(max(1, rows) * gradient[0].numel())


_RECTIFIERS = (nn.ReLU, nn.ReLU6)


def dead_units(model: nn.Module, probe: Tensor) -> dict[str, float]:
    """Share of units (channels of a convolution) of each ReLU that are zero on all of ``probe``.

    >>> layer = nn.Linear(3, 4)
    >>> with torch.no_grad():
    ...     _ = layer.bias.fill_(-100.0)
    >>> dead_units(nn.Sequential(layer, nn.ReLU()), torch.rand(5, 3))
    {'1': 1.0}
    """
    shares: dict[str, float] = {}
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, _RECTIFIERS):

            def look(_m: nn.Module, _i: object, output: Tensor, name: str = name) -> None:
                alive = (output > 0).transpose(0, 1).reshape(output.shape[1], -1).any(1)
                shares[name] = float((~alive).float().mean())

            hooks.append(module.register_forward_hook(look))
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            model(probe)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return shares
