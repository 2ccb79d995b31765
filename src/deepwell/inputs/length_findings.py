"""What encoded texts say of how they were read: cut off, or full of tokens that were not learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from deepwell.core.shapes import UNKNOWN
from deepwell.data.ragged import Ragged
from deepwell.findings import Finding, Level

_CUT, _MOST, _UNLEARNT = 0.05, 0.9, 0.3
_LOOKED_AT = 5_000


def cut_off(rows: Ragged, split: Any, length: int) -> list[Finding]:
    """D28: more than a twentieth of the training texts are as long as can be: what follows was not read. Nearly all
    of them are a warning.

    Args:
        rows: ids, or ids with counts; of these a row holds kinds of tokens, and is shorter than its text.
        split: has ``train`` and ``validation``, arrays of row numbers.
        length: of the longest text that is read whole, in tokens.
    """
    lengths = rows.lengths.numpy()[np.asarray(split.train)]
    share = float((lengths >= length).mean())
    if rows.flat.dim() > 1 or share <= _CUT:
        return []
    level: Level = "warn" if share > _MOST else "note"
    return [Finding("D28", level, "train", "cut", {"share": share, "count": len(lengths), "length": length})]


def not_learnt(rows: Ragged, split: Any) -> list[Finding]:
    """D29: more than three tenths of the validation part's tokens were not learnt.

    A word in ten is usual for small sets of English, where rare words are left out on purpose.

    Args:
        rows: ids; where a position holds several numbers its first.
        split: has ``validation``, an array of row numbers.
    """
    numbers = np.asarray(split.validation)[:_LOOKED_AT].tolist()
    if not numbers:
        return []
    flat = torch.cat([rows.row(number) for number in numbers])
    ids = flat if flat.dim() == 1 else flat[:, 0]
    share = float((ids == UNKNOWN).float().mean()) if len(ids) else 0.0
    if share <= _UNLEARNT:
        return []
    return [Finding("D29", "note", "validation", "unread", {"share": share, "count": len(ids)})]
