"""E3: LeNet-5 on the 8x8 digits of the third tutorial.

As printed it can't be built: a second 5x5 convolution does not fit what is left of an 8x8 picture. Its labels are
numbers where the loss expects one-hot rows, its inputs run from 0 to 16, and its test part is the tail of the
data. Here the convolutions are padded on so small a picture, the inputs are normalised by the training part's
mean and deviation, and the split is drawn within each class.

    python examples/e3_lenet5_digits.py [EPOCHS]
"""

import sys

import deepwell as dw

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 50
learner = dw.Learner(dw.open("digits"), model="lenet5", say=print)
print(learner.summary())
learner.fit(epochs=epochs, batch_size=100, optimizer="adam", patience=20)
evaluation = learner.evaluate()
print(evaluation)
