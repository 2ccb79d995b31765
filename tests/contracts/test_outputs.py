"""One suite for every output with one answer a sample; ``test_position_outputs`` has the one for an answer a word."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from tests.contracts.test_position_outputs import ROWS as POSITION_ROWS

from deepwell.core.errors import UserError
from deepwell.core.protocols import Output
from deepwell.outputs import OUTPUTS

N = 24


@dataclass(frozen=True)
class Row:
    """What the suite needs of one output."""

    kind: str
    targets: Callable[[int], Any]
    """seed -> N raw targets, all the answers among the first 12."""
    bad: list[Any]
    """Targets that learning must refuse."""
    unseen: Any
    """Targets that encoding must refuse after learning."""
    options: dict[str, Any] = field(default_factory=dict)


def numbers(seed: int) -> np.ndarray:
    return np.concatenate([np.arange(12) % 3, np.random.default_rng(seed).integers(0, 3, N - 12)])


def sets(seed: int) -> list[list[str]]:
    return [["abc"[i], "bcd"[number % 3]][: number % 3] or ["a"] for number, i in enumerate(numbers(seed))]


BAD = [[1] * N, [0, None] * 12, [0.5, 1] * 12, [[1, 1], [0, 1]] * 12, [object()] * N, [0.0, float("nan")] * 12,
       np.zeros((N, 2, 2)), [[1], [0, 1]] * 12]  # fmt: skip

ROWS = {
    "category of numbers": Row("category", numbers, BAD, [0, 7]),
    "category of numbers with gaps": Row("category", lambda s: numbers(s) * 5 + 1, BAD, [1, 2]),
    "category of names": Row("category", lambda s: [("cat", "dog", "10")[i] for i in numbers(s)], BAD, ["cat", "cow"]),
    "category of one-hot rows": Row("category", lambda s: np.eye(3)[numbers(s)], BAD, np.eye(4)),
    "category, weighed": Row("category", numbers, BAD, [3], {"class_weights": "balanced", "label_smoothing": 0.1}),
    "label sets": Row("label-sets", sets, [["cat"] * N, [["a"], None] * 12, [["a"]] * N, [[0.5]] * N], [["a"], ["x"]]),
    "category of given names": Row("category", numbers, BAD, [3], {"classes": ["zebra", "ant", "bee"]}),
}


@pytest.fixture(params=sorted(ROWS))
def row(request: pytest.FixtureRequest) -> Row:
    return ROWS[request.param]


def learnt(row: Row, seed: int = 0) -> Any:
    made = OUTPUTS[row.kind](**row.options)
    made.learn(row.targets(seed), np.arange(N))
    return made


def test_every_output_has_a_row() -> None:
    assert {row.kind for row in ROWS.values()} | {row.kind for row in POSITION_ROWS.values()} == set(OUTPUTS)


def test_protocol(row: Row) -> None:
    assert isinstance(OUTPUTS[row.kind](**row.options), Output)


def test_learns_from_the_training_rows_alone(row: Row) -> None:
    first, other = row.targets(0), row.targets(1)
    states = []
    for raw in (first, [*first[:12], *other[12:]]):
        made = OUTPUTS[row.kind](**row.options)
        made.learn(np.stack(raw) if isinstance(first, np.ndarray) else raw, np.arange(12))
        states.append(made.state())
    assert states[0] == states[1]


def test_state_round_trip(row: Row) -> None:
    made = learnt(row)
    again = OUTPUTS[row.kind].from_state(json.loads(json.dumps({"kind": row.kind, **made.state()})))
    assert again.state() == made.state()
    targets = made.encode(row.targets(1))
    assert torch.equal(again.encode(row.targets(1)), targets)
    scores = torch.randn(N, again.head(5).out_features, generator=torch.Generator().manual_seed(0))
    assert [float(v) for v in again.loss(scores, targets)] == [float(v) for v in made.loss(scores, targets)]
    assert again.answers(again.decode(scores)) == made.answers(made.decode(scores))


def test_one_is_encoded_as_many(row: Row) -> None:
    made, raw = learnt(row), row.targets(1)
    assert torch.equal(made.encode(raw), torch.cat([made.encode(raw[i : i + 1]) for i in range(N)]))


def test_answers_are_the_raw_targets(row: Row) -> None:
    made, raw = learnt(row), row.targets(1)
    encoded = made.encode(raw)
    soft = made.soft(encoded) if row.kind == "category" else 2 * encoded - 1
    decoded = made.decode(20 * soft)
    assert all(value == 1 for value in made.measured(made.tally(decoded, encoded)).values())
    answers = made.answers(decoded)
    predicted = [answer["prediction"] for answer in answers]
    assert torch.equal(made.encode(predicted), encoded)
    for answer in answers:
        assert json.loads(json.dumps(answer)) == answer
        assert answer["confidence"] > 0.99
        if row.kind == "category":
            assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_loss_sums_are_pooled(row: Row) -> None:
    """The parts of a batch give the whole batch's sum and count, so nothing depends on where it is cut."""
    made = learnt(row)
    head = made.head(5).double()
    targets = made.encode(row.targets(1))
    scores = head(torch.randn(N, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    if row.kind == "category":
        made.check_scores(scores, targets)
    if getattr(made, "weights", None) is not None:
        made.weights = made.weights.double()
    whole = made.loss(scores, targets)
    parts = [made.loss(s, t) for s, t in zip(scores.split(7), targets.split(7), strict=True)]
    torch.testing.assert_close(sum(p[0] for p in parts), whole[0])
    torch.testing.assert_close(sum(p[1] for p in parts).double(), whole[1].double())
    tallies = [made.tally(made.decode(s), t) for s, t in zip(scores.split(7), targets.split(7), strict=True)]
    assert torch.equal(sum(tallies), made.tally(made.decode(scores), targets))
    whole[0].backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in head.parameters())


def test_soft_targets_of_one_class_are_that_class(row: Row) -> None:
    made = learnt(row)
    if row.kind != "category":
        pytest.skip("only classes that exclude each other can be soft")
    targets = made.encode(row.targets(0))
    scores = torch.randn(N, made.head(5).out_features, generator=torch.Generator().manual_seed(0))
    hard, soft = made.loss(scores, targets), made.loss(scores, made.soft(targets))
    torch.testing.assert_close(hard[0], soft[0])
    torch.testing.assert_close(hard[1], soft[1])
    assert made.count_hits(scores, targets) == made.count_hits(scores, made.soft(targets))


def test_bad_targets_are_refused_in_words(row: Row) -> None:
    for bad in row.bad:
        with pytest.raises(UserError):
            OUTPUTS[row.kind](**row.options).learn(bad, np.arange(N))


def test_unseen_targets_are_refused(row: Row) -> None:
    with pytest.raises(UserError) as caught:
        learnt(row).encode(row.unseen)
    assert "Expected" in str(caught.value)


def test_scores_of_another_width(row: Row) -> None:
    made = learnt(row)
    if row.kind != "category":
        pytest.skip("the loss itself compares the shapes")
    with pytest.raises(UserError, match="let the last layer have"):
        made.check_scores(torch.zeros(N, 99), made.encode(row.targets(0)))


HOSTILE = ["x", -1, 2.5, 1e400, float("nan"), [1e400], ["a"], ["a", "a"], [[], []], [True, False], ["a", 1], {"a": 1}]


def test_hostile_states(row: Row) -> None:
    state = learnt(row).state()
    for name in state:
        for value in HOSTILE:
            try:
                back = OUTPUTS[row.kind].from_state({**state, name: value})
            except UserError:
                continue
            assert back.state()[name] in (value, False), f"{name} took {value!r}"
