"""Seconds of a fresh process: ``deepwell --help``, ``import deepwell``, and from fit() to the first finished step.

python benchmarks/start_up.py [--runs 10]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

FIRST_STEP = """
import time
begin = time.perf_counter()
import numpy as np
import deepwell as dw
x, y = np.random.randint(0, 256, (6400, 28, 28), dtype=np.uint8), np.arange(6400) % 10
class First:
    def on_step(self, record):
        print(time.perf_counter() - begin)
        raise SystemExit
learner = dw.Learner(dw.arrays(x, y), model="cnn")
learner.fit(epochs=1, batch_size=32, optimizer="adam", callbacks=[First()], progress=False)
"""


def seconds(words: list[str], runs: int) -> list[float]:
    found = []
    for _ in range(runs):
        begin = time.perf_counter()
        subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
        found.append(time.perf_counter() - begin)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    first = [
        float(subprocess.run([sys.executable, "-c", FIRST_STEP], capture_output=True, text=True, check=True).stdout)
        for _ in range(runs)
    ]
    rows = {
        "python -c pass": seconds([sys.executable, "-c", "pass"], runs),
        "deepwell --help": seconds([sys.executable, "-m", "deepwell", "--help"], runs),
        "import deepwell": seconds([sys.executable, "-c", "import deepwell"], runs),
        "import torch": seconds([sys.executable, "-c", "import torch"], runs),
        "to the first step, import and race included (the first raced, the others remembered)": first,
    }
    for name, values in rows.items():
        print(
            json.dumps({name: {"median": round(statistics.median(values), 3), "runs": [round(v, 3) for v in values]}})
        )


if __name__ == "__main__":
    main()
