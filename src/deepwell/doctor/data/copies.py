"""Samples that are there more than once: on both sides of a split, or with different labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.features import number_of, tokens
from deepwell.doctor.data.part import Part
from deepwell.findings import Finding, Level

_PIECE = 256 << 10
"""Bytes that stay in the processor's cache while they are hashed."""


def digests(part: Part) -> np.ndarray:
    """64 bits of each sample's content, uint64 [n]; equal samples have equal ones. Made once."""
    if "exact" not in part.digests:
        part.digests["exact"] = _of_array(part.x) if isinstance(part.x, np.ndarray) else _of_list(part.x)
    return part.digests["exact"]


def _of_array(x: np.ndarray) -> np.ndarray:
    """Sum of the row's words times random odd numbers, modulo 2^64: as fast as the memory is read."""
    found = np.empty(len(x), np.uint64)
    width = int(np.prod(x.shape[1:], dtype=np.int64)) * x.dtype.itemsize
    padded = -(-width // 8) * 8
    weights = np.random.default_rng(5).integers(0, 2**63, padded // 8, dtype=np.uint64) * 2 + 1
    step = max(1, _PIECE // max(1, width))
    for start in range(0, len(x), step):
        piece = np.ascontiguousarray(x[start : start + step]).reshape(len(x[start : start + step]), -1).view(np.uint8)
        if padded != width:
            piece = np.pad(piece, ((0, 0), (0, padded - width)))
        words = piece.view(np.uint64)
        # the high half is folded in, as floats of few digits have nothing in their low bits
        found[start : start + step] = (words ^ (words >> np.uint64(29))) @ weights
    return found


def _of_list(x: list[Any]) -> np.ndarray:
    plain = (" ".join(item.split()) if isinstance(item, str) else "\x1f".join(map(str, item)) for item in x)
    return np.array([number_of(text) << 31 ^ hash_length(text) for text in plain], dtype=np.uint64)


def hash_length(text: str) -> int:
    """31 bits of a text's length and end, beside its checksum."""
    return (len(text) * 2654435761 ^ number_of(text[::-1][:500])) & 0x7FFFFFFF


def telling(part: Part) -> np.ndarray:
    """Which samples say so much that two equal ones are copies, bool [n].

    Short texts, blank pictures and rows of few possible values are equal by chance. A row of numbers counts where at
    least one column is continuous: more than half of its values are there once.
    """
    x = part.x
    if part.kind in ("texts", "words"):
        return np.array([_says_much(item) if part.kind == "texts" else len(item) >= 8 for item in x])
    if part.kind == "ids":
        flat = x.reshape(len(x), -1)
        return (flat != 0).sum(1) >= 8
    if part.kind == "table":
        some = x[part.sample(2000)].reshape(min(len(x), 2000), -1)
        fine = any(len(np.unique(column)) > 0.5 * len(some) for column in some.T[:200])
        return np.full(len(x), fine)
    flat = x.reshape(len(x), -1)
    middle = flat.shape[1] // 2
    step = max(1, flat.shape[1] // 64)
    found = (flat[:, ::step] != flat[:, :1]).any(1) | (flat[:, middle] != flat[:, 0])
    # pictures of two shades and few pixels have few forms
    shades = len(np.unique(flat[:200]))
    return found & (shades > 2 or flat.shape[1] > 400)


def _says_much(text: str) -> bool:
    """Five words, or of a script without spaces fifteen characters."""
    return len(text) >= 30 if " " in text.strip() and len(tokens(text, 5)) == 5 else len(tokens(text, 15)) == 15


def few_forms(part: Part) -> bool:
    """Whether equal samples are no wonder: drawn pictures of a few shades, of which many are there twice anyway."""
    if part.kind != "image" or len(np.unique(part.x[: max(1, 20_000 // max(1, part.x[0].size))])) > 4:
        return False
    found = digests(part)
    return len(np.unique(found)) < 0.98 * len(found)


def across(case: Case) -> Iterator[Finding]:
    """D14: the same sample in training and in what is held out; and samples that are there several times."""
    if case.kind == "unknown" or not len(case.train):
        return
    train = digests(case.train)
    for part in case.held_out:
        here = digests(part)
        same = np.isin(here, train) & _as_mask(telling(part), len(part))
        places = np.flatnonzero(same)
        if len(places) == len(part) == len(case.train) and case.train.rows is None:
            yield Finding("D14", "warn", part.name, "same_data", {"of": len(part)})
        elif len(places):
            # a handful is in many published sets
            many = len(places) >= 3 and len(places) >= 0.01 * len(part)
            level: Level = "warn" if many and not few_forms(case.train) else "note"
            row = int(places[0])
            other = int(np.flatnonzero(train == here[row])[0])
            found = {"count": len(places), "of": len(part), "row": part.row(row), "other": case.train.row(other)}
            yield Finding("D14", level, part.name, "across", {**found, "share": len(places) / len(part)})
    distinct = len(np.unique(train[telling(case.train)]))
    repeated = int(telling(case.train).sum()) - distinct
    if repeated >= 0.01 * len(train) and repeated >= 3:
        yield Finding("D14", "note", "train", "repeated", {"count": repeated, "of": len(train)})


def _as_mask(values: Any, count: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(values, dtype=bool), (count,))


def conflicts(case: Case) -> Iterator[Finding]:
    """D19: the same input with different labels: no model can be right on both."""
    if case.kind == "unknown" or case.answer != "classes" or len(case.train) < 2:
        return
    kept = np.flatnonzero(telling(case.train))
    if not len(kept):
        return
    labels = case.labels["train"][kept]
    found = conflicting(digests(case.train)[kept], labels)
    if not len(found):
        return
    row, other = (int(kept[i]) for i in found[0])
    names = case.names
    values = {
        "count": len(found),
        "of": len(kept),
        "row": case.train.row(row),
        "label": str(names[case.labels["train"][row]]),
        "other": case.train.row(other),
        "other_label": str(names[case.labels["train"][other]]),
    }
    many = len(found) >= 3 and len(found) >= 0.005 * len(kept)
    level: Level = "warn" if many and not few_forms(case.train) else "note"
    yield Finding("D19", level, "labels", "pairs", values)


def conflicting(found: np.ndarray, labels: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (row, an earlier equal row) whose labels differ.

    >>> conflicting(np.array([7, 8, 7]), np.array([0, 0, 1]))
    [(2, 0)]
    """
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    other = first[inverse.reshape(-1)]
    places = np.flatnonzero(labels != labels[other])
    return [(int(i), int(other[i])) for i in places]
