"""One suite for every input that is encoded to ragged rows of ids. A new one passes it by adding a row."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.core.protocols import Input, Rows
from deepwell.data.ragged import Ragged
from deepwell.data.tree import from_nested
from deepwell.inputs import INPUTS

N = 24


@dataclass(frozen=True)
class Row:
    """What the suite needs of one input."""

    kind: str
    samples: Callable[[int], list[Any]]
    """seed -> N raw samples of different lengths, with some names that are in no other seed's."""
    bad: list[Any]
    """A list with one sample that can't be read, at place 1."""
    options: dict[str, Any] = field(default_factory=dict)
    learns: bool = True
    """Whether anything is learnt of the samples; a pretrained tokeniser knows all it ever will."""


def names(seed: int, count: int) -> list[str]:
    draw = random.Random(seed * 1000 + count)
    known = ["good", "bad", "film", "actor", "The", "42", f"only{seed}", "naïve", "😀"]
    return [draw.choice(known) for _ in range(count)]


def texts(seed: int) -> list[str]:
    return [" ".join(names(seed, 1 + i % 7)) for i in range(N)]


def sentences(seed: int) -> list[list[str]]:
    return [names(seed, 1 + i % 7) for i in range(N)]


def characters(seed: int) -> list[list[str]]:
    known = "我爱北京天安门上太阳升" + chr(0x4E00 + seed)
    return [[random.Random(seed + i + k).choice(known) for k in range(1 + i % 7)] for i in range(N)]


def trees(seed: int) -> list[Any]:
    draw = random.Random(seed)

    def grow(depth: int) -> Any:
        if depth == 0:
            return draw.choice(["1", "2", "3", f"x{seed}"])
        return [draw.choice(["+", "-"]), *(grow(draw.randrange(depth)) for _ in range(2 + depth % 2))]

    return [from_nested(grow(1 + i % 4)) for i in range(N)]


def pretrained_tokenizer() -> str:
    """The description of a tokeniser that puts special tokens around a text, as a ``tokenizer.json`` holds it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "actor", "The", "42", "na", "##ïve", "only"]
    made = Tokenizer(models.WordPiece({name: number for number, name in enumerate(known)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return str(made.to_str())


ROWS = {
    "text by words": Row("text", texts, ["a", None], {"minimum_count": 1}),
    "text by characters": Row("text", texts, ["a", 3], {"tokens": "characters", "minimum_count": 1}),
    "text, counted": Row("text", texts, ["a", None], {"view": "counts", "minimum_count": 1}),
    "text, counted by characters": Row(
        "text", texts, ["a", 3], {"view": "counts", "tokens": "characters", "minimum_count": 1}
    ),
    "text, cut": Row("text", texts, ["a", b"b"], {"max_length": 3, "vocabulary_size": 16, "minimum_count": 1}),
    "words with characters": Row("tokens", sentences, [["a"], []], {"minimum_count": 1}),
    "words with pieces": Row("tokens", sentences, [["a"], []], {"view": "pieces", "minimum_count": 1}),
    "text by pieces": Row("text", texts, ["a", None], {"tokens": "bpe", "minimum_count": 1}),
    "words alone": Row("tokens", sentences, [["a"], ["b", ""]], {"view": "none", "minimum_count": 1}),
    "words of one character": Row("tokens", characters, [["a"], [1]], {"minimum_count": 1}),
    "trees": Row("tree", trees, [from_nested(["+", "1", "2"]), "(1 2)"]),
}


if find_spec("tokenizers"):
    ROWS["text by a pretrained tokeniser"] = Row(
        "text", texts, ["a", None], {"tokens": pretrained_tokenizer()}, learns=False
    )


@pytest.fixture(params=sorted(ROWS))
def row(request: pytest.FixtureRequest) -> Row:
    return ROWS[request.param]


def learnt(row: Row, raw: list[Any], train: torch.Tensor | None = None) -> tuple[Any, Ragged]:
    made = INPUTS[row.kind](**row.options)
    made.survey(raw)
    made.learn(raw, torch.arange(N) if train is None else train)
    encoded, problems = made.encode(raw)
    assert not problems
    return made, encoded


def test_protocol(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    assert isinstance(made, Input)
    assert isinstance(rows, Rows)
    assert made.kind == row.kind
    assert made.learns_first
    assert str(made)


def test_learns_from_the_training_rows_alone(row: Row) -> None:
    first, other = row.samples(0), row.samples(1)
    states = [learnt(row, raw, torch.arange(16))[0].state() for raw in (first, [*first[:16], *other[16:]])]
    assert states[0] == states[1]
    if row.learns and row.options.get("vocabulary_size", 99) > 16:
        assert learnt(row, other, torch.arange(16))[0].state() != states[0]


def test_the_order_of_the_samples_changes_nothing(row: Row) -> None:
    raw = row.samples(0)
    assert learnt(row, raw)[0].state() == learnt(row, raw[::-1])[0].state()


def test_state_round_trip(row: Row) -> None:
    made, _ = learnt(row, row.samples(0))
    again = INPUTS[row.kind].from_state(json.loads(json.dumps({"kind": row.kind, **made.state()})))
    assert again.state() == made.state()
    assert again.shape == made.shape
    new = row.samples(1)
    every = torch.arange(N)
    assert torch.equal(again.encode(new)[0].gather(every), made.encode(new)[0].gather(every))


def test_one_is_encoded_as_many(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    for number, sample in enumerate(row.samples(0)):
        assert torch.equal(made.encode([sample])[0].row(0), rows.row(number))


def test_padding_is_a_suffix_and_masked(row: Row) -> None:
    made, rows = learnt(row, row.samples(0))
    x = made.prepare(rows.gather(torch.arange(N)))
    mask = made.mask(x)
    assert x.dtype == torch.int64
    assert mask.shape == x.shape[:2]
    assert torch.equal(mask.sum(1), rows.lengths)
    assert bool((mask.int().diff(dim=1) <= 0).all())
    assert bool((x[~mask] == 0).all())
    assert int(x.max()) < max(made.shape[0], made.shape[1] if len(made.shape) > 1 else 0, x.shape[1] + 1)
    assert torch.equal(x, made.prepare(x, ids=torch.arange(N), seed=3, epoch=2))


def test_equal_samples_have_equal_digests(row: Row) -> None:
    made = INPUTS[row.kind](**row.options)
    raw = row.samples(0)
    made.survey(raw)
    found = made.digests([*raw, raw[5]])
    assert found[5] == found[-1]
    assert len(np.unique(found)) == len({repr(item) for item in raw})


def test_what_can_not_be_read_is_named_by_its_place(row: Row) -> None:
    made, _ = learnt(row, row.samples(0))
    rows, problems = made.encode(row.bad)
    assert len(rows) == 2
    assert [place for place, _ in problems] == [1]
    assert problems[0][1]
    with pytest.raises(UserError, match=r"(text|sample) 1 |sentence 2 "):
        INPUTS[row.kind](**row.options).survey(row.bad)


def test_what_is_not_ready_says_so(row: Row) -> None:
    made = INPUTS[row.kind](**row.options)
    with pytest.raises(UserError, match="not known yet"):
        made.encode(row.samples(0))
    made.survey(row.samples(0))
    with pytest.raises(UserError, match="no training"):
        made.learn(row.samples(0), torch.arange(0))
    made, rows = learnt(row, row.samples(0))
    with pytest.raises(UserError, match="prepare was given"):
        made.prepare(rows.gather(torch.arange(2)).float())


HOSTILE = [None, [], {}, "x", -1, 0, 1e400, float("nan"), [1e400], ["a", "a"], [[]], True, 10**30, {"a": 1}, [None]]


def test_hostile_states(row: Row) -> None:
    made, _ = learnt(row, row.samples(0))
    state = made.state()
    for name in state:
        for value in HOSTILE:
            try:
                back = INPUTS[row.kind].from_state({**state, name: value})
            except UserError:
                continue
            assert back.state()[name] == value, f"{name} took {value!r}"
        with pytest.raises(UserError, match=name):
            INPUTS[row.kind].from_state({k: v for k, v in state.items() if k != name})
