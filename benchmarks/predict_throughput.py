"""Pictures a second of ``deepwell predict`` over a folder, beside what reading and the network take by themselves.

A folder of PNG files is made from random pictures. Three things are timed in turns: reading alone (files to encoded
rows, by threads as ``predict`` does), the network alone (rows to answers), and the whole stream with an answer's line
written for each. ``over the larger part``: the whole's time beside the larger of the two parts, as both go on at the
same time; ``over the sum``: beside doing one after the other. The memory is the process's largest, before and after.

    python benchmarks/predict_throughput.py [RUN] [--pictures 5000] [--rounds 5] [--threads 1] [--side 0]
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import deepwell as dw
from deepwell.core.devices import keep_memory, machine
from deepwell.data.folders import pictures_in
from deepwell.data.store import ArrayStore
from deepwell.saved.stream import answered

PIECE = 256


def folder_of(place: Path, count: int, height: int, width: int, channels: int) -> None:
    """Smooth random pictures, as compressible as photographs rather than as noise."""
    draw = np.random.default_rng(0)
    for number in range(count):
        small = draw.integers(0, 256, (max(2, height // 4), max(2, width // 4), channels)).astype(np.uint8)
        picture = Image.fromarray(small[:, :, 0] if channels == 1 else small)
        picture.resize((width, height), Image.Resampling.BILINEAR).save(place / f"{number:05}.png")


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the wall clock, and of all processors."""
    start, begun = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - begun


def memory() -> int:
    """MiB at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", type=int, default=0, help="of the files; 0: as the model sees them")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    keep_memory()
    with tempfile.TemporaryDirectory() as place:
        if asked.run is None:
            learner = dw.Learner(dw.open("digits"), model="compact")
            learner.fit(epochs=1, batch_size=64)
            learner.save(Path(place) / "model.safetensors")
        model = dw.load(Path(place) / "model.safetensors" if asked.run is None else asked.run / "model.safetensors")
        channels, height, width = model.input.shape
        pictures = Path(place) / "pictures"
        pictures.mkdir()
        folder_of(pictures, asked.pictures, asked.side or height, asked.side or width, channels)
        files = pictures_in(pictures)
        print(machine(), f"torch {torch.__version__}, {asked.threads} thread of the network")
        print(f"{len(files):,} PNG files of {asked.side or height}x{asked.side or width}, seen as {model.input}")
        rows = ArrayStore(np.concatenate([model.input.encode(files[a : a + PIECE])[0] for a in range(0, 2048, PIECE)]))

        def read() -> None:
            for start in range(0, len(files), PIECE):
                model.input.encode(files[start : start + PIECE])

        def network() -> None:
            for start in range(0, len(files), PIECE):
                places = torch.arange(start, min(start + PIECE, len(files))) % len(rows)
                model.answers(model.decoded_rows(rows, places), [])

        def whole() -> None:
            out = io.StringIO()
            for name, _, answer in answered(model, ((str(file), file) for file in files)):
                print(json.dumps({"input": name, **answer}), file=out)

        network()
        before, rounds, busy = memory(), [], []
        for number in range(asked.rounds):
            taken = [timed(work) for work in (read, network, whole)]
            rounds.append([wall for wall, _ in taken])
            busy.append([cpu / len(files) * 1e6 for _, cpu in taken])
            reading, answering, streaming = rounds[-1]
            print(
                f"round {number}: read {len(files) / reading:,.0f}/s, network {len(files) / answering:,.0f}/s, "
                f"stream {len(files) / streaming:,.0f}/s",
                flush=True,
            )
        larger = statistics.median(s / max(r, n) for r, n, s in rounds)
        both = statistics.median(s / (r + n) for r, n, s in rounds)
        print(
            f"median of {len(rounds)} rounds: {len(files) / statistics.median(s for *_, s in rounds):,.0f} pictures/s; "
            f"{larger:.2f} of the larger part, {both:.2f} of the sum; memory {before} to {memory()} MiB"
        )
        cpu = [statistics.median(column) for column in zip(*busy, strict=True)]
        print(
            f"time of the processors a picture: read {cpu[0]:.0f} us, network {cpu[1]:.0f} us, stream {cpu[2]:.0f} us"
        )


if __name__ == "__main__":
    main()
