"""B1: simple models beside a deep one: majority class, nearest neighbours, logistic regression, perceptron, SVMs.

A deep model that a support vector machine equals in a second is not worth its cost. Here a small network reads the
8x8 digits, and each simple model learns from the same samples and is measured on the same test part. Whether the
network is better is told by pairs: both answered the same pictures.

    python examples/b1_baselines.py [EPOCHS]
"""

import sys

import deepwell as dw

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
learner = dw.Learner("digits", model="cnn", say=print)
learner.fit(epochs=epochs)
print(learner.evaluate().accuracy)
for baseline in learner.baselines(seconds=10):
    print(baseline)
