"""One answer at a time: ``dw.load(...).predict([sample])`` beside ONNX Runtime with the same decoding by hand.

Each sample goes its whole way, from a file or array or text to the dictionary of its answer. The opponent is written as
a careful person would write it: Pillow or the array, NumPy for the normalisation, ``session.run``, softmax in NumPy,
the dictionary. Texts are cut by deepwell's input on both sides: ONNX Runtime has none. The two take turns in blocks, in
one process; a ratio is the median over the rounds of the ratios of the blocks' medians. ``exported`` is the same model
after ``deepwell export``: ``dw.load("model.onnx").predict([sample])``. Beside the wall clock the
time of the processor is given, which other programs on the machine disturb less (of one thread alone).

    python benchmarks/predict_latency.py [RUN ...] [--threads 1] [--rounds 9] [--calls 60]

Without a run, small ones are trained first: on squares in pictures of 28x28, and on reviews that a grammar makes.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import deepwell as dw
from deepwell.core.devices import keep_memory, machine
from deepwell.export import export
from deepwell.saved.model import SavedModel

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
PICTURES = ("compact", "cnn", "lenet5", "mlp", "separable")
REVIEWS = ("ngrams", "textcnn")
TEXT = "the plot was not boring but gripping, we saw it on a rainy evening, my brother came along."


def trained(folder: Path) -> list[tuple[str, Path]]:
    """Files of models, an epoch each: how well they answer does not matter here."""
    from made_reviews import reviews

    texts, labels = reviews(600)
    places = np.arange(200) % 4
    pictures = np.random.default_rng(0).integers(0, 60, (200, 28, 28)).astype(np.uint8)
    for picture, place in zip(pictures, places, strict=True):
        picture[8:20, 6 * place : 6 * place + 6] += 150
    found = []
    for source, names in ((dw.arrays(pictures, places), PICTURES), (dw.texts(texts, labels), REVIEWS)):
        for name in names:
            learner = dw.Learner(source, model=name)
            learner.fit(epochs=1, batch_size=64)
            learner.save(folder / f"{name}.safetensors")
            found.append((name, folder / f"{name}.safetensors"))
    return found


def session(model: Any, x: torch.Tensor, folder: Path, threads: int) -> Any:
    """The network alone in ONNX Runtime."""
    import onnxruntime

    path = folder / "network.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model.network, (x,), path, input_names=["x"], output_names=["y"], dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def by_hand(model: Any, run: Any, kind: str) -> Callable[[Any], dict[str, Any]]:
    """From a raw sample to the dictionary of its answer, with ONNX Runtime."""
    names, temperature = [str(name) for name in model.output.classes], getattr(model.output, "temperature", 1.0)

    def answer(x: np.ndarray) -> dict[str, Any]:
        scores = run.run(None, {"x": x})[0][0] / temperature
        shares = np.exp(scores - scores.max())
        shares = (shares / shares.sum()).tolist()
        best = max(range(len(shares)), key=shares.__getitem__)
        return {
            "prediction": names[best],
            "confidence": shares[best],
            "probabilities": dict(zip(names, shares, strict=True)),
        }

    if kind == "text":
        first = torch.arange(1)
        return lambda text: answer(model.input.prepare(model.input.encode([text])[0].gather(first)).numpy())
    from PIL import Image

    channels, *_ = model.input.shape
    scale = (1 / (255 * np.asarray(model.input.std, np.float32))).astype(np.float32)
    offset = (-np.asarray(model.input.mean) / np.asarray(model.input.std)).astype(np.float32)

    def of_array(array: np.ndarray) -> dict[str, Any]:
        array = array.reshape(*array.shape[:2], channels)
        return answer(np.ascontiguousarray((array * scale + offset).transpose(2, 0, 1))[None])

    def of_file(data: bytes) -> dict[str, Any]:
        with Image.open(io.BytesIO(data)) as image:
            return of_array(np.asarray(image.convert("L" if channels == 1 else "RGB")))

    return of_file if kind == "png" else of_array


def samples(model: Any) -> dict[str, Any]:
    """A raw sample in each form that a user has."""
    if model.input.kind == "text":
        return {"text": TEXT}
    from PIL import Image

    channels, height, width = model.input.shape
    array = np.random.default_rng(0).integers(0, 256, (height, width, channels)).astype(np.uint8)
    array = array[:, :, 0] if channels == 1 else array
    held = io.BytesIO()
    Image.fromarray(array).save(held, "PNG")
    return {"array": array, "png": held.getvalue()}


def block(work: Callable[[], Any], calls: int) -> tuple[float, float]:
    """Median of the wall clock, and mean time of the processor, of one call in us; the block's first calls warm it."""
    for _ in range(5):
        work()
    walls = []
    begun = time.thread_time()
    for _ in range(calls):
        start = time.perf_counter()
        work()
        walls.append(time.perf_counter() - start)
    return statistics.median(walls) * 1e6, (time.thread_time() - begun) / calls * 1e6


def exported(model: SavedModel, kind: str, raw: Any, place: Path) -> Any:
    """The file of ``deepwell export``, read back by ``dw.load``."""
    if kind == "text":
        words = TEXT.split()
        some = [" ".join(words[i % 9 : 3 + i % 13]) for i in range(64)]
    else:
        shape = samples(model)["array"].shape
        some = list(np.random.default_rng(1).integers(0, 256, (64, *shape)).astype(np.uint8))
    return dw.load(export(model, place / kind / "model", samples=some).path)


def measure(name: str, path: Path, *, threads: int, rounds: int, calls: int) -> None:
    """One line for each form of sample; ``plainly`` is deepwell by the network itself, as it is while it is trained."""
    with tempfile.TemporaryDirectory() as place:
        for kind, raw in samples(dw.load(path)).items():
            model, own = dw.load(path), dw.load(path)  # one is answered by, the other lends its network
            plain = SavedModel(own.network, own.input, own.output)
            rows, _ = model.input.encode([raw])
            rows = torch.from_numpy(rows) if isinstance(rows, np.ndarray) else rows.gather(torch.arange(1))
            x = model.input.prepare(rows).contiguous()
            hand = by_hand(model, session(own, x, Path(place), threads), kind)
            ours, theirs = model.predict([raw])[0], hand(raw)
            far = max(abs(ours["probabilities"][c] - theirs["probabilities"][c]) for c in theirs["probabilities"])
            shipped = exported(plain, kind, raw, Path(place))
            works: list[Callable[[], Any]] = [
                lambda raw=raw, model=model: model.predict([raw]),
                lambda raw=raw, hand=hand: hand(raw),
                lambda raw=raw, plain=plain: plain.predict([raw]),
                lambda raw=raw, shipped=shipped: shipped.predict([raw]),
            ]
            pairs = [[block(work, calls) for work in works] for _ in range(rounds)]
            wall = [statistics.median(pair[side][0] for pair in pairs) for side in range(4)]
            cpu = [statistics.median(pair[side][1] for pair in pairs) for side in range(4)]

            def ratio(side: int, clock: int, pairs: list[list[tuple[float, float]]] = pairs) -> float:
                return statistics.median(pair[side][clock] / pair[1][clock] for pair in pairs)

            print(
                f"{name:10} {kind:6} deepwell {wall[0]:7.0f} us ({cpu[0]:7.0f} of the processor)   "
                f"ONNX Runtime {wall[1]:7.0f} us ({cpu[1]:7.0f})   ratio {ratio(0, 0):.2f} ({ratio(0, 1):.2f})   "
                f"exported {wall[3]:.0f} us ({cpu[3]:.0f})   ratio {ratio(3, 0):.2f} ({ratio(3, 1):.2f})   "
                f"plainly {wall[2]:.0f} us ({cpu[2]:.0f})   apart by {far:.0e}",
                flush=True,
            )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=60)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    keep_memory()
    import onnxruntime

    print(machine(), f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}, {asked.threads} threads each")
    with tempfile.TemporaryDirectory() as place:
        given = [(run.resolve().name, run / "model.safetensors") for run in asked.runs]
        for name, model in given or trained(Path(place)):
            measure(name, model, threads=asked.threads, rounds=asked.rounds, calls=asked.calls)


if __name__ == "__main__":
    main()
