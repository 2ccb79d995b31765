"""kill -9 at random instants of a training with augmentation and dropout; every resumed run must end with the same
bytes as the one that was left alone.

    python benchmarks/kill_resume.py [--kills 30] [--kind pictures|texts|tags]

Texts and tags are batched by length, so that the order of the batches is tested too. Kills fall mid-epoch and while
checkpoints are written (every second step). Exit code 1 where a byte differs.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.torch import load_file

COMMON = ["--threads", "1", "--exact", "--checkpoint-steps", "2", "--patience", "0"]
KINDS = {
    "pictures": "--model cnn --epochs 12 --batch-size 32 --dropout 0.4 --augment flip,crop=1,rotate=10,erase=0.3",
    "texts": "--model lstm --epochs 6 --batch-size 16 --dropout 0.4 --minimum-count 1 --target label",
    "tags": "--epochs 8 --batch-size 16 --dropout 0.4 --minimum-count 1",
}


def source(kind: str, folder: Path) -> str:
    """The name of a set, or a file of texts or tagged sentences of many lengths, made by a rule."""
    if kind == "pictures":
        return "digits"
    draw = random.Random(1)
    rows = [[draw.choice("abcdefghijklmnop") for _ in range(1 + draw.randrange(60))] for _ in range(800)]
    path = folder / ("texts.csv" if kind == "texts" else "tags.conll")
    if kind == "texts":
        lines = ["text,label", *(f"{' '.join(row)},{'even' if row.count('a') % 2 == 0 else 'odd'}" for row in rows)]
    else:
        lines = ["\n".join(f"{c}\t{'A' if c in 'aeio' else 'B'}" for c in row) + "\n" for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def start(*words: str) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-m", "deepwell", *words], stdout=quiet, stderr=quiet)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--kind", choices=sorted(KINDS), default="pictures")
    given = parser.parse_args()
    wanted, options = given.kills, [*KINDS[given.kind].split(), *COMMON]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rng = random.Random(0)
    kills = runs = before = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = source(given.kind, place)
        assert start("train", data, "--out", str(place / "alone"), *options).wait() == 0
        expected = load_file(place / "alone/model.safetensors")
        while kills < wanted:
            runs += 1
            out = place / f"run{runs}"
            process = start("train", data, "--out", str(out), *options)
            for _ in range(5):
                while process.poll() is None and not (out / "run.json").exists():
                    time.sleep(0.01)
                time.sleep(rng.uniform(0.05, 6.0))
                if process.poll() is not None or kills >= wanted:
                    break
                process.kill()
                process.wait()
                kills += 1
                before += not list((out / "checkpoints").glob("step-*"))
                process = start("resume", str(out))
            if process.wait() != 0:
                print(f"run {runs} did not end well")
                return 1
            found = load_file(out / "model.safetensors")
            same = found.keys() == expected.keys() and all(
                found[k].numpy().tobytes() == expected[k].numpy().tobytes() for k in expected
            )
            print(f"run {runs}: {kills} kills so far, {'same bytes' if same else 'DIFFERENT'}", flush=True)
            if not same:
                return 1
    print(f"{kills} kills ({before} before the first checkpoint) in {runs} runs: every run ended with the same bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
