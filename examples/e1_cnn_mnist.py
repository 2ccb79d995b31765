"""E1: the convolutional network of the first tutorial, trained as it meant to be.

As printed, the tutorial gives one-hot labels to a loss that expects class numbers, and never imports NumPy.
Here labels may be either: the output knows which it was given. With no argument it trains on Fashion-MNIST where
a system package brought it, else on the digits that ship with deepwell.

    python examples/e1_cnn_mnist.py [SET] [EPOCHS]
"""

import sys

import deepwell as dw
from deepwell.data.named import is_here

name = sys.argv[1] if len(sys.argv) > 1 else "fashion-mnist" if is_here("fashion-mnist") else "digits"
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10

learner = dw.Learner(dw.open(name), model="cnn", say=print)
print(learner.summary())
for finding in learner.check():
    print(finding)
learner.fit(epochs=epochs, batch_size=32, optimizer="adam", callbacks=[dw.EarlyStopping("val_loss", patience=5)])
print(learner.evaluate())
