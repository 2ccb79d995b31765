"""Ten faults of ten programs: what the finding says to write is written, the finding is gone, and the model learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from deepwell.doctor import examine

SETUP = """
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
x = torch.randn(256, 8)
y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
t = x[:, 0] * 2 + x[:, 1]
"""
DENSE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.b(F.relu(self.a(x)))

model, targets = Net(), y
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
"""


@dataclass(frozen=True)
class Case:
    """A program, the words of the fix that are to be found in the finding, and the line before and after.

    Attributes:
        code: the finding's.
        words: what the printed fix says to write.
        changes: lines as the program has them, and as the fix says that they be written.
        program: what comes after the data.
    """

    code: str
    words: str
    changes: tuple[tuple[str, str], ...]
    program: str


CASES = {
    "double softmax": Case(
        "M01",
        "delete the softmax",
        (("torch.softmax(self.b(F.relu(self.a(x))), 1)", "self.b(F.relu(self.a(x)))"),),
        DENSE.replace("self.b(F.relu(self.a(x)))", "torch.softmax(self.b(F.relu(self.a(x))), 1)"),
    ),
    "nll on raw scores": Case(
        "M02",
        "nn.CrossEntropyLoss()",
        (("nn.NLLLoss()", "nn.CrossEntropyLoss()"),),
        DENSE.replace("nn.CrossEntropyLoss()", "nn.NLLLoss()"),
    ),
    "nll on probabilities": Case(
        "M03",
        "log_softmax(x, dim=1)",
        (("return torch.softmax(", "return torch.log_softmax("),),
        DENSE.replace("return self.b(F.relu(self.a(x)))", "return torch.softmax(self.b(F.relu(self.a(x))), 1)").replace(
            "nn.CrossEntropyLoss()", "nn.NLLLoss()"
        ),
    ),
    "column against row": Case(
        "D12",
        "scores.squeeze(1)",
        (("return self.b(F.relu(self.a(x)))", "return self.b(F.relu(self.a(x))).squeeze(1)"),),
        DENSE.replace("nn.Linear(32, 3)", "nn.Linear(32, 1)")
        .replace("targets = Net(), y", "targets = Net(), t")
        .replace("nn.CrossEntropyLoss()", "nn.MSELoss()"),
    ),
    "view across samples": Case(
        "M19",
        "x.flatten(1)",
        (("x.view(-1, 16)", "x.flatten(1)"), ("nn.Linear(16, 32)", "nn.Linear(8, 32)")),
        DENSE.replace("nn.Linear(8, 32)", "nn.Linear(16, 32)").replace("self.a(x)", "self.a(x.view(-1, 16))"),
    ),
    "no activation": Case(
        "M10",
        "nn.ReLU() between",
        (("nn.Linear(8, 32), nn.Linear(32, 3)", "nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)"),),
        """
model, targets = nn.Sequential(nn.Linear(8, 32), nn.Linear(32, 3)), ((x[:, 0] * x[:, 1]) > 0).long()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
""",
    ),
    "equal weights": Case(
        "M12",
        "nn.init.kaiming_normal_(layer.weight)",
        (("nn.init.zeros_(layer.weight)", "nn.init.kaiming_normal_(layer.weight)"),),
        DENSE + "for layer in (model.a, model.b):\n    nn.init.zeros_(layer.weight)\n",
    ),
    "optimizer before the head": Case(
        "O04",
        "make the optimizer after",
        (
            (
                "optimizer = torch.optim.Adam(model.parameters(), lr=0.01)\nmodel.b = nn.Linear(32, 3)",
                "model.b = nn.Linear(32, 3)\noptimizer = torch.optim.Adam(model.parameters(), lr=0.01)",
            ),
        ),
        DENSE.replace("nn.Linear(32, 3)", "nn.Linear(32, 7)") + "model.b = nn.Linear(32, 3)\n",
    ),
    "learning rate too high": Case(
        "O01",
        "divide the learning rate",
        (("lr=300.0", "lr=3.0"),),
        DENSE.replace("Adam(model.parameters(), lr=0.01)", "SGD(model.parameters(), lr=300.0)"),
    ),
    "minus the loss": Case(
        "O17",
        "delete the minus sign",
        (("-F.cross_entropy", "F.cross_entropy"),),
        DENSE.replace("nn.CrossEntropyLoss()", "lambda scores, y: -F.cross_entropy(scores, y)"),
    ),
}


def programmed(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(SETUP + source, names)
    return names


def examined(names: dict[str, Any]) -> dict[str, str]:
    batch = (names["x"][:64], names["targets"][:64])
    findings = examine(names["model"], names["loss_fn"], batch, optimizer=names["optimizer"])
    return {f.code: f.fix("en") for f in findings if f.level != "note"}


def score(names: dict[str, Any]) -> float:
    """Accuracy, or for numbers R2, after 200 steps on all samples."""
    model, x, y = names["model"], names["x"], names["targets"]
    for _ in range(200):
        names["optimizer"].zero_grad()
        names["loss_fn"](model(x), y).backward()
        names["optimizer"].step()
    with torch.no_grad():
        output = model(x)
    if y.is_floating_point():
        return float(1 - nn.functional.mse_loss(output, y) / y.var())
    return float((output.argmax(1) == y).float().mean())


@pytest.mark.parametrize("name", CASES)
def test_what_the_finding_says_mends_it(name: str) -> None:
    case = CASES[name]
    fixes = examined(programmed(case.program))
    assert case.code in fixes, fixes
    assert case.words in fixes[case.code]
    mended = case.program
    for before, after in case.changes:
        assert before in mended
        mended = mended.replace(before, after)
    names = programmed(mended)
    assert examined(names) == {}
    assert score(names) > 0.9
