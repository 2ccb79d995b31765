"""Half precision, counts, and targets that PyTorch would drop or refuse in its own words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from deepwell.core.errors import UserError
from deepwell.losses import LOSSES, binary_cross_entropy, cross_entropy
from deepwell.losses.shapes import count_of


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_half_precision_scores_are_summed_in_float32(name: str) -> None:
    torch.manual_seed(0)
    scores = torch.randn(257, 3).bfloat16().requires_grad_()
    targets: Any = torch.arange(257) % 3 if name == "cross-entropy" else torch.full((257, 3), 1 / 3)
    total, count = LOSSES[name](scores, targets)
    expected, _ = LOSSES[name](scores.detach().double(), targets)
    assert total.dtype == count.dtype == torch.float32
    assert float(count) in (257.0, 771.0)  # bfloat16 has neither
    torch.testing.assert_close(total.double(), expected, rtol=1e-4, atol=1e-4)
    (gradient,) = torch.autograd.grad(total / count, scores)
    assert gradient.dtype == torch.bfloat16


def test_a_count_made_while_predicting_is_fit_for_training() -> None:
    scores, y = torch.randn(13, 2, requires_grad=True), torch.zeros(13, dtype=torch.int64)
    with torch.inference_mode():
        cross_entropy(scores, y)
    total, count = cross_entropy(scores, y)
    torch.autograd.grad(total / count, scores)
    assert not count.is_inference()


def test_counts_beyond_float32() -> None:
    odd = (1 << 24) + 1
    assert int(count_of(torch.zeros(1), odd)) == odd
    assert count_of(torch.zeros(1, dtype=torch.float64), 3).dtype == torch.float64
    assert count_of(torch.zeros(1, device="meta"), 3).device.type == "meta"


@pytest.mark.parametrize(("label", "words"), [(3, "class 3 where the scores have 3"), (-1, "class -1"), (-100, "-100")])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_no_sample_is_dropped_in_silence(label: int, words: str, smoothing: float) -> None:
    with pytest.raises(UserError, match=words):
        cross_entropy(torch.zeros(2, 3), torch.tensor([0, label]), label_smoothing=smoothing)


def test_options_out_of_range() -> None:
    scores, y = torch.zeros(2, 3), torch.tensor([0, 1])
    with pytest.raises(UserError, match=r"label_smoothing is 1\.5"):
        cross_entropy(scores, y, label_smoothing=1.5)
    with pytest.raises(UserError, match="one weight a class"):
        cross_entropy(scores, y, weights=torch.ones(2))


@pytest.mark.parametrize(
    ("scores", "targets"),
    [((4,), (4,)), ((4, 3), (5,)), ((4, 3), (4, 1)), ((4, 3), (4, 4)), ((4, 3, 2), (4,)), ((), ())],
)
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_shapes_that_do_not_fit(scores: tuple[int, ...], targets: tuple[int, ...], dtype: torch.dtype) -> None:
    with pytest.raises(UserError, match="class numbers int64"):
        cross_entropy(torch.zeros(scores), torch.zeros(targets, dtype=dtype))


def test_integers_in_one_hot_rows_are_refused() -> None:
    with pytest.raises(UserError, match="one-hot rows into floats"):
        cross_entropy(torch.zeros(3, 3), torch.eye(3, dtype=torch.int64))


def test_weighted_soft_targets_are_the_weighted_labels() -> None:
    torch.manual_seed(0)
    scores, y, weights = torch.randn(9, 4), torch.arange(9) % 4, torch.tensor([1.0, 2.0, 0.5, 3.0])
    hard, soft = cross_entropy(scores, y, weights=weights), cross_entropy(scores, torch.eye(4)[y], weights=weights)
    torch.testing.assert_close(hard, soft)


def test_binary_weights_are_a_weighted_mean() -> None:
    torch.manual_seed(0)
    scores, targets, weights = torch.randn(6, 2), torch.rand(6, 2), torch.tensor([1.0, 3.0])
    total, count = binary_cross_entropy(scores, targets, weights=weights)
    each = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    torch.testing.assert_close(total / count, (each * weights).sum() / (6 * 4))
