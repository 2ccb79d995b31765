"""A15: a trained model written as ONNX, and used without deepwell.

The export is held against the trained model first, from raw pictures to answers; a fault in it would be named and
nothing written. What is written beside the graph, a small JSON file and a reader in plain NumPy, is all that another
program needs.

    python examples/a15_export.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

import deepwell as dw

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
learner = dw.Learner(dw.open("digits"), model="cnn")
learner.fit(epochs=3, batch_size=32)
made = learner.export(folder / "digits", int8=True)
print(f"{made.path}: {made.parity.samples} pictures, {made.parity.answers_differ} answered otherwise")
print(f"probabilities differ by {made.parity.probabilities:.1e} at most, where {made.parity.tolerance:.0e} is allowed")
print(f"with weights as bytes: accuracy {made.int8.before:.4f} became {made.int8.after:.4f} (validation part)")

# from here on without deepwell: this could be another program on another machine
sys.path.insert(0, str(folder))
import onnxruntime  # noqa: E402
from reader import Reader  # noqa: E402

reader, session = Reader.load(folder / "digits.json"), onnxruntime.InferenceSession(str(made.path))
pictures = learner.raw("test")[:5]
for answer in reader.predict(pictures, lambda arrays: session.run(None, arrays)):
    print(answer["prediction"], f"{answer['confidence']:.3f}")
