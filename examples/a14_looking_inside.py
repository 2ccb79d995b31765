"""A14, D1: why a model gives an answer, and what it looks like inside. Pictures are written to ./inside.

python examples/a14_looking_inside.py [EPOCHS]
"""

import sys
from pathlib import Path

import deepwell as dw
from deepwell.explain import explain
from deepwell.explain.inside import Index, activations, activations_picture, filters
from deepwell.explain.sanity import randomised

epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
folder = Path("inside")
folder.mkdir(exist_ok=True)

learner = dw.Learner(dw.open("digits"), model="cnn", say=print)
learner.fit(epochs=epochs)
model, pictures = learner.saved(), learner.raw("test")[:8]

for method in ("gradcam", "integrated-gradients", "occlusion"):
    found = explain(model, pictures, method=method)
    for number, one in enumerate(found):
        (folder / f"{number}-{method}.png").write_bytes(one.picture())
    print(method, "-", found[0].sentence("en"), found[0].details)
    print(randomised(model, pictures, method=method))

(folder / "filters.png").write_bytes(filters(model.network)[0])
stages = activations(model, pictures[0])
(folder / "activations.png").write_bytes(activations_picture(stages))
print("activations:", [(stage.name, stage.shape) for stage in stages])
print("nearest in training:", Index.of(model, learner.raw("train")).near(pictures[:1])[0])
