"""E2: a network of one's own, as in the second tutorial: CIFAR-10's pictures are 32x32 with three colours.

As printed, the flattened size is 64x5x5 where two poolings of a padded 32x32 leave 64x8x8, so `view(-1, ...)`
would cut the batch elsewhere; `flatten(1)` can't. Where CIFAR-10 is not here (it needs a network once), coloured
digits of the same size stand in.

    python examples/e2_cnn_cifar10.py [EPOCHS]
"""

import sys

import numpy as np
import torch
from torch import Tensor, nn

import deepwell as dw
from deepwell.data.named import is_here


class Net(nn.Module):
    """Two padded convolutions with pooling, and two layers of units."""

    def __init__(self, side: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(64 * (side // 4) ** 2, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


def coloured_digits() -> dw.Data:
    """The shipped digits, four times as large, in a colour of chance on another."""
    source = dw.open("digits").source
    rng = np.random.default_rng(0)
    shade = np.kron(source.x, np.ones((4, 4))).astype(np.float32)[..., None] / 255
    front, back = rng.uniform(128, 255, (2, len(shade), 1, 1, 3))
    picture = shade * front + (1 - shade) * (back - 128)
    return dw.arrays(picture.round().astype(np.uint8), source.y, test=0.2)


epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
data = dw.open("cifar10") if is_here("cifar10") else coloured_digits()
learner = dw.Learner(data, model=Net(), say=print)
print(learner.summary())
for finding in learner.check():
    print(finding)
learner.fit(epochs=epochs, batch_size=32, optimizer="momentum", learning_rate=0.01)
print(learner.evaluate())
