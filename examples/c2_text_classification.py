"""Text classification: the default beside a CNN, attention that can be read, and a Transformer.

python examples/c2_text_classification.py [REVIEWS.csv TARGET]
"""

import sys

from made_reviews import reviews

import deepwell as dw

own = len(sys.argv) > 2
data = dw.open(sys.argv[1], target=sys.argv[2]) if own else dw.texts(*reviews(2_000), test=0.2)
for name in (None, "textcnn", "attention", "transformer"):
    learner = dw.Learner(data, model=name)
    # a Transformer begins without any notion of who stands beside whom, and needs longer to find it
    learner.fit(epochs=20 if name == "transformer" else 6)
    print(f"{name or f'default ({learner.settings.model})'}: accuracy {learner.evaluate().accuracy.value:.3f}")
    if name == "attention":
        (weighed,) = learner.saved().attention([data.source.x[0]])
        print("  " + " ".join(f"{word} {share:.2f}" for word, share in weighed))
