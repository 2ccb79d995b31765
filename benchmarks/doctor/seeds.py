"""The six programs of the tutorials, as printed, in PyTorch: every mistake named before the first step.

    python benchmarks/doctor/seeds.py [e1 ... e6]

Each function builds model, loss, optimizer and data with the mistakes that PyTorch can express and hands them to one
call of ``doctor.examine``. ``MISTAKES`` lists the codes that must be among the findings, and what can't be expressed.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell import doctor


def e1() -> list[doctor.Finding]:
    """000, a CNN on MNIST: one-hot labels given to a cross-entropy of class numbers."""
    x, y = _digits(28)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10), nn.LogSoftmax(1),
    )  # fmt: skip
    one_hot = F.one_hot(y, 10)
    return _examine(model, nn.NLLLoss(), x / 255, one_hot)


def e2() -> list[doctor.Finding]:
    """001, a CNN on CIFAR-10: flattened as 64x5x5 where it is 64x8x8, so that the view mixes samples."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1)
            self.pool = nn.MaxPool2d(2, 2)
            self.fc1, self.fc2 = nn.Linear(64 * 5 * 5, 128), nn.Linear(128, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(F.relu(self.conv2(x)))
            x = x.view(-1, 64 * 5 * 5)
            return self.fc2(F.relu(self.fc1(x)))

    x, y = _coloured(1000)
    return _examine(Net(), nn.CrossEntropyLoss(), x, y, batch=100)


def e3() -> list[doctor.Finding]:
    """003, LeNet-5 on 8x8 digits: two 5x5 convolutions that do not fit, class numbers given to a categorical
    cross-entropy, inputs of 0 to 16, a split that cuts the tail."""
    x, y = _digits(8)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10), nn.Softmax(1),
    )  # fmt: skip
    return _examine(model, categorical_cross_entropy, x, y[:, None], part=0.7)


def e4() -> list[doctor.Finding]:
    """003, a CNN with batch normalisation: raw scores given to a cross-entropy of probabilities."""
    x, y = _coloured(1000)
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return _examine(model, sparse_cross_entropy, x, y)


def e5() -> list[doctor.Finding]:
    """003, an LSTM on reviews: runs as meant; the validation part is the tail."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(200, 32)
            self.lstm = nn.LSTM(32, 32, batch_first=True)
            self.out = nn.Linear(32, 1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(self.out(self.lstm(self.table(x))[0][:, -1]))

    draw = torch.Generator().manual_seed(0)
    x = torch.randint(1, 200, (1000, 40), generator=draw)
    y = (x < 100).float().mean(1, keepdim=True).gt(0.5).float()
    return _examine(Net(), nn.BCELoss(), x, y, part=0.8)


def e6() -> list[doctor.Finding]:
    """003, "RNN-RNTN": a cell for a layer, no time axis, accuracy for a regression, one sample for everything."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.out = nn.RNNCell(1, 16), nn.Linear(16, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.rnn(x)[0])

    x, y = torch.tensor([[[1.0], [2.0], [3.0]]]), torch.tensor([[4.0]])
    model = Net()
    found = doctor.examine(
        model,
        nn.MSELoss(),
        (x, y),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01),
        train_data=(x, y),
        val_data=(x, y),
        metric=lambda output, target: (output == target).float().mean(),
    )
    return found


def categorical_cross_entropy(p: Tensor, one_hot: Tensor) -> Tensor:
    """Keras's ``categorical_crossentropy``: expects probabilities and one-hot targets."""
    return -(one_hot * torch.log(p.clamp(1e-7, 1 - 1e-7))).sum(1).mean()


def sparse_cross_entropy(p: Tensor, y: Tensor) -> Tensor:
    """Keras's ``sparse_categorical_crossentropy``: expects probabilities and class numbers."""
    p = p.clamp(1e-7, 1 - 1e-7)
    return F.nll_loss(torch.log(p / p.sum(1, keepdim=True)), y)


def _examine(
    model: nn.Module, loss: Any, x: Tensor, y: Tensor, *, batch: int = 100, part: float = 0.9
) -> list[doctor.Finding]:
    cut = int(part * len(x))
    return doctor.examine(
        model,
        loss,
        (x[:batch], y[:batch]),
        optimizer=torch.optim.Adam(model.parameters()),
        train_data=(x[:cut], y[:cut]),
        val_data=(x[cut:], y[cut:]),
    )


def _digits(size: int) -> tuple[Tensor, Tensor]:
    with np.load(str(files("deepwell.data") / "sets" / "digits.npz")) as file:
        x, y = torch.from_numpy(file["x"]).float()[:, None], torch.from_numpy(file["y"]).long()
    return (x if size == 8 else F.interpolate(x / 16 * 255, size)), y


def _coloured(count: int) -> tuple[Tensor, Tensor]:
    """Digits as coloured 32x32 pictures: CIFAR-10 is not at hand everywhere."""
    x, y = _digits(32)
    return x[:count].expand(-1, 3, -1, -1) / 127.5 - 1, y[:count]


MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "e1": (("D12",), "numpy is not imported: Python stops there by itself"),
    "e2": (("M19",), "F is not imported: Python stops there by itself"),
    "e3": (("M17", "D12", "D01", "D21"), ""),
    "e4": (("M02",), ""),
    "e5": (("D21",), "a word index that nothing uses leaves no trace in model, loss or data"),
    "e6": (("M17", "E05", "D14"), "that nothing recurses is a matter of its name"),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MISTAKES:
        torch.manual_seed(0)
        codes, beyond = MISTAKES[name]
        findings = globals()[name]()
        named = {finding.code for finding in findings}
        print(f"== {name}: {globals()[name].__doc__}")
        for finding in findings:
            print(finding)
        print(f"   named {sum(code in named for code in codes)} of {len(codes)}" + (f"; {beyond}" if beyond else ""))
