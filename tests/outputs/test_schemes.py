"""Tag schemes: what they are recognised by, what breaks them, and that rules, repairs and constraints agree."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from deepwell.core.errors import UserError
from deepwell.metrics.spans import spans
from deepwell.outputs.schemes import SCHEMES, allowed, convert, problems, recognise, repair

SPANNING = ["bio", "iob1", "bioes", "bmes"]
TAGS = {
    "bio": ["O", "B-X", "I-X", "B-Y", "I-Y"],
    "iob1": ["O", "B-X", "I-X", "B-Y", "I-Y"],
    "bioes": ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in "XY")],
    "bmes": ["O", "B", "M", "E", "S", "B-X", "I-X", "M-X", "E-X", "S-X"],
}
each = pytest.mark.parametrize("scheme", SPANNING)


def random_rows(tags: list[str], count: int = 3000, *, seed: int = 0, longest: int = 8) -> list[list[str]]:
    rng = random.Random(seed)
    return [[rng.choice(tags) for _ in range(rng.randint(0, longest))] for _ in range(count)]


# ---- which scheme


@pytest.mark.parametrize(
    ("rows", "scheme"),
    [
        (["B-PER I-PER O", "O B-LOC"], "bio"),
        (["B-PER O O"], "bio"),
        (["B-NP I-NP B-VP"], "bio"),
        (["I-PER I-PER O", "O I-LOC B-LOC"], "iob1"),
        (["I-PER O"], "iob1"),
        (["S-PER O B-LOC E-LOC"], "bioes"),
        (["S-PER O"], "bioes"),
        (["B-LOC M-LOC E-LOC O"], "bioes"),
        (["B M E S S", "S B E"], "bioes"),
        (["B I E S S"], "bioes"),
        (["O B I I O B"], "bio"),
        (["B-A-1 I-A-1 O"], "bio"),
        # parts of speech and other plain tags
        (["NN IN DT", "I O"], "plain"),
        (["AT NN-TL FW-IN *"], "plain"),
        (["NOUN VERB ."], "plain"),
        (["I I I"], "plain"),
        (["O O O"], "plain"),
        (["B I I B"], "plain"),
        (["S B"], "plain"),
        (["I-A I-B"], "plain"),
        (["S E B B E S S E"], "plain"),
        (["B-PER I-PER NN"], "plain"),
        (["B- O"], "plain"),
        (["S-NOM S-NOM B-ACC E-DAT I-GEN B-ACC"], "plain"),
        ([""], "plain"),
        ([], "plain"),
    ],
)
def test_recognised(rows: list[str], scheme: str) -> None:
    assert recognise([row.split() for row in rows]) == scheme


def test_a_few_broken_tags_do_not_hide_the_scheme() -> None:
    good = [["B-X", "I-X", "O", "B-Y"]] * 20
    assert recognise([*good, ["O", "I-X"]]) == "bio"
    assert recognise([*([["I-X", "I-X", "O"]] * 20), ["O", "B-X"]]) == "iob1"
    assert recognise([*([["B-X", "E-X", "O"]] * 20), ["O", "I-X", "O"]]) == "bioes"
    segmented = [["B", "M", "E", "S"]] * 100
    assert recognise([*segmented, ["B"]]) == "bioes"


@each
def test_generated_sentences_are_recognised(scheme: str) -> None:
    """All that a scheme can say, its valid rows together, is told apart from the others."""
    tags = TAGS[scheme] if scheme != "bmes" else ["B", "M", "E", "S"]
    rows = [repair(row, scheme) for row in random_rows(tags, 300)]
    assert recognise(rows) == SCHEMES[scheme]


# ---- what breaks it


def test_problems_say_where_and_why() -> None:
    assert problems(["O", "I-X", "B-X", "I-Y"], "bio") == [
        (1, "no span of type X is open before it"),
        (3, "no span of type Y is open before it"),
    ]
    assert problems(["B-X", "I-X", "B-X", "B-Y"], "iob1") == [
        (0, "no span of type X is open before it"),
        (3, "no span of type Y is open before it"),
    ]
    assert problems(["B-X", "O", "E-X", "S-X", "B", "M"], "bioes") == [
        (0, "its span of type X is not closed: no E follows"),
        (2, "no span of type X is open before it"),
        (5, "its span is not closed: no E follows"),
    ]
    ((place, why),) = problems(["O", "E-X"], "bio")
    assert place == 1
    assert why == "not a tag of bio, whose tags are O and B-TYPE, I-TYPE (or the letters alone)"
    assert problems(["NN", "I"], "plain") == []
    assert problems([], "bioes") == []
    assert problems(["B-X", "I-X", "E-X"], "iobes") == problems(["B", "M", "E", "S"], "bmes") == []


@each
def test_valid_tags_say_the_same_as_their_spans(scheme: str) -> None:
    """A row has no problem where, and only where, writing its spans anew gives the row (M and I are one)."""
    for row in random_rows(TAGS[scheme], longest=5):
        clean = not problems(row, scheme)
        written = [
            tag.replace("M", "I") for tag in repair([*row, "Q"], scheme)[:-1]
        ]  # Q, which is read as O, breaks it
        assert clean == (written == [tag.replace("M", "I") for tag in row]), row


# ---- repairs and conversions


@each
def test_repaired_tags_have_no_problem_and_the_same_spans(scheme: str) -> None:
    for tags in TAGS.values():
        for row in random_rows([*tags, "Q-X", "NN"], 1500, seed=1):
            mended = repair(row, scheme)
            assert problems(mended, scheme) == []
            assert spans(mended) == spans(row)
            assert repair(mended, scheme) == mended


def test_repairs_by_hand() -> None:
    assert repair(["O", "I-X", "I-X"], "bio") == ["O", "B-X", "I-X"]
    assert repair(["B-X", "I-X", "B-X"], "iob1") == ["I-X", "I-X", "B-X"]
    assert repair(["B-X", "I-X", "I-X"], "bioes") == ["B-X", "I-X", "E-X"]
    assert repair(["B", "M", "M", "S"], "bioes") == ["B", "M", "E", "S"]
    assert repair(["B", "Q-X", "M", "M"], "bmes") == ["S", "S-X", "B", "E"]
    assert repair(["B-X", "Q-X", "Q-X"], "bmes") == ["B-X", "M-X", "E-X"]
    assert repair(["NN", "I"], "plain") == ["NN", "I"]
    assert repair([], "bio") == []


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(SPANNING, 2)))
def test_there_and_back(source: str, target: str) -> None:
    for row in random_rows(TAGS["bio"], 500, seed=2):
        start = convert(repair(row, "bio"), "bio", source)
        other = convert(start, source, target)
        assert problems(other, target) == []
        assert spans(other) == spans(start)
        assert convert(other, target, source) == start


def test_conversions_by_hand() -> None:
    assert convert(["B-X", "I-X", "I-X", "O", "B-Y", "B-Y"], "bio", "bioes") == ["B-X", "I-X", "E-X", "O", "S-Y", "S-Y"]
    assert convert(["B-X", "I-X", "I-X", "O", "B-Y", "B-Y"], "bio", "bmes") == ["B-X", "M-X", "E-X", "O", "S-Y", "S-Y"]
    assert convert(["B-X", "I-X", "I-X", "O", "B-Y", "B-Y"], "bio", "iob1") == ["I-X", "I-X", "I-X", "O", "I-Y", "B-Y"]
    assert convert(["B", "M", "E", "S"], "bmes", "bio") == ["B", "I", "I", "B"]
    assert convert(["NN"], "plain", "plain") == ["NN"]


def test_what_can_not_be_converted_is_said() -> None:
    with pytest.raises(UserError, match=r"word 2 has the tag 'I-X': no span of type X .* repair\(tags, 'bio'\)"):
        convert(["O", "I-X"], "bio", "bioes")
    with pytest.raises(UserError, match=r"from bio to plain.*plain tags mark none"):
        convert(["O"], "bio", "plain")
    with pytest.raises(UserError, match=r"unknown scheme of tags 'bioe'.*did you mean 'bioes'"):
        problems(["O"], "bioe")
    for call in (lambda: repair([], "x"), lambda: allowed([], "x"), lambda: convert([], "bio", "x")):
        with pytest.raises(UserError, match="unknown scheme"):
            call()


# ---- constraints


@each
def test_constraints_and_problems_agree(scheme: str) -> None:
    """On every row of up to three tags: allowed at each step exactly where there is no problem."""
    tags = TAGS[scheme]
    moves, start, end = allowed(tags, scheme)
    assert moves.dtype == start.dtype == end.dtype == np.bool_
    numbers = range(len(tags))
    for length in (1, 2, 3):
        for path in itertools.product(numbers, repeat=length):
            may = start[path[0]] and end[path[-1]] and all(moves[a, b] for a, b in itertools.pairwise(path))
            assert may == (not problems([tags[number] for number in path], scheme)), path


@each
def test_every_pair_by_itself(scheme: str) -> None:
    """A pair is allowed where some row that holds it has no problem, and no row with a forbidden pair is right."""
    tags = TAGS[scheme]
    moves, _, _ = allowed(tags, scheme)
    contexts = [[], *([tag] for tag in tags)]
    for a, b in itertools.product(range(len(tags)), repeat=2):
        rows = ([*before, tags[a], tags[b], *after] for before in contexts for after in contexts)
        assert moves[a, b] == any(not problems(row, scheme) for row in rows), (tags[a], tags[b])


def test_plain_tags_may_follow_each_other() -> None:
    moves, start, end = allowed(["NN", "I", "B-X"], "plain")
    assert moves.shape == (3, 3)
    assert moves.all() and start.all() and end.all()


def test_many_tags_and_foreign_ones() -> None:
    tags = ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in range(125))]
    moves, start, _ = allowed(tags, "bioes")
    assert moves.shape == (501, 501)
    assert int(start.sum()) == 251
    # O, E and S go on to O, B and S of any type; B and I to I and E of their own
    assert int(moves.sum()) == 251 * 251 + 250 * 2
    with pytest.raises(UserError, match=r"'E-X' is not a tag of bio.*O and B-TYPE, I-TYPE.*repair the tags"):
        allowed(["O", "E-X"], "bio")
