"""E4: convolutions with batch normalisation, the second program of the third tutorial.

As printed it gives raw scores to a cross-entropy that expects probabilities: it trains on and learns next to
nothing, without a word. Here scores and loss belong together; the other way round, a softmax in front of this
loss, is shown below: the check names it before the first step.

    python examples/e4_cnn_batch_norm.py [SET] [EPOCHS]
"""

import sys

from torch import nn

import deepwell as dw
from deepwell.data.named import is_here
from deepwell.models import CNNBatchNorm

name = sys.argv[1] if len(sys.argv) > 1 else "cifar10" if is_here("cifar10") else "digits"
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 15
data = dw.open(name)

body = CNNBatchNorm(dw.Learner(data).prepared().input.shape)
classes = len(set(map(str, data.source.y)))
wrong = nn.Sequential(body, nn.Linear(body.features, classes), nn.Softmax(1))
print("with a softmax too many:")
for finding in dw.Learner(data, model=wrong).check():
    print(" ", finding)

learner = dw.Learner(data, model="cnn-bn", say=print)
print(learner.summary())
learner.fit(epochs=epochs, batch_size=128, optimizer="adam")
print(learner.evaluate())
