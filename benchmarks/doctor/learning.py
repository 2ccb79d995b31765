"""Do the healthy programs really learn? Each is trained beside a twin whose steps are too small to change anything.

    OMP_NUM_THREADS=1 python benchmarks/doctor/learning.py [--programs NAME ...] [--seeds 0 1]

A program learns if it covers two fifths of the way from its twin's score to the best score there is, on data that
neither has seen, with every seed. The best is 1, or what ``BEST`` says of a task that nobody can solve.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from healthy import HEALTHY
from programs import PROGRAMS, Program, train

RECORD = Path(__file__).resolve().parents[1] / "records" / "doctor_healthy.json"
SHARE = 0.4
BEST = {"gan": 0.0, "wasserstein": 0.0, "mostly noise": 0.3, "poisson counts": 0.7, "policy gradient": 1.0}


def untrained(program: Program) -> Program:
    """The same program, standing still."""
    return replace(program, learning_rate=1e-12, schedule=None, epochs=1, learner=_still(program.learner))


def _still(options: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in options.items() if key not in ("schedule", "warmup")}


def measured(program: Program, seeds: list[int]) -> dict[str, object]:
    """Scores, the twin's scores, and whether it learns."""
    trained = [train(program, seed).score for seed in seeds]
    twin = [train(untrained(program), seed).score for seed in seeds]
    best = BEST.get(program.name, 1.0)
    learns = all(a - b >= SHARE * (best - b) for a, b in zip(trained, twin, strict=True))
    return {"scores": [round(s, 4) for s in trained], "untrained": [round(s, 4) for s in twin], "learns": learns}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", nargs="+", default=[*PROGRAMS, *HEALTHY])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    found = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for name in given.programs:
        found[name] = measured({**PROGRAMS, **HEALTHY}[name], given.seeds)
        print(f"{name:42s} {'learns' if found[name]['learns'] else 'DOES NOT LEARN'} {found[name]}", flush=True)
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items())
        RECORD.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    print(f"{sum(row['learns'] for row in found.values())} of {len(found)} learn")


if __name__ == "__main__":
    main()
