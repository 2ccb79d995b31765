"""Methods against hand formulas and against captum, and what they leave behind: nothing."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.conftest import blobs
from torch import Tensor, nn

import deepwell as dw
from deepwell.core.errors import UserError
from deepwell.explain import explain
from deepwell.explain.baseline import blurred, spread
from deepwell.explain.gradcam import fine_maps, gradcam, maps_of
from deepwell.explain.integrated import integrate
from deepwell.explain.occlusion import occlude, windows
from deepwell.explain.trace import replaced, traced
from deepwell.explain.undisturbed import undisturbed
from deepwell.saved.model import SavedModel


class Own(nn.Module):
    """A user's own network: functional activations and pooling, and one that writes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 8, 3, padding=1)
        self.last = nn.Linear(8, 3)
        self.dropout = nn.Dropout(0.5)
        self.inplace = nn.ReLU(inplace=True)
        self.seen: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        h = F.max_pool2d(F.relu(self.first(x)), 2)
        h = self.inplace(self.second(h))
        self.seen = h.detach()
        return self.last(self.dropout(h.mean((2, 3))))


@pytest.fixture
def own() -> SavedModel:
    torch.manual_seed(0)
    x, y = blobs()
    learner = dw.Learner(dw.arrays(x, y), model=Own())
    learner.fit(epochs=2, batch_size=16, progress=False, check=False)
    return learner.saved()


def test_integrated_gradients_of_a_linear_model_are_its_products() -> None:
    weights, x, start = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 3.0, -2.0]), torch.tensor([0.0, 1.0, 0.0])
    found = integrate(lambda points: points @ weights, start, x)
    assert torch.allclose(found.values, weights * (x - start))
    assert found.steps == 16 and found.gap < 1e-6


def test_integrated_gradients_take_more_steps_until_they_add_up() -> None:
    def kinked(points: Tensor) -> Tensor:
        return 100 * (points.sum(1) - 0.937).relu()

    found = integrate(kinked, torch.zeros(4), torch.full((4,), 0.25))
    assert found.steps > 16
    assert abs(float(found.values.sum()) - found.difference) <= 0.02 * found.difference


def test_occlusion_of_a_linear_model_is_the_mean_of_what_windows_took() -> None:
    torch.manual_seed(0)
    weights, x = torch.randn(1, 6, 6), torch.randn(1, 6, 6)
    found = occlude(lambda p: (p * weights).sum((1, 2, 3)), x, torch.zeros_like(x), side=2)
    boxes = windows((6, 6), 2)
    fall = {box: float((weights * x)[0, box[0] : box[2], box[1] : box[3]].sum()) for box in boxes}
    for row, column in ((0, 0), (2, 3), (5, 5)):
        over = [fall[box] for box in boxes if box[0] <= row < box[2] and box[1] <= column < box[3]]
        assert float(found[row, column]) == pytest.approx(np.mean(over), abs=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (5, 30), (28, 28), (224, 160)])
def test_windows_cover_every_pixel(size: tuple[int, int]) -> None:
    seen = np.zeros(size, bool)
    for top, left, bottom, right in windows(size):
        assert 0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]
        seen[top:bottom, left:right] = True
    assert seen.all()


def test_spreading_and_blurring_keep_what_they_should() -> None:
    values = torch.randn(9, 7)
    assert float(spread(values, 5).sum()) == pytest.approx(float(values.sum()), abs=1e-4)
    flat = torch.full((2, 9, 7), 0.7)
    assert torch.allclose(blurred(flat, 2.0), flat, atol=1e-6)


def test_gradcam_agrees_with_captum(own: SavedModel) -> None:
    captum = pytest.importorskip("captum.attr")
    network, x = own.network, torch.randn(3, 1, 12, 12)
    layer = fine_maps(maps_of(traced(network, x), (12, 12)), (12, 12))
    assert layer is not None and layer.name == "inplace"
    found = gradcam(network, x, lambda scores: scores[:, 1], layer=layer)
    # captum hooks the same layer; the activation there writes in place, so that a copy without is given to it
    network.inplace.inplace = False
    reference = captum.LayerGradCam(network, network.inplace).attribute(x, target=1, relu_attributions=True)
    reference = F.interpolate(reference, size=(12, 12), mode="bilinear", align_corners=False)[:, 0]
    assert found is not None and float(found.max()) > 0
    assert torch.allclose(found, reference.detach(), atol=1e-4)


def test_integrated_gradients_agree_with_captum() -> None:
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 16), nn.Tanh(), nn.Linear(16, 3))
    x, start = torch.randn(1, 12, 12), torch.randn(1, 12, 12)
    found = integrate(lambda points: 10 * network(points)[:, 2], start, x)
    reference = captum.IntegratedGradients(network).attribute(x[None], start[None], target=2, n_steps=64)
    assert float(found.values.abs().max()) > 0.1
    assert torch.allclose(found.values / 10, reference[0].float(), atol=1e-4)


def test_words_agree_with_captum() -> None:
    captum = pytest.importorskip("captum.attr")
    learner = dw.Learner(
        dw.texts(["a good film", "a bad film", "good", "bad plot"] * 10, ["y", "n"] * 20), model="textcnn"
    )
    learner.fit(epochs=3, progress=False, check=False)
    model, text = learner.saved(), "a good plot film"
    one = explain(model, [text], target="y", method="integrated-gradients")[0]
    ids = model.input.encode([text])[0].gather(torch.arange(1))

    def score(ids: Tensor) -> Tensor:
        scores = model.network(ids)
        return scores[:, 1] - scores[:, 0]

    layer = captum.LayerIntegratedGradients(score, model.network.body.embedding)
    reference = layer.attribute(ids, baselines=torch.zeros_like(ids), n_steps=256).sum(2)[0]
    assert [value.weight for value in one.values] == pytest.approx(reference[:4].tolist(), abs=1e-3)


# ---- nothing is touched


def test_a_model_is_left_as_it_was(own: SavedModel) -> None:
    network: Any = own.network
    network.train()
    network.first.eval()
    network.last.weight.grad = torch.ones_like(network.last.weight)
    network.last.bias.requires_grad_(False)
    seen = network.seen
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # type: ignore[func-returns-value]
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # type: ignore[index]
    for method in ("gradcam", "integrated-gradients", "occlusion"):
        explain(own, blobs()[0][:2], method=method)
    assert network.training and network.inplace.training and not network.first.training
    assert network.seen is seen
    assert torch.equal(network.last.weight.grad, torch.ones_like(network.last.weight))
    assert network.first.weight.grad is None and not network.last.bias.requires_grad
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # type: ignore[index]
    assert before[:2] == after[:2] and torch.equal(before[2], after[2])


def test_modes_come_back_after_an_error(own: SavedModel) -> None:
    own.network.train()
    with pytest.raises(RuntimeError), undisturbed(own.network):
        assert not own.network.training
        raise RuntimeError
    assert own.network.training


def test_it_works_where_gradients_are_off_and_weights_frozen(own: SavedModel) -> None:
    own.network.requires_grad_(False)
    wanted = explain(own, blobs()[0][:1], method="integrated-gradients")[0].values
    with torch.inference_mode():
        again = explain(own, blobs()[0][:1], method="integrated-gradients")[0].values
        assert not torch.is_grad_enabled()
    assert np.array_equal(wanted, again) and np.abs(wanted).max() > 0
    assert explain(own, blobs()[0][:1], method="gradcam")[0].values.shape == (12, 12)


def test_another_thread_sees_the_model_as_it_is(own: SavedModel) -> None:
    """A server answers with the network while an explanation has its hooks on it."""
    x = torch.randn(2, 1, 12, 12)
    wanted, found = own.network(x).detach(), []
    call = next(call for call in traced(own.network, x) if call.name == "first")
    with replaced(call, torch.zeros_like):
        assert not torch.equal(own.network(x), wanted)
        other = threading.Thread(target=lambda: found.append(own.network(x).detach()))
        other.start()
        other.join()
    assert torch.equal(found[0], wanted)


# ---- a user's mistakes


def test_mistakes_are_told(own: SavedModel) -> None:
    x = blobs()[0][:1]
    with pytest.raises(UserError, match=r"unknown method 'grad-cam'.*did you mean 'gradcam'"):
        explain(own, x, method="grad-cam")
    with pytest.raises(UserError, match=r"no class '7'.*one of 0, 1, 2"):
        explain(own, x, target=7)
    with pytest.raises(UserError, match="put it in brackets"):
        explain(own, "cat.png")
    with pytest.raises(UserError, match="sample 0 can't be read"):
        explain(own, ["no-such-picture.png"])
    assert explain(own, []) == []
    x8, y8 = blobs()
    learner = dw.Learner(dw.arrays(x8, y8), model="mlp")
    learner.build()
    with pytest.raises(UserError, match=r"the model 'mlp' has none.*integrated-gradients or occlusion"):
        explain(learner.saved(), x, method="gradcam")


class Blocked(nn.Module):
    """Lets no gradient through."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(144, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x.flatten(1)).detach()


def test_a_network_without_gradients_is_told_apart() -> None:
    x, y = blobs()
    learner = dw.Learner(dw.arrays(x, y), model=Blocked())
    learner.build()
    learner.prepared()
    with pytest.raises(UserError, match=r"lets no gradient through.*occlusion"):
        explain(learner.saved(), x[:1], method="integrated-gradients")
    assert explain(learner.saved(), x[:1], method="occlusion")[0].method == "occlusion"
