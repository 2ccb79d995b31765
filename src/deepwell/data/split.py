"""Training, validation and test parts: stratified, with equal samples on one side, written down."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.core.seeds import mix
from deepwell.data.source import PARTS

_SPLIT = 13


@dataclass(frozen=True)
class Split:
    """Row numbers of each part, sorted, int64; ``dropped`` rows are in none.

    Attributes:
        dropped: training rows whose content is also in a test or validation part that the source brought.
        made: how it came about: given or drawn, with seed and shares.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    dropped: np.ndarray
    made: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the run's folder."""
        rows = {name: getattr(self, name).tolist() for name in (*PARTS, "dropped")}
        return {"made": dict(self.made), "counts": {k: len(v) for k, v in rows.items()}, **rows}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Split:
        """Undo ``to_json``."""
        train, validation, test, dropped = (np.array(value[k], dtype=np.int64) for k in (*PARTS, "dropped"))
        return cls(train, validation, test, dropped, dict(value["made"]))


def make(
    labels: Sequence[Any] | np.ndarray,
    digests: np.ndarray | None,
    *,
    validation: float = 0.1,
    test: float = 0.0,
    seed: int = 0,
    parts: Sequence[str] | None = None,
) -> Split:
    """Split samples.

    Samples of equal content (equal digest) stay together; groups are drawn at random within each label, so
    that every part has each label in about its share, and never as the tail of the data. Parts that the
    source brought are kept; what is missing of them is drawn from the training part.

    Args:
        labels: one a sample.
        digests: of each sample's content, [n]; None: every sample is taken to be different.
        validation, test: shares of what is split, from 0 to less than 1.
        seed: of the draw.
        parts: ``train``, ``validation`` or ``test`` for each sample.

    Raises:
        UserError: shares out of range, or nothing left to train on.
        ValueError: digests or parts of another number than the labels.

    >>> s = make(["a", "b"] * 10, None, validation=0.2)
    >>> len(s.train), len(s.validation), len(s.test)
    (16, 4, 0)
    """
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise UserError(f"the {name} share is {share}", expected="a number from 0 to less than 1, such as 0.1")
    if validation + test >= 1:
        raise UserError(f"validation and test take {validation + test:g} of the samples", expected="less than 1")
    count = len(labels)
    if count < 2:
        raise UserError(
            "there is 1 sample" if count == 1 else "there are no samples", expected="at least 2 to learn from"
        )
    if (digests is not None and len(digests) != count) or (parts is not None and len(parts) != count):
        raise ValueError(f"{count} labels, but another number of digests or parts")
    groups = np.arange(count) if digests is None else np.unique(digests, return_inverse=True)[1]
    side = np.array(
        [0 if parts is None else PARTS.index(part) for part in (["train"] * count if parts is None else parts)]
    )
    given = {PARTS[i] for i in np.unique(side)} if parts is not None else set()
    dropped = np.zeros(count, dtype=bool)
    if parts is not None:  # what is tested on must not be trained on
        held = np.unique(groups[side > 0])
        dropped = (side == 0) & np.isin(groups, held)
        tested = np.unique(groups[side == 2])
        dropped |= (side == 1) & np.isin(groups, tested)
    rows = np.flatnonzero((side == 0) & ~dropped)
    drawn_validation = 0.0 if "validation" in given else validation
    drawn_test = 0.0 if "test" in given else test
    drawn = _draw(rows, labels, groups, (drawn_validation, drawn_test), seed)
    for part, chosen in drawn.items():
        side[chosen] = PARTS.index(part)
    side[dropped] = -1
    found = [np.flatnonzero(side == i) for i in range(3)]
    if not len(found[0]):
        if dropped.any():
            raise UserError(
                "every training sample is also in the validation or test part, so none is left to train on",
                expected="parts that hold different samples",
                fix="check that the folders or files of the parts are no copies of each other",
            )
        raise UserError("no sample is left to train on", expected="training samples, or smaller shares held out")
    made = {
        "given": sorted(given),
        "seed": seed,
        "validation": drawn_validation,
        "test": drawn_test,
        "equal_samples": int(count - len(np.unique(groups))),
    }
    return Split(found[0], found[1], found[2], np.flatnonzero(dropped), made)


def _stratum(label: Any) -> str:
    """What a sample is drawn with: its label; of one-hot or soft targets the largest."""
    values = np.asarray(label)
    return str(int(values.argmax())) if values.ndim else str(values)


def _draw(
    rows: np.ndarray, labels: Sequence[Any] | np.ndarray, groups: np.ndarray, shares: tuple[float, float], seed: int
) -> dict[str, np.ndarray]:
    """Rows for validation and test: whole groups, label by label, until each share is filled."""
    members: dict[int, list[int]] = defaultdict(list)
    for row in rows.tolist():
        members[int(groups[row])].append(row)
    by_label: dict[str, list[list[int]]] = defaultdict(list)
    for group in members.values():
        commonest = Counter(_stratum(labels[row]) for row in group).most_common(1)[0][0]
        by_label[commonest].append(group)
    chosen: dict[str, list[int]] = {"validation": [], "test": []}
    for number, label in enumerate(sorted(by_label)):
        found = by_label[label]
        order = np.random.default_rng(mix(_SPLIT, seed, number)).permutation(len(found))
        left = [found[place] for place in order]
        total = sum(len(group) for group in found)
        # a label that is never measured is a label that may be wrong; with two samples the validation part goes first
        for part, share, needed in (("test", shares[1], 3), ("validation", shares[0], 2)):
            wanted = round(total * share)
            if share and not wanted and len(found) >= needed:
                wanted = 1
            taken, left = _fill(left, wanted)
            chosen[part] += taken
    return {part: np.array(sorted(found), dtype=np.int64) for part, found in chosen.items()}


def _fill(groups: list[list[int]], wanted: int) -> tuple[list[int], list[list[int]]]:
    """Rows of whole groups, ``wanted`` of them or as near as the groups allow, and the groups left: at least one.

    A group that is larger than what is still wanted is passed over, so that a picture that occurs a hundred times
    does not become the whole part; the smallest is taken where none fits.
    """
    taken: list[int] = []
    left: list[list[int]] = []
    for number, group in enumerate(groups):
        last = not left and number == len(groups) - 1
        if len(group) <= wanted - len(taken) and not last:
            taken += group
        else:
            left.append(group)
    if wanted and not taken and len(left) > 1:
        smallest = min(range(len(left)), key=lambda i: len(left[i]))
        taken += left.pop(smallest)
    return taken, left
