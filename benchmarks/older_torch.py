"""The same answers under an older PyTorch: models trained by one version, answered by another, and the reverse.

    python benchmarks/older_torch.py --other OLDER/bin/python

``OLDER`` is an environment with deepwell and the oldest PyTorch that is supported (torch 2.8.0). Small models of every
kind of input and output (``model_files/small_models.py``) are trained here; their files are loaded there, under another
working directory, and asked the same samples; then the other way round. A line a model: the largest difference of a
probability, and whether all predictions are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "model_files"))

TOLERANCE = 1e-5


def trained(folder: Path) -> dict[str, Any]:
    """Train every small model here, write its file; its answers as they are before it is saved."""
    from small_models import MODELS, plain, train

    found = {}
    for name, small in MODELS.items():
        learner = train(name)
        learner.save(folder / f"{name}.safetensors")
        found[name] = plain(learner.predict(small.asked()))
    return found


def answered(folder: Path) -> dict[str, Any]:
    """What the model files in a folder answer here."""
    from small_models import MODELS, plain

    import deepwell as dw

    return {
        name: plain(dw.load(folder / f"{name}.safetensors").predict(small.asked())) for name, small in MODELS.items()
    }


def numbers(value: Any) -> Iterator[float]:
    """All floats of an answer, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


def names(value: Any) -> Any:
    """An answer without its floats."""
    if isinstance(value, dict):
        return {key: names(item) for key, item in value.items()}
    if isinstance(value, list):
        return [names(item) for item in value]
    return None if isinstance(value, float) else value


def there(python: str, task: str, folder: Path) -> Any:
    """A task in the other environment, from a working directory of its own."""
    with tempfile.TemporaryDirectory() as elsewhere:
        command = [python, str(Path(__file__).resolve()), "--task", task, "--folder", str(folder)]
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=elsewhere, env=clean)
    if done.returncode:
        raise SystemExit(f"{task} failed in the other environment:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(wanted: dict[str, Any], found: dict[str, Any], words: str) -> bool:
    """Print a line a model; whether all are within the tolerance."""
    print(words)
    fine = True
    for name, answers in wanted.items():
        pairs = list(zip(numbers(answers), numbers(found[name]), strict=True))
        apart = max((abs(a - b) for a, b in pairs), default=0.0)
        same = names(answers) == names(found[name])
        fine &= same and apart <= TOLERANCE
        how = "bit for bit" if answers == found[name] else f"largest difference {apart:.1e}"
        print(f"  {name:16} {len(pairs):4} numbers, {how}{'' if same else ', ANOTHER PREDICTION'}")
    return fine


def main() -> int:
    """Exit code 1 where answers differ by more than 1e-5."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--other", help="the Python of the older environment")
    parser.add_argument("--task", choices=["train", "answer"])
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    if given.task:
        answers = (trained if given.task == "train" else answered)(given.folder)
        print(json.dumps({"torch": torch.__version__, "answers": answers}))
        return 0
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        ours = trained(Path(first))
        theirs = there(given.other, "answer", Path(first))
        fine = compare(ours, theirs["answers"], f"trained by torch {torch.__version__}, answered by {theirs['torch']}:")
        made = there(given.other, "train", Path(second))
        words = f"trained by torch {made['torch']}, answered by {torch.__version__}:"
        fine &= compare(made["answers"], answered(Path(second)), words)
    print(f"all within {TOLERANCE:g}" if fine else f"NOT all within {TOLERANCE:g}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
