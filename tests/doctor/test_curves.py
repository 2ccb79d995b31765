"""What a loss curve says by itself: floors by hand calculation and from logs of others, trends beyond noise, calm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from deepwell.core.errors import UserError
from deepwell.doctor.logs.curves import Curve, Series, examine_curve, series
from deepwell.findings import Finding

NAN = float("nan")


def found(curve: Curve, **told: Any) -> dict[str, str]:
    return {f.code: f.level for f in examine_curve(curve, **told)}


def falling(start: float, end: float, points: int = 40, noise: float = 0.0, seed: int = 0) -> list[float]:
    """An exponential fall with noise."""
    shape = np.exp(-np.linspace(0, 6, points))
    wobble = np.random.default_rng(seed).normal(0, noise, points)
    return list(end + (start - end) * shape + wobble)


# ---- closed forms


def test_floors_of_users_own_logs() -> None:
    """ultralytics#20014 (2 classes, accuracy 1, loss 0.31328) and #13653 (29 classes, 0.99994, 2.4259)."""
    two = Curve.of(val_loss=[0.5, 0.35, *[0.31328] * 6], val_accuracy=[0.7, 0.97, *[1.0] * 6])
    assert found(two, classes=2) == {"M01": "warn"}
    many = Curve.of(val_loss=[3.0, 2.6, 2.45, *[2.4259] * 3], val_accuracy=[0.5, 0.9, 0.98, *[0.99994] * 3])
    assert found(many, classes=29)["M01"] == "warn"
    assert found(many)["M01"] == "warn", "29 classes are found without being told"
    assert examine_curve(many)[0].values["classes"] == 29
    assert "M01" not in found(many, classes=20)


def test_two_digits_are_a_note() -> None:
    """ariecattan/SciCo#2: 0.74 where the floor of 4 classes is 0.7437."""
    curve = Curve.of(loss=[1.2, 0.9, 0.8, 0.75, 0.74, 0.74, 0.74, 0.74])
    assert found(curve, classes=4) == {"M01": "note"}
    assert "M01" not in found(curve, classes=5)


def test_flat_on_the_floor_without_accuracy() -> None:
    floor = math.log(1 + 9 / math.e)
    flat = [2.3, 2.0, 1.7, 1.5, *[floor * 1.0003] * 10]
    assert found(Curve.of(loss=flat), classes=10) == {"M01": "warn"}
    assert found(Curve.of(loss=[*flat, floor * 0.98]), classes=10).get("M01") is None, "no sample can be below it"


def test_validation_far_below_the_floor_clears_training() -> None:
    """A mixed-up training loss may end anywhere; the same model can't be below its floor on validation."""
    floor = math.log(1 + 9 / math.e)
    loss = [2.3, 2.0, 1.7, 1.5, *[floor * 1.0003] * 10]
    assert found(Curve.of(loss=loss, val_loss=falling(2.3, 0.4, 14)), classes=10).get("M01") is None


def trained(softmax: bool) -> dict[str, list[float]]:
    """A log of a small training on three blobs, with or without a softmax too many."""
    torch.manual_seed(0)
    y = torch.arange(600) % 6
    x = torch.randn(600, 2) * 0.35 + torch.stack([torch.cos(y * math.pi / 3), torch.sin(y * math.pi / 3)], 1) * 2
    model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 6))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    rows: dict[str, list[float]] = {"loss": [], "accuracy": []}
    for _ in range(40):
        total = right = 0.0
        for part in torch.randperm(600).split(50):
            scores = model(x[part])
            scores = scores.softmax(1) if softmax else scores
            loss = nn.functional.cross_entropy(scores, y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(part)
            right += float((scores.argmax(1) == y[part]).sum())
        rows["loss"].append(total / 600)
        rows["accuracy"].append(right / 600)
    return rows


def test_a_real_double_softmax_and_its_healthy_twin() -> None:
    assert found(Curve.of(**trained(True)), classes=6)["M01"] == "warn"
    assert not {"stop", "warn"} & set(found(Curve.of(**trained(False)), classes=6).values())


def test_sigmoid_twice() -> None:
    floor = 0.1 * math.log(1 + 1 / math.e) + 0.9 * math.log(2)
    curve = Curve.of(loss=[0.9, 0.8, 0.7, *[floor * 1.0002] * 10])
    assert found(curve, positives=0.1)["M04"] == "warn"
    assert "M04" not in found(curve, positives=0.3)


def test_nll_on_probabilities() -> None:
    curve = Curve.of(loss=[-0.1, -0.4, -0.7, -0.9, -0.95, -0.97], accuracy=[0.2, 0.5, 0.75, 0.9, 0.95, 0.97])
    assert found(curve, classes=10)["M03"] == "warn"
    assert found(curve, classes=10, loss="nll_loss")["M03"] == "stop"
    assert "M03" not in found(curve), "a cosine loss is negative and right"


def test_input_ignored() -> None:
    flat = list(math.log(10) + np.random.default_rng(0).normal(0, 0.003, 20))
    assert found(Curve.of(loss=flat), classes=10) == {"M18": "note"}
    assert found(Curve.of(loss=flat, accuracy=[0.1] * 20), classes=10) == {"M18": "warn"}
    assert "M18" not in found(Curve.of(loss=flat, accuracy=[0.1] * 20), classes=20)
    entropy = -0.2 * math.log(0.2) - 0.8 * math.log(0.8)
    assert found(Curve.of(loss=[entropy] * 4 + [entropy * 1.001] * 6, accuracy=[0.8] * 10), positives=0.2)["M18"]


def test_validation_at_chance() -> None:
    curve = Curve.of(
        loss=falling(2.3, 0.1, 10), accuracy=list(np.linspace(0.3, 0.95, 10)),
        val_loss=list(np.linspace(2.31, 3.0, 10)), val_accuracy=[0.1] * 10,
    )  # fmt: skip
    assert found(curve, classes=10)["D33"] == "warn"


def test_sum_reduction() -> None:
    start = 32 * math.log(10)
    curve = Curve.of(loss=falling(start, 12, 10), accuracy=list(np.linspace(0.2, 0.9, 10)))
    assert found(curve, classes=10, batch_size=32)["O07"] == "warn"
    assert "O07" not in found(curve, classes=10, batch_size=8)
    assert found(curve, classes=10)["M14"] == "note"


def test_broadcast_squares() -> None:
    """[B, 1] against [B]: exactly the variance (FAULTS: 8.3102 = 8.3102)."""
    curve = Curve.of(loss=[9.5, 8.6, 8.35, *[8.3102] * 8])
    assert found(curve, target_variance=8.3102)["D12"] == "warn"
    assert "D12" not in found(curve, target_variance=9.5)
    assert found(Curve.of(loss=falling(500, 1, 10)), target_variance=8.0)["D07"] == "note"


def test_constant_from_the_first() -> None:
    assert found(Curve.of(loss=[0.0] * 8)) == {"M05": "note"}
    assert found(Curve.of(loss=[90.0] * 8), positives=0.1) == {"M05": "warn"}
    assert found(Curve.of(loss=[0.81] * 8)) == {"O04": "note"}


# ---- what broke


def test_nan_to_the_end_stops_and_one_gap_does_not() -> None:
    stop = examine_curve(Curve.of(loss=[1.0, 0.9, NAN, NAN, NAN]))
    assert [(f.code, f.level, f.values["at"]) for f in stop] == [("O20", "stop", 3.0)]
    assert found(Curve.of(loss=[1.0, 0.9, math.inf, 0.8, 0.7])) == {"O20": "note"}
    assert found(Curve.of(loss=falling(1, 0.5), val_loss=[NAN] * 40))["O20"] == "stop"


def test_nan_hidden_in_the_log() -> None:
    """Hugging Face's Trainer logs 0.0 once the loss is NaN; the norm of the gradient tells."""
    curve = Curve.of(loss=[2.0, 1.5, 1.2, 0.0, 0.0, 0.0], gradient_norm=[1.0, 1.0, 3.0, NAN, NAN, NAN])
    assert found(curve) == {"O21": "warn"}
    assert found(Curve.of(loss=[2.0, 1.5, 1.2, 0.0, 0.0, 0.0, 0.0])) == {"O21": "note"}
    assert "O21" not in found(Curve.of(loss=[2.0, 1.0, 0.01, 0.001, 0.0, 0.0, 0.0])), "a loss that fell to 0"


# ---- trends


def test_divergence() -> None:
    assert found(Curve.of(loss=list(np.geomspace(1, 1e4, 20))))["O01"] == "warn"
    assert found(Curve.of(loss=list(np.linspace(1, 3, 20))))["O01"] == "note"


def test_overfitting_beyond_noise() -> None:
    rise = [*falling(2, 0.8, 15), *np.linspace(0.85, 1.6, 15)]
    curve = Curve.of(loss=falling(2, 0.01, 30), val_loss=rise)
    assert found(curve)["E09"] == "note"
    worse = Curve.of(
        loss=falling(2, 0.01, 30), val_loss=rise,
        val_accuracy=[*np.linspace(0.5, 0.8, 15), *np.linspace(0.79, 0.6, 15)],
    )  # fmt: skip
    assert found(worse)["E09"] == "warn"
    noisy = Curve.of(loss=falling(2, 0.1, 30), val_loss=falling(2, 0.8, 30, noise=0.05))
    assert "E09" not in found(noisy)


def test_oscillation() -> None:
    zigzag = [1.0 + 0.4 * (-1) ** i for i in range(20)]
    shares = [0.5 - 0.1 * (-1) ** i for i in range(20)]
    assert found(Curve.of(loss=zigzag, accuracy=shares))["O18"] == "note"
    assert "O18" not in found(Curve.of(loss=zigzag)), "a series of batches swings by nature"


def test_plateau_and_still_falling() -> None:
    assert found(Curve.of(loss=[1.0 - 0.0005 * i for i in range(20)], accuracy=[0.4] * 20)) == {"O19": "note"}
    line = list(np.linspace(2, 1, 20))
    assert found(Curve.of(loss=line)) == {"O27": "note"}
    decayed = Curve.of(loss=line, learning_rate=list(np.linspace(1e-3, 0, 20)))
    assert "O27" not in found(decayed), "the schedule was over"


def test_schedule_that_ends_early() -> None:
    rate = [*np.linspace(1e-3, 0, 6), *[0.0] * 14]
    loss = [*np.linspace(2, 1, 6), *[1.0, 1.001] * 7]
    assert found(Curve.of(loss=loss, learning_rate=rate))["O05"] == "warn"
    cosine = list(1e-3 * (1 + np.cos(np.linspace(0, math.pi, 20))) / 2)
    assert "O05" not in found(Curve.of(loss=loss, learning_rate=cosine))


def test_too_soon_and_better_outside() -> None:
    curve = Curve.of(loss=falling(2, 1, 20), val_loss=falling(1, 0.1, 20), val_accuracy=[0.998] * 20)
    assert found(curve) == {"E11": "note", "E10": "note"}


def batches(fixed: bool, epochs: int = 6, points: int = 20) -> Series:
    random = np.random.default_rng(1)
    once = random.normal(0, 0.2, points)
    values = [np.exp(-e / 3) + (once if fixed else random.normal(0, 0.2, points)) for e in range(epochs)]
    epoch = np.repeat(np.arange(1.0, epochs + 1), points)
    return Series(np.concatenate(values), np.arange(1.0, epochs * points + 1), epoch)


def test_saw_tooth() -> None:
    assert found(Curve(loss=batches(True)))["D22"] == "note"
    assert "D22" not in found(Curve(loss=batches(False)))
    whole = batches(True)
    assert whole.epoch is not None
    parts = Series(whole.values, whole.step, whole.step / 20)  # Hugging Face counts epochs in fractions
    assert found(Curve(loss=parts))["D22"] == "note"


# ---- calm


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
def test_a_healthy_log_is_left_alone(seed: int, noise: float) -> None:
    curve = Curve.of(
        loss=falling(2.3, 0.05, 40, noise, seed), val_loss=falling(2.3, 0.3, 40, noise, seed + 1),
        accuracy=list(np.linspace(0.3, 0.98, 40)), val_accuracy=list(np.linspace(0.3, 0.92, 40)),
    )  # fmt: skip
    told: list[dict[str, Any]] = [{}, {"classes": 10}, {"positives": 0.3}, {"batch_size": 32, "classes": 10}]
    for one in told:
        assert not {"stop", "warn"} & set(found(curve, **one).values())


def test_percent_and_short_logs() -> None:
    curve = Curve.of(loss=[0.6, 0.4, *[0.31328] * 8], accuracy=[80.0, 90.0, *[100.0] * 8])
    assert found(curve, classes=2)["M01"] == "warn"
    assert examine_curve(Curve.of(loss=[1.0])) == []
    assert examine_curve(Curve()) == []
    assert examine_curve(Curve(loss=series([]))) == []


@pytest.mark.parametrize(
    "told",
    [{"classes": 1}, {"positives": 1.5}, {"target_variance": -1.0}, {"batch_size": 0}, {"loss": "cross_entropie"}],
)
def test_numbers_that_can_not_be(told: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        examine_curve(Curve.of(loss=[1.0, 0.5]), **told)


def test_every_finding_has_words_in_both_languages() -> None:
    """Each sentence that a curve check can say is on its page, with the same numbers in both languages."""
    curves: list[tuple[Curve, dict[str, Any]]] = [
        (Curve.of(loss=[0.6, 0.4, *[0.31328] * 8], accuracy=[0.8, 0.9, *[1.0] * 8]), {"classes": 2}),
        (Curve.of(loss=[1.0, NAN]), {}),
        (Curve.of(loss=[1.0, NAN, 1.0]), {}),
        (Curve.of(loss=[9.5, 8.6, 8.35, *[8.3102] * 8]), {"target_variance": 8.3102}),
        (Curve.of(**trained(True)), {"classes": 6}),
        (Curve(loss=batches(True)), {}),
    ]
    for curve, told in curves:
        findings: list[Finding] = examine_curve(curve, **told)
        assert findings
        for finding in findings:
            for lang in ("en", "zh"):
                assert finding.evidence(lang), finding  # type: ignore[arg-type]
                assert "{" not in finding.evidence(lang) + finding.fix(lang)  # type: ignore[arg-type]
