"""Texts as counts of n-grams, beside scikit-learn's vectorisers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.core.shapes import RESERVED, UNKNOWN, Counts
from deepwell.inputs.grams import Grams
from deepwell.inputs.text import Text
from deepwell.inputs.tokenise import words_only
from deepwell.models.ngrams import NGrams

TEXTS = [
    "the film was good, the actors were good",
    "the film was bad and long",
    "a good film and a long one",
    "bad actors, bad film",
    "goodness what a film",
]


def cut(texts: list[str]) -> list[list[str]]:
    return [words_only(text) for text in texts]


def named(known: Grams, row: np.ndarray) -> dict[str, int]:
    names = [*[None] * RESERVED, *(name.replace("\x1f", " ") for name in known.names), *known.pieces]
    return {str(names[number]): int(count) for number, count in row}


def test_words_and_pairs_are_those_of_scikit_learn() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    reference = text.CountVectorizer(tokenizer=words_only, token_pattern=None, ngram_range=(1, 2), min_df=2)
    counts = reference.fit_transform(TEXTS).toarray()
    known = Grams.learn(cut(TEXTS), order=2, minimum_count=2, size=1000)
    assert sorted(name.replace("\x1f", " ") for name in known.names) == sorted(reference.get_feature_names_out())
    for tokens, row in zip(cut(TEXTS), counts, strict=True):
        wanted = {str(n): int(c) for n, c in zip(reference.get_feature_names_out(), row, strict=True) if c}
        found = named(known, known.encode(tokens))
        assert {name: found[name] for name in wanted} == wanted


def test_pieces_are_those_of_scikit_learn() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text")
    reference = text.CountVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, lowercase=False)
    plain = [" ".join(word for word in tokens if len(word) > 1) for tokens in cut(TEXTS)]
    reference.fit(plain)
    known = Grams.learn(cut(TEXTS), order=1, minimum_count=2, size=1000)
    assert sorted(known.pieces) == sorted(reference.get_feature_names_out())
    # scikit-learn gives a short word whole for each size that is longer; it counts once here
    wanted = Counter(p for word in plain[3].split() for p in _pieces(word) if p in known.pieces)
    row = named(known, known.encode(cut(TEXTS)[3]))
    assert {name: count for name, count in row.items() if name in wanted} == wanted


def _pieces(word: str) -> list[str]:
    whole = f" {word} "
    return [whole[i : i + n] for n in (3, 4, 5) for i in range(len(whole) - n + 1)]


def test_a_word_never_seen_is_known_by_its_pieces() -> None:
    known = Grams.learn(cut(TEXTS), order=1, minimum_count=2, size=1000)
    assert "goodly" not in known.names
    assert " goo" in named(known, known.encode(["goodly"]))
    assert known.encode(["xyzzy"]).tolist() == [[UNKNOWN, 1]]
    assert known.encode([]).tolist() == [[UNKNOWN, 1]]


def test_the_order_follows_from_the_texts() -> None:
    assert Grams.learn(cut(TEXTS), order=None, minimum_count=1, size=99).order == 1
    assert Grams.learn(cut(TEXTS) * 200, order=None, minimum_count=1, size=99).order == 2
    chinese = Grams.learn([list("这个电影很好看"), list("这个电影不好看")], order=None, minimum_count=1, size=99)
    assert chinese.order == 3
    assert not chinese.pieces
    assert "\x1f".join("好看") in chinese.names


def test_size_keeps_the_most_frequent() -> None:
    known = Grams.learn(cut(TEXTS), order=1, minimum_count=1, size=RESERVED + 2)
    assert known.names[0] == "film"
    assert len(known.names) == 2
    assert len(known.pieces) <= RESERVED + 2


def test_long_words_and_halves_of_characters() -> None:
    known = Grams.learn([["a" * 100_000, "\ud83d", "ok"]] * 2, order=1, minimum_count=2, size=9999)
    assert "\ud83d" not in known.names
    assert not any("\ud83d" in piece for piece in known.pieces)
    assert len(known.encode(["a" * 100_000])) < 200


def test_weights_are_those_of_scikit_learn() -> None:
    """(1 + log count) x smoothed inverse document frequency, length 1; UNKNOWN weighs nothing."""
    text = pytest.importorskip("sklearn.feature_extraction.text")
    single = ["a b b c", "b c d", "a a a d", "c"]
    made = Text(view="counts", minimum_count=1)
    made.learn(single, torch.arange(4))
    assert made.shape == Counts(len(made.vocabulary or []), 0)
    reference = text.TfidfVectorizer(
        sublinear_tf=True, ngram_range=(1, 3), tokenizer=words_only, token_pattern=None, lowercase=False
    )
    wanted = reference.fit_transform(single).toarray()
    rows = made.encode(single)[0].gather(torch.arange(4))
    body = NGrams(made.shape, width=3)
    body.prime([rows[:2], rows[2:]])
    weights = body._weights(*rows.unbind(-1))
    assert isinstance(made.vocabulary, Grams)
    names = [name.replace("\x1f", " ") for name in made.vocabulary.names]
    columns = {name: place for place, name in enumerate(reference.get_feature_names_out())}
    for row, ids, own in zip(wanted, rows[..., 0].tolist(), weights.tolist(), strict=True):
        for number, weight in zip(ids, own, strict=True):
            if number >= RESERVED:
                assert weight == pytest.approx(row[columns[names[number - RESERVED]]], abs=1e-6)
    nothing = torch.tensor([[[UNKNOWN, 1]]])
    torch.testing.assert_close(body.eval()(nothing), body.activation(body.bias)[None])


def test_bad_readings_say_what_to_do() -> None:
    with pytest.raises(UserError, match="tokens is bpe"):
        Text(view="counts", tokens="bpe")
    with pytest.raises(UserError, match="did you mean 'counts'"):
        Text(view="count")
    with pytest.raises(UserError, match="order is 9"):
        Text(view="counts", order=9)
