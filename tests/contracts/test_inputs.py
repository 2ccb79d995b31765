"""One suite for every input that is encoded to arrays; ``test_id_inputs`` has the one for ragged rows of ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from tests.contracts.test_id_inputs import ROWS as ID_ROWS

from deepwell.core.errors import UserError
from deepwell.core.protocols import Input
from deepwell.data.store import ArrayStore
from deepwell.inputs import INPUTS, Augment


@dataclass(frozen=True)
class Row:
    """What the suite needs of one input."""

    kind: str
    samples: Callable[[int], Any]
    """seed -> 24 raw samples."""
    bad: Any
    """A list with one sample that can't be read, at place 1."""
    options: dict[str, Any] = field(default_factory=dict)
    restores: bool = True


def shades(*shape: int, dtype: str = "uint8") -> Callable[[int], np.ndarray]:
    def make(seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (24, *shape)).astype(dtype)

    return make


AUGMENT = Augment(flip=True, crop=2, rotate=10, brightness=0.2, contrast=0.2, erase=0.5)
CROP = Augment(flip=True, flip_vertical=True, crop=2)
BAD = [np.zeros((9, 7), np.uint8), np.zeros((0, 4), np.uint8)]

ROWS = {
    "image grey": Row("image", shades(9, 7), BAD, {"augment": CROP}),
    "image colour": Row("image", shades(9, 7, 3), BAD, {"augment": AUGMENT}),
    "image of mixed sizes": Row(
        "image", lambda seed: [shades(8 + i % 3, 9, 3)(seed)[0] for i in range(24)], BAD, {"size": (9, 8)}
    ),
    "image of floats from 0 to 1": Row("image", lambda seed: shades(9, 7)(seed) / 255, BAD, {"augment": CROP}),
    "image of other floats": Row(
        "image", lambda seed: shades(9, 7)(seed) / 50 - 2, BAD, {"augment": AUGMENT}, restores=False
    ),
    "image of 16 bits": Row("image", lambda seed: shades(9, 7)(seed).astype(np.uint16) * 257, BAD),
}


@pytest.fixture(params=sorted(ROWS))
def row(request: pytest.FixtureRequest) -> Row:
    return ROWS[request.param]


def learnt(row: Row, raw: Any, train: torch.Tensor | None = None) -> tuple[Any, ArrayStore]:
    made = INPUTS[row.kind](**row.options)
    made.survey(raw)
    encoded, problems = made.encode(raw)
    assert not problems
    rows = ArrayStore(encoded)
    made.learn(rows, torch.arange(24) if train is None else train)
    return made, rows


def test_every_input_has_a_row() -> None:
    assert {row.kind for row in ROWS.values()} | {row.kind for row in ID_ROWS.values()} == set(INPUTS)


def test_protocol(row: Row) -> None:
    made, _ = learnt(row, row.samples(0))
    assert isinstance(made, Input)
    assert made.kind == row.kind
    assert made.mask(torch.zeros(1)) is None


def test_learns_from_the_training_rows_alone(row: Row) -> None:
    first, other = row.samples(0), row.samples(1)
    changed = [*first[:16], *other[16:]]
    changed = np.stack(changed) if isinstance(first, np.ndarray) else changed
    states = [learnt(row, raw, torch.arange(16))[0].state() for raw in (first, changed)]
    assert states[0] == states[1]
    assert learnt(row, other, torch.arange(16))[0].state() != states[0]


def test_mean_and_deviation(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    x = made.prepare(rows.gather(torch.arange(24))).double()
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(x.shape[1]).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std((0, 2, 3), correction=0), torch.ones(x.shape[1]).double(), atol=1e-4, rtol=0)


def test_state_round_trip_bit_for_bit(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    again = INPUTS[row.kind].from_state(json.loads(json.dumps(made.state())))
    assert again.state() == made.state()
    assert again.shape == made.shape
    x, ids = rows.gather(torch.arange(9)), torch.arange(9)
    assert torch.equal(again.prepare(x), made.prepare(x))
    assert torch.equal(again.prepare(x, ids=ids, seed=3, epoch=2), made.prepare(x, ids=ids, seed=3, epoch=2))
    encoded, _ = again.encode(row.samples(1))
    assert np.array_equal(encoded, made.encode(row.samples(1))[0])


def test_one_is_encoded_as_many(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    raw = row.samples(0)
    alone = np.concatenate([made.encode(raw[i : i + 1])[0] for i in range(24)])
    assert np.array_equal(alone, rows.array)
    listed, _ = made.encode(list(raw))
    assert np.array_equal(listed, rows.array), "a list of samples is encoded as the array of them"


def test_prepared_for_the_model(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    encoded = rows.gather(torch.arange(24))
    before = encoded.clone()
    x = made.prepare(encoded)
    assert x.shape == (24, *made.shape)
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(x, made.prepare(encoded)), "without ids nothing is drawn"
    assert torch.equal(x, torch.cat([made.prepare(one[None]) for one in encoded]))
    made.prepare(encoded, ids=torch.arange(24))
    assert torch.equal(encoded, before), "the batch is not changed in place"
    assert made.prepare(encoded[:0]).shape == (0, *made.shape)


def test_augmented_by_sample_and_not_by_batch(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    ids = torch.arange(500, 524)
    encoded = rows.gather(torch.arange(24))

    def go(which: torch.Tensor, **when: int) -> torch.Tensor:
        return made.prepare(encoded[which], ids=ids[which], **{"seed": 1, "epoch": 3, **when})

    whole = go(torch.arange(24))
    for size in (1, 5, 16):
        assert torch.equal(whole, torch.cat([go(part) for part in torch.arange(24).split(size)])), size
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    assert torch.equal(whole[order], go(order))
    if made.augment.active:
        assert not torch.equal(whole, go(torch.arange(24), epoch=4))
        assert not torch.equal(whole, go(torch.arange(24), seed=2))
        assert not torch.equal(whole, made.prepare(encoded))


def test_restored(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    encoded = rows.gather(torch.arange(24))
    drawn = made.restore(made.prepare(encoded))
    assert drawn.dtype == torch.uint8
    assert drawn.shape == encoded.shape
    if row.restores:
        assert int((drawn.int() - encoded.int()).abs().max()) <= 1
    else:
        flat = [v.flatten().double() for v in (drawn, encoded)]
        assert float(torch.corrcoef(torch.stack(flat))[0, 1]) > 0.999


def test_bad_samples_are_named_by_their_place(row: Row) -> None:
    made, _ = learnt(row, row.samples(0))
    encoded, problems = made.encode(row.bad)
    assert len(encoded) == 2
    assert [position for position, _ in problems if position == 1] == [1]
    assert all(why for _, why in problems)


def test_what_is_not_ready_says_so(row: Row) -> None:
    made = INPUTS[row.kind]()
    with pytest.raises(UserError, match="not known yet"):
        made.encode(row.samples(0))
    made = INPUTS[row.kind](**row.options)
    raw = row.samples(0)
    made.survey(raw)
    encoded = torch.from_numpy(made.encode(raw)[0])
    with pytest.raises(UserError, match="call learn first"):
        made.prepare(encoded)
    with pytest.raises(UserError, match="no training"):
        made.learn(ArrayStore(encoded.numpy()), torch.arange(0))
    made.learn(ArrayStore(encoded.numpy()), torch.arange(24))
    with pytest.raises(UserError, match="of shape"):
        made.prepare(encoded[:, :-1])


HOSTILE = [None, [], {}, "x", -1, 0, 1e400, float("nan"), [1e400], ["a"], [[]], True, 10**30, {"a": 1}]


def test_hostile_states(row: Row) -> None:
    made, _ = learnt(row, row.samples(0))
    state = made.state()
    for name in state:
        for value in HOSTILE:
            try:
                back = INPUTS[row.kind].from_state({**state, name: value})
            except UserError:
                continue
            assert back.state()[name] == value or name == "augment", f"{name} took {value!r}"
        if name not in ("version", "augment"):
            with pytest.raises(UserError, match=name):
                INPUTS[row.kind].from_state({k: v for k, v in state.items() if k != name})
