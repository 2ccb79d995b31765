"""One suite for every output that answers for each position. A new one passes it by adding a row."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.core.protocols import Output
from deepwell.core.shapes import IGNORED
from deepwell.outputs import OUTPUTS

N = 24


@dataclass(frozen=True)
class Row:
    """What the suite needs of one output."""

    kind: str
    targets: Callable[[int], list[list[str]]]
    """seed -> N lists of answers of different lengths, all the answers among the first 12."""
    bad: list[Any]
    unseen: list[list[str]]
    options: dict[str, Any] = field(default_factory=dict)


def plain(seed: int) -> list[list[str]]:
    draw = random.Random(seed)
    return [["NN", "VB", "DT"], *([draw.choice(["NN", "VB", "DT"]) for _ in range(1 + i % 6)] for i in range(N - 1))]


def spans(seed: int) -> list[list[str]]:
    draw = random.Random(seed)
    pieces = [["O"], ["B-PER"], ["B-PER", "I-PER"], ["B-LOC", "I-LOC", "I-LOC"], ["O", "O"]]
    every = [tag for piece in pieces for tag in piece]
    return [every, *([t for _ in range(1 + i % 4) for t in draw.choice(pieces)] for i in range(N - 1))]


def segments(seed: int) -> list[list[str]]:
    draw = random.Random(seed)
    pieces = [["S"], ["B", "E"], ["B", "M", "E"], ["B", "M", "M", "E"]]
    return [["S", "B", "M", "E"], *([t for _ in range(1 + i % 4) for t in draw.choice(pieces)] for i in range(N - 1))]


BAD = [[["A"]] * N, [["A", None]] * N, ["AB"] * N, [None] * N, [["A", ""]] * N]

ROWS = {
    "tags, crf": Row("tags", plain, BAD, [["NN", "XX"]]),
    "tags, linear": Row("tags", plain, BAD, [["NN", "XX"]], {"head": "linear", "label_smoothing": 0.1}),
    "spans, crf": Row("tags", spans, [*BAD, [["O", "I-PER", "B-PER", "I-LOC"]] * N], [["B-XX"]], {"scheme": "bio"}),
    "segments": Row("tags", segments, BAD, [["X"]]),
}


@pytest.fixture(params=sorted(ROWS))
def row(request: pytest.FixtureRequest) -> Row:
    return ROWS[request.param]


def learnt(row: Row, seed: int = 0) -> Any:
    made = OUTPUTS[row.kind](**row.options)
    made.learn(row.targets(seed), np.arange(N))
    return made


def scored(made: Any, targets: torch.Tensor, *, strength: float = 0.0) -> tuple[Any, torch.Tensor]:
    """A head, and scores that favour the targets by so much."""
    torch.manual_seed(0)
    head = made.head(5)
    scores = torch.randn(*targets.shape, len(made.classes))
    scores += strength * torch.nn.functional.one_hot(targets.clamp(min=0), len(made.classes))
    return head, scores


def test_protocol(row: Row) -> None:
    assert isinstance(OUTPUTS[row.kind](**row.options), Output)
    assert OUTPUTS[row.kind].per_position


def test_one_is_encoded_as_many_and_padding_is_ignored(row: Row) -> None:
    made, raw = learnt(row), row.targets(1)
    encoded = made.encode(raw)
    whole = encoded[torch.arange(N)]
    for number, tags in enumerate(raw):
        assert torch.equal(made.encode([tags]).row(0), encoded.row(number))
        assert bool((whole[number, len(tags) :] == IGNORED).all())
        assert [made.classes[i] for i in whole[number, : len(tags)]] == tags


def test_answers_are_the_raw_targets(row: Row) -> None:
    made, raw = learnt(row), row.targets(1)
    targets = made.encode(raw)[torch.arange(N)]
    head, scores = scored(made, targets, strength=30)
    decoded = made.decode(scores, mask=targets != IGNORED, head=head)
    assert made.names(decoded) == raw
    tally = made.tally(decoded, targets)
    assert all(value == 1 for value in made.measured(tally).values())
    words = [[(f"w{i}", 3 * i, 3 * i + 2) for i in range(len(tags))] for tags in raw]
    for answer, tags in zip(made.answers(decoded, words), raw, strict=True):
        assert json.loads(json.dumps(answer)) == answer
        assert answer["tags"] == tags
        assert min(answer["confidence"]) > 0.9


def test_sums_are_pooled_and_padding_counts_for_nothing(row: Row) -> None:
    made = learnt(row)
    targets = made.encode(row.targets(1))[torch.arange(N)]
    head, scores = scored(made, targets)
    mask = targets != IGNORED
    total, count = made.loss(scores, targets, head=head)
    tally = made.tally(made.decode(scores, mask=mask, head=head), targets)
    sums, counts, tallies = [], [], []
    for s, t in zip(scores.split(7), targets.split(7), strict=True):
        longest = int((t != IGNORED).sum(1).max())
        s, t = s[:, :longest], t[:, :longest]
        one, of = made.loss(s, t, head=head)
        sums.append(one)
        counts.append(of)
        tallies.append(made.tally(made.decode(s, mask=t != IGNORED, head=head), t))
    torch.testing.assert_close(sum(sums), total)
    assert sum(counts) == count == mask.sum()
    assert torch.equal(sum(tallies), tally)


def test_the_loss_falls_along_its_gradient(row: Row) -> None:
    made = learnt(row)
    targets = made.encode(row.targets(1))[torch.arange(N)]
    head, scores = scored(made, targets)
    scores.requires_grad_()
    before = made.loss(scores, targets, head=head)[0]
    (gradient,) = torch.autograd.grad(before, scores)
    assert bool((gradient[targets == IGNORED] == 0).all())
    assert made.loss(scores - 0.1 * gradient, targets, head=head)[0] < before


def test_state_round_trip(row: Row) -> None:
    made = learnt(row)
    again = OUTPUTS[row.kind].from_state(json.loads(json.dumps({"kind": row.kind, **made.state()})))
    assert again.state() == made.state()
    targets = made.encode(row.targets(1))[torch.arange(N)]
    head, scores = scored(made, targets)
    other = again.head(5)
    other.load_state_dict(head.state_dict())
    mask = targets != IGNORED
    assert again.decode(scores, mask=mask, head=other) == made.decode(scores, mask=mask, head=head)


def test_bad_targets_are_refused(row: Row) -> None:
    for bad in row.bad:
        with pytest.raises(UserError):
            OUTPUTS[row.kind](**row.options).learn(bad, np.arange(N))
    with pytest.raises(UserError, match=r"sentence 1 has the tag|the scheme"):
        learnt(row).encode(row.unseen)


HOSTILE = [None, [], {}, "x", -1, 0, 1e400, float("nan"), ["a"], ["a", "a"], [[]], True, 10**30, ["a", 1]]


def test_hostile_states(row: Row) -> None:
    state = learnt(row).state()
    for name in state:
        for value in HOSTILE:
            try:
                back = OUTPUTS[row.kind].from_state({**state, name: value})
            except UserError:
                continue
            assert back.state()[name] == value, f"{name} took {value!r}"
        with pytest.raises(UserError, match=name):
            OUTPUTS[row.kind].from_state({k: v for k, v in state.items() if k != name})
