"""E5: the LSTM classifier of reviews of the fourth tutorial, doing what its title says.

There a word index is built with offsets and never used, and the validation part is the unshuffled tail. Here reviews
are padded to the longest of their batch, padding is masked, the vocabulary is learnt from the training part and travels
with the model, and the split is drawn within each class. Trained by RMSprop, as there.

    python examples/e5_lstm_reviews.py [REVIEWS.csv TARGET]

Without a file it trains on reviews made by a small grammar in which the order of words decides.
"""

import sys

from made_reviews import reviews

import deepwell as dw

own = len(sys.argv) > 2
data = dw.open(sys.argv[1], target=sys.argv[2]) if own else dw.texts(*reviews(2_000), test=0.2)
learner = dw.Learner(data, model="lstm", say=print)
print(learner.summary())
learner.fit(epochs=8, batch_size=32, optimizer="rmsprop", patience=3)
print(learner.evaluate())
for text in ("the film was not boring but great.", "the film was not great but boring."):
    print(text, "->", learner.predict([text])[0]["prediction"])
