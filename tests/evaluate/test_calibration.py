"""Calibration: the curve, its error, and the temperature."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

from deepwell.evaluate import category, label_sets
from deepwell.evaluate.calibration import error_interval, expected_error, reliability
from deepwell.evaluate.temperature import HIGHEST, LOWEST, fit
from deepwell.metrics import METRICS


def scores_and_targets(n: int = 2000, sure: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Scores whose softmax is the true posterior, times ``sure``."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 4, (n,), generator=g)
    x = torch.randn(n, 4, generator=g) + 2.0 * torch.nn.functional.one_hot(y, 4)
    return sure * 2.0 * x, y


def test_the_curve_by_hand() -> None:
    confidence = np.array([0.95, 0.97, 0.99, 0.45])
    bins = reliability(confidence, np.array([True, True, False, True]))
    assert [b.samples for b in bins] == [1, 3]
    assert bins[1].low == pytest.approx(14 / 15) and bins[1].high == 1.0
    assert bins[1].confidence == pytest.approx(0.97) and bins[1].accuracy == pytest.approx(2 / 3)
    assert bins[1].interval[0] < 2 / 3 < bins[1].interval[1]
    assert expected_error(bins) == pytest.approx((3 * (0.97 - 2 / 3) + 0.55) / 4)
    assert json.loads(json.dumps(bins[0].to_json()))["interval"] == list(bins[0].interval)


def test_the_error_is_the_metric_s() -> None:
    scores, y = scores_and_targets(sure=2.0)
    metric = METRICS["calibration-error"]
    found = category(scores.softmax(1), y, "abcd")
    assert found.calibration_error == pytest.approx(metric.compute(metric.update(scores, y)), abs=1e-6)


def test_the_interval_of_the_error_allows_for_its_bias() -> None:
    """An honest model's error of few samples is noise: the interval must reach down to 0."""
    scores, y = scores_and_targets(300)
    found = category(scores.softmax(1), y, "abcd")
    assert found.calibration_error > 0.01 and found.calibration_interval is not None
    assert found.calibration_interval[0] == 0.0
    boastful = category((3 * scores).softmax(1), y, "abcd")
    assert boastful.calibration_interval is not None
    assert 0 < boastful.calibration_interval[0] < boastful.calibration_error < boastful.calibration_interval[1]


def test_no_interval_of_the_error_from_a_handful_of_mistakes() -> None:
    right = np.ones(500, bool)
    right[:9] = False
    assert error_interval(reliability(np.full(500, 0.9), right)) is None
    right[9] = False
    assert error_interval(reliability(np.full(500, 0.9), right)) is not None


@pytest.mark.parametrize("sure", [0.3, 1.0, 3.0])
def test_the_temperature_undoes_what_made_the_model_too_sure(sure: float) -> None:
    scores, y = scores_and_targets(20_000, sure=sure)
    found = fit("category", scores, y)
    assert found.temperature == pytest.approx(sure, rel=0.05)
    assert found.before is not None and found.after is not None
    assert found.after["log_loss"] <= found.before["log_loss"]
    assert found.after["calibration_error"] < 0.02
    assert found == fit("category", scores, y)


def test_the_temperature_has_the_smallest_log_loss() -> None:
    scores, y = scores_and_targets(sure=2.0)
    found = fit("category", scores, y).temperature
    losses = [
        float(torch.nn.functional.cross_entropy(scores.double() / t, y)) for t in (found, found / 1.01, found * 1.01)
    ]
    assert losses[0] < losses[1] and losses[0] < losses[2]


def test_label_sets_have_one_temperature_for_all_labels() -> None:
    g = torch.Generator().manual_seed(0)
    true = (torch.rand(4000, 3, generator=g) < 0.5).float()
    honest = 2.0 * (torch.randn(4000, 3, generator=g) + 2 * true - 1)  # posterior log odds of N(+-1, 1)
    found = fit("label-sets", 2.5 * honest, true)
    assert found.temperature == pytest.approx(2.5, rel=0.05)
    before, after = (label_sets((2.5 * honest / t).sigmoid(), true, "abc") for t in (1.0, found.temperature))
    assert after.calibration_error < 0.5 * before.calibration_error
    assert after.f1 == before.f1 and after.accuracy == before.accuracy


def test_the_temperature_does_not_run_off() -> None:
    scores, y = scores_and_targets(49)
    assert "49 validation samples" in fit("category", scores, y).note
    perfect = 5.0 * torch.nn.functional.one_hot(torch.arange(200) % 4, 4).float()
    wrong = fit("category", -perfect, torch.arange(200) % 4)
    assert wrong.temperature == HIGHEST and "bound" in wrong.note
    tiny = fit("category", scores_and_targets(500, sure=1e-4)[0], scores_and_targets(500)[1])
    assert tiny.temperature == LOWEST
    scores, y = scores_and_targets(100)
    scores[3, 1] = float("nan")
    assert fit("category", scores, y).temperature == 1.0


@pytest.mark.parametrize("margin", [0.5, 5.0, 50.0])
def test_without_a_mistake_it_is_as_sure_as_one_in_so_many_allows(margin: float) -> None:
    """By hand: of four classes 3 exp(-margin / t) / (1 + 3 exp(-margin / t)) = 1 / 202."""
    y = torch.arange(200) % 4
    found = fit("category", margin * torch.nn.functional.one_hot(y, 4).float(), y)
    assert found.temperature == pytest.approx(min(HIGHEST, margin / math.log(3 * 201)), rel=1e-6)
    assert "no answer was wrong" in found.note
    labels = (torch.rand(100, 2, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    found = fit("label-sets", margin * (2 * labels - 1), labels)
    assert found.temperature == pytest.approx(min(HIGHEST, margin / math.log(201)), rel=1e-6)


def test_large_scores_overflow_nowhere() -> None:
    scores, y = scores_and_targets(200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit("category", 1e6 * scores, y)
    assert found.temperature == HIGHEST
    assert json.loads(json.dumps(found.to_json()))["temperature"] == HIGHEST
