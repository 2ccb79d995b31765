"""One suite for every optimiser: against PyTorch's own class, and its state carried over bit for bit."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.optim import OPTIMIZERS, build


class MuonByHand(torch.optim.Optimizer):
    """Muon with its iteration made on singular values; AdamW for the last matrix and for all that is narrow."""

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float = 0.95) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0})
        matrices = [g["params"][0].dim() > 1 for g in self.param_groups]
        last = max((i for i, matrix in enumerate(matrices) if matrix), default=-1)
        self.momentum = momentum
        self.wide, rest = [], []
        for i, group in enumerate(self.param_groups):
            p = group["params"][0]
            wide = matrices[i] and i != last and min(len(p), p[0].numel()) >= 16
            (self.wide if wide else rest).append(group)
        self.rest = torch.optim.AdamW(rest, lr=lr, weight_decay=0.0)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        self.rest.step()
        for group in self.wide:
            p = group["params"][0]
            if p.grad is None:
                continue
            buffer = self.state[p].setdefault("buffer", torch.zeros_like(p))
            buffer.mul_(self.momentum).add_(p.grad)
            direction = (p.grad + self.momentum * buffer).reshape(len(p), -1).double()
            u, s, vh = torch.linalg.svd(direction, full_matrices=False)
            s = s / (s.square().sum().sqrt() + 1e-7)
            for _ in range(5):
                s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
            p.mul_(1 - group["lr"] * group["weight_decay"])
            size = 0.2 * max(direction.shape) ** 0.5 * group["lr"]
            p.sub_((size * (u * s) @ vh).to(p.dtype).reshape(p.shape))


CLASSES: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0.0}),
    "muon": (MuonByHand, {}),
}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "momentum": [{"momentum": 0.5}],
    "nesterov": [{"momentum": 0.5}],
    "adagrad": [{"eps": 1e-3}],
    "adadelta": [{"rho": 0.7, "eps": 1e-3}],
    "rmsprop": [{"alpha": 0.8, "eps": 1e-3}, {"momentum": 0.5}],
    "adam": [{"betas": (0.5, 0.8), "eps": 1e-3}],
    "adamw": [{"betas": (0.5, 0.8), "eps": 1e-3}],
    "muon": [{"momentum": 0.5}],
}
TWICE = torch.zeros(1)
names = pytest.mark.parametrize("name", sorted(OPTIMIZERS))


def problem() -> tuple[list[tuple[str, Tensor]], list[list[Tensor]]]:
    g = torch.Generator().manual_seed(0)
    shapes = ((4, 3), (4,), (2, 3, 3, 3), (20, 2, 3, 3), (18, 16), (5, 20))  # the last a head's
    start = [(f"p{i}", torch.randn(*s, generator=g)) for i, s in enumerate(shapes)]
    return start, [[torch.randn(*s, generator=g) for s in shapes] for _ in range(25)]


def run(name: str, gradients: list[list[Tensor]], start: list[tuple[str, Tensor]], **options: Any) -> list[Tensor]:
    named = [(k, v.clone()) for k, v in start]
    optimizer = build(name, named, **options)
    for step in gradients:
        optimizer.step([g.clone() for g in step], 0.01)
    return [v for _, v in named]


def test_every_optimizer_has_a_row() -> None:
    assert set(CLASSES) == set(OPTIMIZERS)


def reference(
    name: str, gradients: list[list[Tensor | None]], start: list[tuple[str, Tensor]], *, decay: float, **more: Any
) -> list[Tensor]:
    """What PyTorch's own class makes of it."""
    kind, options = CLASSES[name]
    theirs = [v.clone().requires_grad_() for _, v in start]
    # biases (one dimension) are left out of the decay
    groups = [{"params": [p], "weight_decay": decay if p.dim() > 1 else 0.0} for p in theirs]
    optimizer = kind(groups, lr=0.01, **{**{k: v for k, v in options.items() if k != "weight_decay"}, **more})
    for step in gradients:
        for p, g in zip(theirs, step, strict=True):
            p.grad = None if g is None else g.clone()
        optimizer.step()
    return [p.detach() for p in theirs]


def assert_same(ours: list[Tensor], theirs: list[Tensor]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@names
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_equal_to_pytorch_s_class(name: str, decay: float) -> None:
    start, gradients = problem()
    theirs = reference(name, gradients, start, decay=decay)  # type: ignore[arg-type]
    assert_same(run(name, gradients, start, weight_decay=decay), theirs)


@names
@pytest.mark.parametrize("fused", [True, False])
def test_a_factor_for_each_parameter_equals_pytorch_s(name: str, fused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As PyTorch's class with a learning rate for each group; the state is named as without factors."""
    factors = {"p0": 0.25, "p2": 0.25 / 2.6, "p3": 0.5}
    if not fused:
        for kernel in ("sgd", "adam", "adamw", "adagrad"):
            monkeypatch.delattr(torch, f"_fused_{kernel}_")
    start, gradients = problem()
    ours = run(name, gradients, start, factors=factors, weight_decay=0.1)
    monkeypatch.undo()
    kind, options = CLASSES[name]
    theirs = [v.clone().requires_grad_() for _, v in start]
    groups = [
        {"params": [p], "lr": 0.01 * factors.get(key, 1.0), "weight_decay": 0.1 if p.dim() > 1 else 0.0}
        for (key, _), p in zip(start, theirs, strict=True)
    ]
    optimizer = kind(groups, lr=0.01, **{k: v for k, v in options.items() if k != "weight_decay"})
    for step in gradients:
        for p, g in zip(theirs, step, strict=True):
            p.grad = g.clone()
        optimizer.step()
    assert_same(ours, [p.detach() for p in theirs])
    alike, scaled = build(name, start), build(name, start, factors=factors)
    assert alike.state().keys() == scaled.state().keys()


@names
def test_factors_are_carried_over(name: str) -> None:
    factors = {"p0": 0.25, "p1": 0.5, "p4": 0.25}
    start, gradients = problem()
    whole = run(name, gradients, start, factors=factors)
    named = [(k, v.clone()) for k, v in start]
    first = build(name, named, factors=factors)
    for step in gradients[:10]:
        first.step([g.clone() for g in step], 0.01)
    second = build(name, named, factors=factors)
    second.load({k: v.clone() for k, v in first.state().items()})
    for step in gradients[10:]:
        second.step([g.clone() for g in step], 0.01)
    for a, (_, b) in zip(whole, named, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("inf"), float("nan"), "half", True])
def test_a_factor_that_can_not_be_meant(factor: Any) -> None:
    with pytest.raises(UserError, match="factor of p1 is"):
        build("sgd", problem()[0], factors={"p1": factor})


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, several in OPTIONS.items() for o in several])
def test_options_equal_to_pytorch_s(name: str, options: dict[str, Any]) -> None:
    start, gradients = problem()
    theirs = reference(name, gradients, start, decay=0.1, **options)  # type: ignore[arg-type]
    assert_same(run(name, gradients, start, weight_decay=0.1, **options), theirs)


@names
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_equal_without_the_fused_kernel(name: str, decay: float, monkeypatch: pytest.MonkeyPatch) -> None:
    for kernel in ("sgd", "adam", "adamw", "adagrad"):
        monkeypatch.delattr(torch, f"_fused_{kernel}_")
    start, gradients = problem()
    ours = run(name, gradients, start, weight_decay=decay)
    monkeypatch.undo()
    assert_same(ours, reference(name, gradients, start, decay=decay))  # type: ignore[arg-type]


@names
def test_gradients_that_come_and_go_equal_pytorch_s(name: str) -> None:
    """A parameter that is left out keeps its state and its count, which Adam's correction depends on."""
    start, gradients = problem()
    odd = [[None if (t + i) % 3 == 0 else g for i, g in enumerate(step)] for t, step in enumerate(gradients)]
    named = [(k, v.clone()) for k, v in start]
    optimizer = build(name, named, weight_decay=0.1)
    for step in odd:
        optimizer.step(step, 0.01)
    assert_same([v for _, v in named], reference(name, odd, start, decay=0.1))  # type: ignore[arg-type]


@names
def test_a_state_carried_over_is_no_interruption(name: str) -> None:
    start, gradients = problem()
    whole = run(name, gradients, start, weight_decay=0.01)
    named = [(k, v.clone()) for k, v in start]
    first = build(name, named, weight_decay=0.01)
    for step in gradients[:10]:
        first.step([g.clone() for g in step], 0.01)
    second = build(name, named, weight_decay=0.01)
    second.load({k: v.clone() for k, v in first.state().items()})
    for step in gradients[10:]:
        second.step([g.clone() for g in step], 0.01)
    for a, (_, b) in zip(whole, named, strict=True):
        assert torch.equal(a, b)


@names
def test_counts_that_differ_are_carried_over(name: str) -> None:
    start, gradients = problem()
    odd = [[step[0], None if t % 2 else step[1], *step[2:]] for t, step in enumerate(gradients)]

    def train(first: int) -> list[Tensor]:
        named = [(k, v.clone()) for k, v in start]
        optimizer = build(name, named)
        for t, step in enumerate(odd):
            if t == first:
                carried = {k: v.clone() for k, v in optimizer.state().items()}
                optimizer = build(name, named)
                optimizer.load(carried)
            optimizer.step(step, 0.01)
        return [v for _, v in named]

    for a, b in zip(train(-1), train(11), strict=True):
        assert torch.equal(a, b)


@names
def test_state_is_fit_for_safetensors(name: str) -> None:
    start, gradients = problem()
    optimizer = build(name, start, weight_decay=0.1)
    optimizer.step(gradients[0], 0.01)
    state = optimizer.state()
    assert load(save(state)).keys() == state.keys()  # refuses tensors that share memory
    assert len({v.data_ptr() for v in state.values()}) == len(state)


@names
def test_the_caller_s_gradients_are_not_written_to(name: str) -> None:
    start, gradients = problem()
    given = [g.clone() for g in gradients[0]]
    build(name, start, weight_decay=0.1, l1=0.1).step(given, 0.01)
    for a, b in zip(given, gradients[0], strict=True):
        assert torch.equal(a, b)


@names
def test_a_model_laid_anew_between_steps_gets_the_same_updates(name: str) -> None:
    start, gradients = problem()
    module = torch.nn.ParameterList([torch.nn.Parameter(v.clone()) for _, v in start])
    optimizer = build(name, list(module.named_parameters()))
    with torch.no_grad():
        for t, step in enumerate(gradients):
            if t == 10:
                for place in (2, 3):
                    module[place].data = module[place].data.contiguous(memory_format=torch.channels_last)
            optimizer.step(step, 0.01)
    # the last bit may differ: an element's place in a vector register decides whether multiply and add are fused
    assert_same(run(name, gradients, start), [p.detach() for p in module])


@names
def test_a_gradient_of_another_shape_is_refused(name: str) -> None:
    w = torch.zeros(4, 3)
    with pytest.raises(UserError, match=r"gradient 0 has shape \[2, 3\]"):
        build(name, [("w", w)]).step([torch.zeros(2, 3)], 0.1)
    assert not w.any()


@names
def test_a_state_that_does_not_fit_changes_nothing(name: str) -> None:
    start, gradients = problem()
    optimizer = build(name, start)
    optimizer.step(gradients[0], 0.01)
    state = {k: v.clone() for k, v in optimizer.state().items()}
    if not state:
        return
    wrong = {k: v + 1 for k, v in state.items()}
    last = list(wrong)[-1]
    wrong[last] = wrong[last].double()
    with pytest.raises(UserError, match=r"type torch\.float64"):
        optimizer.load(wrong)
    for k, v in optimizer.state().items():
        assert torch.equal(v, state[k])


@names
def test_types_may_be_mixed(name: str) -> None:
    start, gradients = problem()
    mixed = [(k, v.double() if i in (1, 4) else v.clone()) for i, (k, v) in enumerate(start)]
    optimizer = build(name, mixed)
    for step in gradients:
        optimizer.step([g.to(p.dtype) for g, (_, p) in zip(step, mixed, strict=True)], 0.01)
    assert_same([v.float() for _, v in mixed], run(name, gradients, start))


@names
def test_a_parameter_without_gradient_stays(name: str) -> None:
    start, gradients = problem()
    named = [(k, v.clone()) for k, v in start]
    optimizer = build(name, named)
    optimizer.step([gradients[0][0], None, *gradients[0][2:]], 0.01)
    assert torch.equal(named[1][1], start[1][1])
    assert not torch.equal(named[0][1], start[0][1])


@names
def test_filters_laid_channels_last_get_the_same_update(name: str) -> None:
    start, gradients = problem()
    plain = run(name, gradients, start)
    last = [(k, v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v) for k, v in start]
    for a, b in zip(plain, run(name, gradients, last), strict=True):
        torch.testing.assert_close(a, b)


@names
def test_a_bowl_is_descended(name: str) -> None:
    w = torch.tensor([[3.0, -2.0]]).repeat(16, 8)
    optimizer = build(name, [("w", w), ("head.weight", torch.zeros(1, 1))])
    begin = float((w * w).sum())
    for _ in range(200):
        optimizer.step([2 * w, None], OPTIMIZERS[name].learning_rate)
    assert float((w * w).sum()) < begin


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: build("adma", [("w", torch.zeros(1))]), "did you mean 'adam'"),
        (lambda: build("adam", [("w", torch.zeros(1))], beta=1), "did you mean 'betas'"),
        (lambda: build("adam", []), "no parameters"),
        (lambda: build("adam", [("w", torch.zeros(1))], weight_decay=float("nan")), "weight_decay is nan"),
        (lambda: build("adam", [("w", torch.zeros(1))], l1=-1.0), "l1 is -1.0"),
        (lambda: build("adam", [("w", torch.zeros(1))], learning_rate=0.0), "learning_rate is 0.0"),
        (lambda: build("adam", [("w", torch.zeros(1))], learning_rate=-1), "learning_rate is -1"),
        (lambda: build("adam", [("w", torch.zeros(1))], learning_rate=float("nan")), "learning_rate is nan"),
        (lambda: build("adam", [("w", torch.zeros(1))], learning_rate=float("inf")), "learning_rate is inf"),
        (lambda: build("adam", [("w", torch.zeros(1))], betas=(0.9, 1.0)), "betas is"),
        (lambda: build("adam", [("w", torch.zeros(1))], betas=0.9), "two numbers"),
        (lambda: build("adam", [("w", torch.zeros(1))], eps=0.0), "eps is 0.0"),
        (lambda: build("momentum", [("w", torch.zeros(1))], momentum=1.5), "momentum is 1.5"),
        (lambda: build("sgd", [("w", torch.zeros(1))], momentum=0.9), "option of sgd"),
        (lambda: build("sgd", [("w", torch.zeros(1, dtype=torch.int64))]), "floating type"),
        (lambda: build("sgd", [("w", torch.zeros(1).expand(3))]), "memory of its own"),
        (lambda: build("sgd", [("w", TWICE), ("v", TWICE)]), "parameter 1 is parameter 0 again"),
        (lambda: build("sgd", [("w", torch.zeros(1))]).step([], 0.1), "there are 0 gradients"),
        (lambda: build("adam", [("w", torch.zeros(1))]).load({"x": torch.zeros(1)}), "does not fit"),
    ],
)
def test_bad_names_and_numbers(call: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        call()


def test_muon_keeps_to_what_is_inside() -> None:
    """Not embeddings, norms, what is narrow, or the head: those get AdamW's update."""
    shapes = {
        "tokens.embedding.weight": (40, 20), "filters.weight": (32, 1, 3, 3), "filters2.weight": (32, 32, 3, 3),
        "norm.weight": (32,), "dense.weight": (20, 64), "head.weight": (30, 20), "head.transitions": (30, 30),
    }  # fmt: skip
    g = torch.Generator().manual_seed(0)
    named = [(name, torch.randn(*shape, generator=g)) for name, shape in shapes.items()]
    state = build("muon", named).state()
    by_muon = {named[int(key.split(".")[1])][0] for key in state if key.startswith("momentum.")}
    assert by_muon == {"filters2.weight", "dense.weight"}
    headless = [(name.replace("head", "answer"), p) for name, p in named if name != "head.transitions"]
    places = [int(key.split(".")[1]) for key in build("muon", headless).state() if key.startswith("momentum.")]
    assert {headless[place][0] for place in places} == by_muon, "without a head by name the last matrix is taken for it"


def test_muon_beside_pytorch_s_own() -> None:
    """PyTorch iterates in bfloat16: two digits are what can be compared."""
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("PyTorch below 2.9")
    g = torch.Generator().manual_seed(0)
    start = [("dense.weight", torch.randn(24, 40, generator=g)), ("head.weight", torch.randn(3, 24, generator=g))]
    gradients = [[torch.randn(*p.shape, generator=g) for _, p in start] for _ in range(5)]
    ours = run("muon", gradients, start, weight_decay=0.1)[0]
    theirs = start[0][1].clone().requires_grad_()
    optimizer = torch.optim.Muon([theirs], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for step in gradients:
        theirs.grad = step[0].clone()
        optimizer.step()
    moved, wanted = ours - start[0][1], theirs.detach() - start[0][1]
    assert float((moved - wanted).norm() / wanted.norm()) < 0.03


def test_the_compiler_is_not_imported() -> None:
    """It costs a second of the first step; PyTorch's own optimiser classes import it when they are made."""
    code = (
        "import sys, torch; from deepwell.optim import OPTIMIZERS, build, schedule; w = torch.zeros(3, 2);"
        "[build(n, [('w', w)]).step([w + 1], 0.1) for n in OPTIMIZERS]; schedule('cosine', total_steps=5).factor(1);"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
