"""One batch: each fault is named by its code, and what is right but unusual is left in peace."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.errors import UserError
from deepwell.doctor import examine
from deepwell.doctor.guard import Guard
from deepwell.findings import Finding
from deepwell.preflight import CheckError, refuse

X = torch.randn(32, 8, generator=torch.Generator().manual_seed(1))
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
T = X[:, :1] * 2 + X[:, 1:2]
PICTURES = torch.randn(16, 1, 16, 16, generator=torch.Generator().manual_seed(2))
IDS = torch.randint(1, 20, (16, 10), generator=torch.Generator().manual_seed(3))
CE, MSE, BCE, LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCELoss(), nn.BCEWithLogitsLoss()


def mlp(*last: nn.Module, out: int = 3, act: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), act(), nn.Linear(16, out), *last)


class Function(nn.Module):
    """A module out of layers and a function of them."""

    def __init__(self, forward: Callable[..., Tensor], **layers: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.f = forward

    def forward(self, *x: Tensor) -> Tensor:
        return self.f(self, *x)


def zeroed(model: nn.Module, value: float = 0.0) -> nn.Module:
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(value)
    return model


def all_frozen() -> nn.Module:
    model = mlp()
    for p in model.parameters():
        p.requires_grad_(False)
    return model


def adam(model: nn.Module, **options: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], **options)


def sgd(rate: float, **options: Any) -> Callable[[nn.Module], torch.optim.Optimizer]:
    return lambda model: torch.optim.SGD(model.parameters(), lr=rate, **options)


def negative(scores: Tensor, y: Tensor) -> Tensor:
    return -F.cross_entropy(scores, y)


def by_hand_on_probabilities(scores: Tensor, y: Tensor) -> Tensor:
    return -torch.log(scores.clamp_min(1e-9))[torch.arange(len(y)), y].mean()


def log_by_hand(scores: Tensor, y: Tensor) -> Tensor:
    return -torch.log(scores[torch.arange(len(y)), y]).mean()


def broadcast_by_hand(scores: Tensor, y: Tensor) -> Tensor:
    return ((scores - y) ** 2).mean()


def categorical(p: Tensor, one_hot: Tensor) -> Tensor:
    return -(one_hot * torch.log(p + 1e-7)).sum(1).mean()


BINARY = (X[:, :1] > 0).float()
MULTI = (X[:, :3] > 0).float()
LSTM = Function(
    lambda m, x: m.head(m.lstm(m.table(x))[0]),
    table=nn.Embedding(20, 8),
    lstm=nn.LSTM(8, 8, bidirectional=True, batch_first=True),
    head=nn.Linear(16, 20),
)
POOL = Function(lambda m, x: m.head(m.table(x).mean(1)), table=nn.Embedding(20, 8, padding_idx=0), head=nn.Linear(8, 3))
PADDED = IDS.masked_fill(torch.arange(10)[None] >= torch.arange(4, 20)[:, None].clamp_max(10), 0)

FAULTS: dict[str, tuple[str, Callable[[], nn.Module], Any, tuple[Any, Any], Any]] = {
    "softmax, cross-entropy": ("M01", lambda: mlp(nn.Softmax(1)), CE, (X, Y), None),
    "softmax over the batch": ("M08", lambda: mlp(nn.Softmax(0)), CE, (X, Y), None),
    "softmax of one unit": ("M05", lambda: mlp(nn.Softmax(1), out=1), MSE, (X, BINARY), None),
    "softmax of one unit, binary": ("M05", lambda: mlp(nn.Softmax(1), out=1), BCE, (X, BINARY), None),
    "sigmoid, cross-entropy": ("M09", lambda: mlp(nn.Sigmoid()), CE, (X, Y), None),
    "tanh, cross-entropy": ("M09", lambda: mlp(nn.Tanh()), CE, (X, Y), None),
    "relu, cross-entropy": ("M09", lambda: mlp(nn.ReLU()), CE, (X, Y), None),
    "sigmoid twice": ("M04", lambda: mlp(nn.Sigmoid(), out=1), LOGITS, (X, BINARY), None),
    "nll on probabilities": ("M03", lambda: mlp(nn.Softmax(1)), nn.NLLLoss(), (X, Y), None),
    "nll on raw scores": ("M02", mlp, nn.NLLLoss(), (X, Y), None),
    "binary loss on raw scores": ("M02", lambda: mlp(out=1), BCE, (X, BINARY), None),
    "logarithm of raw scores": ("M02", mlp, by_hand_on_probabilities, (X, Y), None),
    "kl of probabilities": (
        "M03",
        lambda: mlp(nn.Softmax(1)),
        nn.KLDivLoss(reduction="batchmean"),
        (X, torch.softmax(X[:, :3], 1)),
        None,
    ),
    "too few outputs": ("D11", lambda: mlp(out=2), CE, (X, Y), None),
    "labels from 1": ("D11", mlp, CE, (X, Y + 1), None),
    "labels of -1 and 1": ("D11", lambda: mlp(out=1), LOGITS, (X, BINARY * 2 - 1), None),
    "one-hot of whole numbers": ("D12", mlp, CE, (X, F.one_hot(Y, 3)), None),
    "labels in a column": ("D12", mlp, CE, (X, Y[:, None]), None),
    "class numbers as one-hot": ("D12", lambda: mlp(nn.Softmax(1)), categorical, (X, Y[:, None]), None),
    "class numbers, and a model that fails": ("D12", lambda: nn.Linear(9, 3), categorical, (X, Y[:, None]), None),
    "a cell for a layer": ("M17", lambda: nn.RNNCell(8, 4), MSE, (X.reshape(4, 8, 8), T[:4]), None),
    "no time axis": (
        "M19",
        lambda: Function(lambda m, x: m.b(m.a(x)[0]), a=nn.RNN(8, 4), b=nn.Linear(4, 1)),
        MSE,
        (X, T),
        None,
    ),
    "amounts cut to class numbers": (
        "M06",
        mlp,
        lambda s, y: F.cross_entropy(s, y.long()),
        (X, (X[:, 0] * 2).clamp(0, 2.9)),
        None,
    ),
    "sum with plain descent": ("O07", mlp, nn.CrossEntropyLoss(reduction="sum"), (X, Y), sgd(0.1)),
    "stem for large pictures": (
        "M16",
        lambda: nn.Sequential(
            nn.Conv2d(1, 8, 7, 2, 3),
            nn.MaxPool2d(2),
            *[layer for _ in range(3) for layer in (nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())],
            nn.Flatten(),
            nn.Linear(8 * 16, 3),
        ),
        CE,
        (PICTURES, Y[:16]),
        None,
    ),
    "several labels, softmax": ("M06", mlp, CE, (X, MULTI), None),
    "column against row": ("D12", lambda: mlp(out=1), MSE, (X, T[:, 0]), None),
    "column against row by hand": ("D12", lambda: mlp(out=1), broadcast_by_hand, (X, T[:, 0]), None),
    "sigmoid for any number": ("M09", lambda: mlp(nn.Sigmoid(), out=1), MSE, (X, T), None),
    "relu for negative numbers": ("M09", lambda: mlp(nn.ReLU(), out=1), MSE, (X, T), None),
    "minus the loss": ("O17", mlp, negative, (X, Y), None),
    "NaN inputs": ("D05", mlp, CE, (X.clone().index_fill_(0, torch.tensor([3]), float("nan")), Y), None),
    "no activation": (
        "M10",
        lambda: nn.Sequential(nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 3)),
        CE,
        (X, Y),
        None,
    ),
    "sigmoid twice in a row": (
        "M11",
        lambda: nn.Sequential(nn.Linear(8, 16), nn.Sigmoid(), nn.Sigmoid(), nn.Linear(16, 3)),
        CE,
        (X, Y),
        None,
    ),
    "zero weights": ("M12", lambda: zeroed(mlp()), CE, (X, Y), None),
    "constant weights": ("M12", lambda: zeroed(mlp(), 0.1), CE, (X, Y), None),
    "view over samples": (
        "M19",
        lambda: Function(
            lambda m, x: m.a(m.b(x).reshape(16, -1).t().reshape(len(x), -1)), a=nn.Linear(16, 3), b=nn.Linear(8, 16)
        ),
        CE,
        (X, Y),
        None,
    ),
    "answers missing": (
        "M19",
        lambda: Function(lambda m, x: m.a(x.view(-1, 16)), a=nn.Linear(16, 3)),
        CE,
        (X, Y),
        None,
    ),
    "features do not fit": (
        "M17",
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(99, 3)),
        CE,
        (PICTURES, Y[:16]),
        None,
    ),
    "channels last": (
        "D31",
        lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 3)),
        CE,
        (torch.randn(4, 8, 8, 3), Y[:4]),
        None,
    ),
    "input ignored": ("M18", lambda: Function(lambda m, x: m.a(x * 0), a=mlp()), CE, (X, Y), None),
    "layer not called": ("M24", lambda: Function(lambda m, x: m.a(x), a=mlp(), b=nn.Linear(3, 3)), CE, (X, Y), adam),
    "layers in a list": (
        "M24",
        lambda: Function(lambda m, x: m.last(F.relu(m.layers[0](x))), layers=[nn.Linear(8, 16)], last=nn.Linear(16, 3)),
        CE,
        (X, Y),
        adam,
    ),
    "one layer five times": (
        "M25",
        lambda: nn.Sequential(
            nn.Linear(8, 8), nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.ReLU())] * 5), nn.Linear(8, 3)
        ),
        CE,
        (X, Y),
        None,
    ),
    "graph cut": (
        "M26",
        lambda: Function(lambda m, x: m.b(m.a(x).detach()), a=nn.Linear(8, 8), b=nn.Linear(8, 3)),
        CE,
        (X, Y),
        adam,
    ),
    "graph cut everywhere": ("M26", lambda: Function(lambda m, x: m.a(x).detach(), a=mlp()), CE, (X, Y), None),
    "everything frozen": ("M27", all_frozen, CE, (X, Y), None),
    "frozen as it was made": ("M27", lambda: frozen_as_made(), CE, (X, Y), None),
    "sees the future": (
        "M20",
        lambda: LSTM,
        lambda s, y: F.cross_entropy(s.flatten(0, 1), y.flatten()),
        (IDS[:, :-1], IDS[:, 1:]),
        None,
    ),
    "padding pooled": ("M21", lambda: POOL, CE, (PADDED, Y[:16]), None),
    "id beyond the table": (
        "M33",
        lambda: Function(lambda m, x: m.b(m.a(x).mean(1)), a=nn.Embedding(10, 4), b=nn.Linear(4, 3)),
        CE,
        (IDS, Y[:16]),
        None,
    ),
    "dropout on the answers": ("M30", lambda: mlp(nn.Dropout(0.3)), CE, (X, Y), None),
    "dropout of 95 %": (
        "M30",
        lambda: nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.95), nn.ReLU(), nn.Linear(16, 3)),
        CE,
        (X, Y),
        None,
    ),
    "dropout without mode": (
        "E01",
        lambda: Function(lambda m, x: m.b(F.dropout(F.relu(m.a(x)))), a=nn.Linear(8, 16), b=nn.Linear(16, 3)),
        CE,
        (X, Y),
        None,
    ),
    "other model's parameters": ("O04", mlp, CE, (X, Y), lambda _m: adam(mlp())),
    "head replaced after": ("O04", mlp, CE, (X, Y), lambda m: torch.optim.Adam(m[0].parameters())),
    "rate of zero": ("O04", mlp, CE, (X, Y), sgd(0.0)),
    "rate of 1000": ("O01", mlp, CE, (X, Y), sgd(1000.0)),
    "rate of 30, Adam": ("O01", mlp, CE, (X, Y), lambda m: adam(m, lr=30.0)),
    "rate of 1e-8": ("O02", mlp, CE, (X, Y), lambda m: adam(m, lr=1e-8)),
    "momentum of 1": ("O24", mlp, CE, (X, Y), sgd(0.01, momentum=1.0)),
    "maximise": ("O17", mlp, CE, (X, Y), lambda m: adam(m, maximize=True)),
    "decay of 10": ("O13", mlp, CE, (X, Y), sgd(0.01, weight_decay=10.0)),
    "wide first scores": (
        "M14",
        lambda: nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3)),
        CE,
        (X * 300, Y),
        None,
    ),
}


def found(name: str, table: dict[str, Any] = FAULTS) -> list[Finding]:
    _, make, loss, batch, optimizer = table[name]
    torch.manual_seed(0)
    model = make()
    return examine(model, loss, batch, optimizer=optimizer(model) if optimizer else None)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(name: str) -> None:
    findings = found(name)
    assert FAULTS[name][0] in [f.code for f in findings if f.level != "note"], [str(f) for f in findings]
    for finding in findings:
        assert finding.code != "C01", str(finding)
        assert finding.evidence("en") and finding.evidence("zh") and finding.fix("en") and finding.fix("zh")


def focal(scores: Tensor, y: Tensor) -> Tensor:
    p = torch.log_softmax(scores, 1)[torch.arange(len(y)), y]
    return -((1 - p.exp()) ** 2 * p).mean()


def contrastive(z: Tensor, _y: Tensor) -> Tensor:
    z = F.normalize(z, dim=1)
    return F.cross_entropy(z @ z.t() / 0.1, torch.arange(len(z)))


def tied() -> nn.Module:
    model = Function(
        lambda m, x: m.out(torch.tanh(m.mid(m.table(x)))),
        table=nn.Embedding(20, 8),
        mid=nn.Linear(8, 8),
        out=nn.Linear(8, 20),
    )
    model.out.weight = model.table.weight
    return model


def zero_head() -> nn.Module:
    model = mlp()
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    return model


def frozen_backbone() -> nn.Module:
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    with torch.no_grad():
        model[0].weight.add_(torch.randn(16, 8) * 0.1)  # as if it had been trained
    for p in model[:2].parameters():
        p.requires_grad_(False)
    return model


def frozen_as_made() -> nn.Module:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    model[0].requires_grad_(False)
    return model


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        from torch.utils.checkpoint import checkpoint

        return self.b(checkpoint(lambda t: F.relu(self.a(t)), x, use_reentrant=False))


def same_class_near(z: Tensor, y: Tensor) -> Tensor:
    alike = (y[:, None] == y[None]).float()
    return (torch.cdist(z, z) * (2 * alike - 1)).mean() + z.pow(2).mean()


LM = Function(
    lambda m, x: m.head(m.lstm(m.table(x))[0]),
    table=nn.Embedding(20, 8),
    lstm=nn.LSTM(8, 8, batch_first=True),
    head=nn.Linear(8, 20),
)
HEALTHY: dict[str, tuple[str, Callable[[], nn.Module], Any, tuple[Any, Any], Any]] = {
    "plain": ("", mlp, CE, (X, Y), adam),
    "log-softmax before cross-entropy": ("", lambda: mlp(nn.LogSoftmax(1)), CE, (X, Y), adam),
    "log-softmax, nll": ("", lambda: mlp(nn.LogSoftmax(1)), nn.NLLLoss(), (X, Y), adam),
    "probabilities, logarithm by hand": ("", lambda: mlp(nn.Softmax(1)), log_by_hand, (X, Y), adam),
    "sgd at one half": ("", mlp, CE, (X, Y), sgd(0.5)),
    "focal loss": ("", mlp, focal, (X, Y), adam),
    "label smoothing": ("", mlp, nn.CrossEntropyLoss(label_smoothing=0.1), (X, Y), adam),
    "one class in the batch": ("", mlp, CE, (X, torch.ones(32, dtype=torch.int64)), adam),
    "two samples": ("", mlp, CE, (X[:2], Y[:2]), adam),
    "targets not centred": ("", lambda: mlp(out=1), MSE, (X, T + 5), adam),
    "sigmoid and binary loss": ("", lambda: mlp(nn.Sigmoid(), out=1), BCE, (X, BINARY), adam),
    "several yes-or-no": ("", mlp, LOGITS, (X, MULTI), adam),
    "soft targets": ("", mlp, CE, (X, torch.softmax(X[:, :3], 1)), adam),
    "sum of the loss": ("", mlp, nn.CrossEntropyLoss(reduction="sum"), (X, Y), adam),
    "sum and count": ("", mlp, lambda s, y: (F.cross_entropy(s, y, reduction="sum"), len(y)), (X, Y), adam),
    "weights tied": ("", tied, lambda s, y: F.cross_entropy(s.flatten(0, 1), y.flatten()), (IDS, IDS), adam),
    "head begins at zero": ("", zero_head, CE, (X, Y), adam),
    "backbone frozen": ("", frozen_backbone, CE, (X, Y), adam),
    "gradient checkpointing": ("", Checkpointed, CE, (X, Y), adam),
    "language model": (
        "",
        lambda: LM,
        lambda s, y: F.cross_entropy(s.flatten(0, 1), y.flatten()),
        (IDS[:, :-1], IDS[:, 1:]),
        adam,
    ),
    "contrastive": ("", lambda: mlp(out=8), contrastive, (X, Y), adam),
    "large targets": ("", lambda: mlp(out=1), MSE, (X, T * 3_000 + 20_000), lambda m: adam(m, lr=0.1)),
    "distances by class": ("", lambda: mlp(out=8), same_class_near, (X, Y), adam),
    "one-hot by hand": ("", lambda: mlp(nn.Softmax(1)), categorical, (X, F.one_hot(Y, 3).float()), adam),
    "autoencoder with a waist": ("", lambda: nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 8)), MSE, (X, X), adam),
    "autoencoder to 0..1": (
        "",
        lambda: nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8), nn.Sigmoid()),
        BCE,
        (X.sigmoid(), X.sigmoid()),
        adam,
    ),
    "logistic regression": ("", lambda: nn.Linear(8, 3), CE, (X, Y), sgd(0.1)),
    "convolutions, batch norm": (
        "",
        lambda: nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 49, 3)
        ),
        CE,
        (PICTURES, Y[:16]),
        adam,
    ),
    "dropout of one half": (
        "",
        lambda: nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 3)),
        CE,
        (X, Y),
        adam,
    ),
    "tanh network": ("", lambda: mlp(act=nn.Tanh), CE, (X, Y), adam),
    "critic that ignores targets": (
        "",
        lambda: mlp(out=1),
        lambda s, _y: -s.mean(),
        (X, BINARY),
        lambda m: adam(m, lr=1e-4),
    ),
    "hinge": ("", lambda: mlp(out=1), lambda s, y: F.relu(1 - s * (2 * y - 1)).mean(), (X, BINARY), adam),
    "cosine scores": (
        "",
        lambda: Function(
            lambda m, x: 16 * F.linear(F.normalize(m.a(x)), F.normalize(m.w)),
            a=mlp(out=8),
            w=nn.Parameter(torch.randn(3, 8)),
        ),
        CE,
        (X, Y),
        adam,
    ),
    "doubles": ("", lambda: mlp().double(), CE, (X.double(), Y), adam),
    "two inputs": (
        "",
        lambda: Function(lambda m, a, b: m.a(a) + m.b(b), a=mlp(), b=mlp()),
        CE,
        ((X, X.flip(0)), Y),
        adam,
    ),
    "huber": ("", lambda: mlp(out=1), nn.HuberLoss(), (X, T), adam),
    "policy gradient": (
        "",
        mlp,
        lambda s, y: -(torch.log_softmax(s, 1)[torch.arange(len(y)), y] * (1 - 2 * BINARY[:, 0])).mean(),
        (X, Y),
        lambda m: adam(m, lr=1e-3),
    ),
    "noise in evaluation": (
        "",
        lambda: Function(
            lambda m, x: m.b(F.relu(m.a(x)) + 0.1 * torch.randn(len(x), 16)), a=nn.Linear(8, 16), b=nn.Linear(16, 3)
        ),
        CE,
        (X, Y),
        adam,
    ),
    "teacher in a list": (
        "",
        lambda: Function(lambda m, x: m.student(x) + 0 * m.teacher[0](x).detach(), student=mlp(), teacher=[mlp()]),
        CE,
        (X, Y),
        adam,
    ),
    "depthwise separable": (
        "",
        lambda: nn.Sequential(
            nn.Conv2d(1, 8, 3),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, groups=8),
            nn.Conv2d(8, 8, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 144, 3),
        ),
        CE,
        (PICTURES, Y[:16]),
        adam,
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_is_left_in_peace(name: str) -> None:
    findings = found(name, HEALTHY)
    assert [str(f) for f in findings if f.level != "note" or f.code == "C01"] == []


def everything(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> list[Any]:
    state: list[Any] = [*[t.detach().clone() for t in (*model.parameters(), *model.buffers())]]
    state += [m.training for m in model.modules()]
    state += [p.requires_grad for p in model.parameters()]
    state += [copy.deepcopy(p.grad) for p in model.parameters()]
    state += [len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in model.modules()]
    state += [torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()]
    if optimizer is not None:
        state += [t for v in optimizer.state.values() for t in v.values()]
        state += [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    return state


def same(a: Any, b: Any) -> bool:
    return torch.equal(a, b) if isinstance(a, Tensor) else bool(a == b)


@pytest.mark.parametrize("name", [*FAULTS, *HEALTHY])
def test_all_is_as_before(name: str) -> None:
    table = FAULTS if name in FAULTS else HEALTHY
    _, make, loss, (x, y), maker = table[name]
    torch.manual_seed(0)
    model = make()
    model.train(name != "plain")
    optimizer = maker(model) if maker else None
    before = everything(model, optimizer)
    examine(model, loss, (x, y), optimizer=optimizer)
    after = everything(model, optimizer)
    assert len(before) == len(after)
    assert all(same(a, b) for a, b in zip(before, after, strict=True))


def test_what_raises_is_a_note() -> None:
    class Broken(nn.Linear):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            if self.calls > 1:
                raise OSError("the disk is gone")
            return super().forward(x)

    model = Broken(8, 3)
    findings = examine(model, CE, (X, Y), optimizer=sgd(0.1)(model))
    assert {f.code for f in findings} == {"C01"} and all(f.level == "note" for f in findings)
    assert "the disk is gone" in findings[0].evidence("en")
    assert model.calls == 0


def test_lazy_layers_are_said() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.Linear(4, 3))
    assert [(f.code, f.level, f.saw) for f in examine(model, CE, (X, Y))] == [("M17", "note", "lazy")]


def test_time_that_is_over_is_said() -> None:
    notes = Guard(0.0).run("slow one", lambda: [], optional=True)
    assert [f.code for f in notes] == ["C01"] and "slow one" in notes[0].evidence("en")


def test_a_batch_that_is_no_pair_is_said() -> None:
    with pytest.raises(UserError, match=r"pair \(x, targets\)"):
        examine(mlp(), CE, X)  # type: ignore[arg-type]


def test_a_code_that_is_none_allows_nothing() -> None:
    with pytest.raises(UserError, match="there is no finding 'Q99'"):
        refuse([], ["Q99"], print)
    stop = Finding("M01", "stop", "output", "probabilities", {"floor": 1.0})
    refuse([stop], "m01", lambda _text: None)
    with pytest.raises(CheckError):
        refuse([stop], "M02", lambda _text: None)
