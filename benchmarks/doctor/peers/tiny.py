"""Data small enough for a second of training, and the words in which a program says what its fault did.

Only NumPy is needed, so that every tool's environment can read it.
"""

# ruff: noqa: E501 - a program a paragraph, read beside the same one of another tool
from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Outcome(NamedTuple):
    """What became of the fault.

    Attributes:
        kind: ``done``: the harm was done, ``prevented``: the tool does it right whatever the user wrote, ``absent``: the
            tool has nothing in which this mistake could be written.
        text: the measurement, or the reason.
    """

    kind: str
    text: str


def done(text: str) -> Outcome:
    """The training (or its answer) is wrong; ``text`` has the number that shows it."""
    return Outcome("done", text)


def prevented(text: str) -> Outcome:
    """The tool did the right thing; ``text`` has the number that shows it."""
    return Outcome("prevented", text)


def absent(text: str) -> Outcome:
    """The mistake can't be written there; ``text`` says why."""
    return Outcome("absent", text)


def judged(wrong: bool, text: str) -> Outcome:
    """``done`` or ``prevented`` by a measurement."""
    return done(text) if wrong else prevented(text)


def main(programs: dict[str, Any], begin: Callable[[], Any]) -> None:
    """Run the faults that are named on the command line.

    With ``--into FOLDER`` first, each runs in a process of its own that is forked after the tool was imported, with what
    it prints in ``FOLDER/NAME.out`` and ``.err`` and its exit status in ``NAME.exit``.

    Args:
        programs: the functions by name.
        begin: sets the seeds.
    """
    names = sys.argv[1:]
    if names[0] != "--into":
        begin()
        print("\nOUTCOME " + json.dumps(programs[names[0]]()._asdict()), flush=True)
        return
    folder = Path(names[1])
    for name in names[2:]:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            os._exit(_alone(programs[name], begin, folder / name))
        _, status = os.waitpid(child, 0)
        (folder / f"{name}.exit").write_text(str(os.waitstatus_to_exitcode(status)))


def _alone(program: Callable[[], Outcome], begin: Callable[[], Any], path: Path) -> int:
    """Run one program with its output in files; gives the exit status that Python would give."""
    for number, ending in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(path.with_suffix(ending), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    code: Any = 0
    try:
        begin()
        outcome = program()
        print("\nOUTCOME " + json.dumps(outcome._asdict()), flush=True)
    except SystemExit as asked:
        code = asked.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(bool(code))


# ---- data


def blobs(n: int = 240, classes: int = 3, features: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clouds around one centre a class: x float32 [n, features], y int64 [n]."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(0, 2, (classes, features))
    y = random.permutation(np.arange(n) % classes)
    return (centres[y] + random.normal(0, 1, (n, features))).astype("float32"), y.astype("int64")


def numbers(n: int = 240, features: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A line with little noise: x float32 [n, features], y float32 [n], mean about 1, variance about 4."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 1, (n, features)).astype("float32")
    return x, (1 + x @ np.linspace(-1.5, 1.5, features) + random.normal(0, 0.1, n)).astype("float32")


def yes_or_no(n: int = 240, features: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds: x float32 [n, features], y float32 [n] of 0 and 1."""
    x, y = blobs(n, 2, features, seed)
    return x, y.astype("float32")


def rare(n: int = 320, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Yes-or-no data with one yes in ten, sorted in no way: x float32 [n, 8], y int64 [n]."""
    random = np.random.default_rng(seed)
    y = (random.random(n) < 0.1).astype("int64")
    x = random.normal(0, 1, (n, 8)) + y[:, None] * 0.9
    return x.astype("float32"), y


def pictures(n: int = 96, size: int = 8, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A bright patch in the class's corner: x float32 in [0, 255], [n, 3, size, size], y int64 [n]."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(0, 80, (n, 3, size, size)), np.arange(n) % classes
    half = size // 2
    for i, label in enumerate(y):
        top, left = half * (label // 2 % 2), half * (label % 2)
        x[i, :, top : top + half, left : left + half] += 150
    return x.astype("float32"), y.astype("int64")


def brightness(n: int = 96, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Even pictures of four brightnesses: x float32 in [0, 255], [n, 3, 8, 8], y int64 [n]."""
    y = np.arange(n) % 4
    x = 40 + 50 * y[:, None, None, None] + np.random.default_rng(seed).normal(0, 20, (n, 3, 8, 8))
    return np.clip(x, 0, 255).astype("float32"), y.astype("int64")


def normalised(x: np.ndarray) -> np.ndarray:
    """What the training of ``serving_differs`` makes of its pictures: mean 0, deviation 1."""
    return ((x - x.mean()) / x.std()).astype("float32")


def tagged(n: int = 16, length: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sentences of 2 to ``length`` words, short ones first: ids int64 [n, length] (0: padding), tags int64, -100: none."""
    random = np.random.default_rng(seed)
    ids, tags = np.zeros((n, length), "int64"), np.full((n, length), -100, "int64")
    for i, words in enumerate(np.linspace(2, length, n).astype(int)):
        ids[i, :words] = random.integers(1, 20, words)
        tags[i, :words] = ids[i, :words] % 3
    return ids, tags


def label_sets(n: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Several labels a sample, with the label's own number where 1 belongs: x float32 [n, 8], y float32 [n, 4]."""
    random = np.random.default_rng(seed)
    y = (random.random((n, 4)) < 0.4).astype("float32")
    x = y @ np.random.default_rng(5).normal(0, 1, (4, 8)) + random.normal(0, 0.3, (n, 8))
    return x.astype("float32"), y * np.arange(1, 5, dtype="float32")


def amounts(n: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Amounts from 0 to 9.99 of a line: x float32 [n, 4], y float32 [n]."""
    x, y = numbers(n, seed=seed)
    return x, np.clip(5 + y, 0, 9.99).astype("float32")


def in_order(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same samples sorted by label, as they lie in a folder of class folders."""
    order = np.argsort(y, kind="stable")
    return x[order], y[order]


# ---- what is measured


def f1(predicted: np.ndarray, y: np.ndarray) -> float:
    """F1 of the class 1; 0 where it is neither there nor predicted."""
    both = float(((predicted == 1) & (y == 1)).sum())
    return 2 * both / max(float((predicted == 1).sum() + (y == 1).sum()), 1.0)


def record() -> Path:
    """A new file in which the processes that draw augmentations write down what they drew."""
    handle, name = tempfile.mkstemp(suffix=".draws")
    os.close(handle)
    return Path(name)


def note(path: Path, item: int, draw: float) -> None:
    """Write down that ``draw`` was used for ``item``; safe between processes, as each write is one short line."""
    with open(path, "a") as file:
        file.write(f"{item} {draw:.9f}\n")


def repeated(path: Path) -> Outcome:
    """How many of all draws had been drawn before: a healthy program repeats none."""
    draws = [line.split()[1] for line in path.read_text().splitlines()]
    share = 1 - len(set(draws)) / len(draws)
    return judged(share > 0.2, f"{share:.0%} of {len(draws)} augmentations repeat an earlier one")


def resumed(before: Iterable[int], after: Iterable[int], whole: Iterable[int], epoch: int) -> Outcome:
    """Samples seen by a killed and resumed run, beside those of the run that was left alone.

    Args:
        before, after: ids seen until the kill, and from the resumption on.
        whole: ids of the uninterrupted run.
        epoch: samples an epoch.
    """
    together, alone = [*before, *after], list(whole)
    first = together[: 2 * epoch]
    missed = 2 * epoch - sum(min(first.count(i), 2) for i in set(first))
    same = together == alone
    return judged(
        not same, f"order as in the uninterrupted run: {same}; of two epochs, {missed} reads repeat or are lost"
    )
