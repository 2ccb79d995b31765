"""How well each method points at a planted patch, and how long it takes.

Pictures of noise in which six by six striped pixels tell the class (tests/explain/test_planted.py); of the 36 hottest
pixels the share that lies in the patch (by chance 0.05), and how explanations correlate with those of a network whose
weights were randomised (Adebayo et al. 2018).

    python benchmarks/explanations.py [MODEL ...]
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

import deepwell as dw
from deepwell.explain import explain
from deepwell.explain.sanity import overlap, randomised

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.explain.test_planted import planted

torch.set_num_threads(1)
models = sys.argv[1:] or ["compact", "cnn", "lenet5", "mlp"]
print(f"torch {torch.__version__}, 1 thread, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
x, y, _ = planted(1200, 0)
tx, ty, inside = planted(24, 7)
for name in models:
    learner = dw.Learner(dw.arrays(x, y), model=name)
    learner.fit(epochs=8, progress=False, check=False)
    model = learner.saved()
    right = [i for i, answer in enumerate(model.predict(tx)) if answer["prediction"] == ty[i]]
    default = explain(model, tx[:1])[0].method
    for method in ("gradcam", "integrated-gradients", "occlusion"):
        if name == "mlp" and method == "gradcam":
            continue
        begun = time.perf_counter()
        explain(model, tx[:1], method=method)
        one = time.perf_counter() - begun
        found = explain(model, tx, method=method)
        all24 = time.perf_counter() - begun - one
        hits = [overlap(found[i].values, inside[i]) for i in right]
        low = randomised(model, tx[:8], method=method).stages[-1][1]
        print(
            f"{name:8} {method:20} {'default' if method == default else '':8} overlap {np.mean(hits):.2f} "
            f"(least {min(hits):.2f}, {len(hits)} pictures)  randomised {low:+.2f}  "
            f"one {one * 1000:4.0f} ms, 24 {all24:.2f} s",
            flush=True,
        )
