"""One busy foreign process per processor: deepwell beside the best fixed number of threads.

    python benchmarks/contention.py [--seconds 20]

The busy processes start after the training has begun, so the choice made in quiet must be answered.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

TRAIN = """
import sys, time
import numpy as np
import deepwell as dw
threads = int(sys.argv[1]) or None
x, y = np.random.default_rng(0).integers(0, 256, (6400, 28, 28), dtype=np.uint8), np.arange(6400) % 10
begin, marks = None, []
class Clock:
    def on_step(self, record):
        marks.append(time.perf_counter())
        if record.step == 10:
            print("started", flush=True)
        return "enough" if marks[-1] - marks[0] > float(sys.argv[2]) else None
learner = dw.Learner(dw.arrays(x, y), model="cnn", threads=threads)
learner.fit(epochs=10_000, batch_size=32, optimizer="adam", patience=0, callbacks=[Clock()], progress=False)
last = [m for m in marks if m > marks[-1] - float(sys.argv[2]) / 2]
print((last[-1] - last[0]) / (len(last) - 1) * 1e3)
"""


def measure(threads: int, length: float, burners: int) -> float:
    """Milliseconds a step over the last half of the time."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(threads), str(length)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(burners)]
    try:
        return float(process.stdout.read())
    finally:
        for burner in busy:
            burner.kill()
            burner.wait()
        process.wait()


def main() -> None:
    from deepwell.core.devices import processors

    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for burners in (0, processors()):
        rows: dict[str, list[float]] = {"deepwell": [], "1 thread": [], f"{processors()} threads": []}
        for _ in range(given.rounds):
            for name, threads in zip(rows, (0, 1, processors()), strict=True):
                rows[name].append(measure(threads, given.seconds, burners))
                time.sleep(0.5)
        medians = {name: round(statistics.median(values), 2) for name, values in rows.items()}
        best = min(medians["1 thread"], medians[f"{processors()} threads"])
        ratio = round(medians["deepwell"] / best, 2)
        print(
            json.dumps({"busy processes": burners, "milliseconds a step": medians, "deepwell / best": ratio}),
            flush=True,
        )


if __name__ == "__main__":
    main()
