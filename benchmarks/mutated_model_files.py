"""Mutated model files: each loads right, or gives one clear error; none runs code, touches a file or fills the memory.

    python benchmarks/mutated_model_files.py [--files 10000] [--first 0]

Small models of every kind of input and output are trained, and their files mutated: bits flipped, cut anywhere, the
header and the description edited, weights made NaN or swapped (``model_files/file_mutations.py``). Each file is loaded
and asked in a process that hears what it does (``model_files/file_judge.py``); a process that dies is a fault of its
file.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "model_files"))

_PIECE = 1000
_ADDRESSES = 16 << 30
"""Bytes of address space of a process: PyTorch alone takes some."""


def worker(folder: Path, first: int, count: int) -> None:
    """Judge some files; a line of JSON each."""
    import PIL.Image
    import PIL.ImageFile
    import torch
    from file_judge import Ears, judge
    from file_mutations import EVERY, mutated
    from small_models import MODELS

    import deepwell as dw

    torch.set_num_threads(1)
    originals = {name: (folder / f"{name}.safetensors").read_bytes() for name in MODELS}
    asked = {name: small.asked() for name, small in MODELS.items()}
    PIL.Image.init()  # what is loaded when a picture is first resized is not the files' doing
    right = {name: dw.load(folder / f"{name}.safetensors").predict(asked[name]) for name in MODELS}
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    ears, file, names = Ears(), folder / f"mutated-{first}.safetensors", list(MODELS)
    for seed in range(first, first + count):
        name = names[seed // len(EVERY) % len(names)]
        print(json.dumps({"seed": seed, "model": name}), flush=True)
        mutation, content = mutated(originals[name], seed)
        file.write_bytes(content)
        verdict = judge(file, asked[name], right[name], ears)
        said = {"seed": seed, "mutation": mutation, "kind": verdict.kind, "words": verdict.words[:300]}
        print(json.dumps({**said, "fault": verdict.is_fault}), flush=True)
    file.unlink()


def rows_of(folder: Path, first: int, count: int) -> list[dict[str, Any]]:
    """The verdicts of a worker process; where it died, a fault of the file it had, and a new worker for the rest."""
    found: list[dict[str, Any]] = []
    while count:
        command = [sys.executable, __file__, "--worker", str(folder), "--first", str(first), "--files", str(count)]
        done = subprocess.run(command, capture_output=True, text=True)
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        judged = [row for row in rows if "kind" in row]
        found += judged
        if done.returncode == 0:
            return found
        words = (done.stderr.strip().splitlines() or ["no words"])[-1]
        found.append(
            {"seed": first + len(judged), "mutation": "?", "kind": "died", "words": words[:300], "fault": True}
        )
        count -= len(judged) + 1
        first += len(judged) + 1
    return found


def main() -> int:
    """Exit code 1 where a file did what none may."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--worker", type=Path)
    given = parser.parse_args()
    if given.worker is not None:
        worker(given.worker, given.first, given.files)
        return 0
    import torch
    from small_models import MODELS, train

    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        for name in MODELS:
            train(name).save(Path(place) / f"{name}.safetensors")
        rows: list[dict[str, Any]] = []
        for start in range(given.first, given.first + given.files, _PIECE):
            rows += rows_of(Path(place), start, min(_PIECE, given.first + given.files - start))
            print(f"{len(rows):,} files, {sum(row['fault'] for row in rows)} faults", file=sys.stderr, flush=True)
        left = sorted({path.name for path in Path(place).iterdir()} - {f"{name}.safetensors" for name in MODELS})
    faults = [row for row in rows if row["fault"]]
    print(
        f"torch {torch.__version__}: {len(rows):,} files of {len(MODELS)} models, {time.perf_counter() - begun:.0f} s"
    )
    print("  " + ", ".join(f"{kind} {count:,}" for kind, count in Counter(row["kind"] for row in rows).most_common()))
    for mutation in sorted({row["mutation"] for row in rows}):
        kinds = Counter(row["kind"] for row in rows if row["mutation"] == mutation)
        print(f"  {mutation:24} " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common()))
    for row in faults[:40]:
        print(f"  FAULT seed {row['seed']} {row['mutation']}: {row['kind']}: {row['words']}")
    if left:
        print(f"  FAULT files left behind: {left}")
    print(f"{len(faults)} faults")
    return 1 if faults or left else 0


if __name__ == "__main__":
    sys.exit(main())
