"""Texts, ids and tags that are wrong in one known way."""

from __future__ import annotations

import numpy as np
import pytest
from tests.doctor.data_sets import finding, levels, texts

from deepwell.doctor.data.tags import best_scheme

CLAUSES = [
    "今天天气很好我们去公园散步",
    "这部电影非常精彩演员也很出色",
    "服务员态度恶劣再也不来了",
    "价格便宜质量也很不错推荐",
]


def test_empty_texts() -> None:
    x, y = texts()
    x = ["" if i % 40 == 0 else text for i, text in enumerate(x)]
    assert levels((x, y))["D30"] == "warn"
    assert levels((x, np.array([0 if i % 40 == 0 else label for i, label in enumerate(y)])))["D30"] == "note"


def test_rows_that_are_cut() -> None:
    random = np.random.default_rng(0)
    lengths = np.minimum(random.integers(5, 80, 500), 32)
    x = np.where(np.arange(32) < lengths[:, None], random.integers(2, 900, (500, 32)), 0)
    assert levels((x, random.integers(0, 2, 500)))["D28"] == "note"
    short = np.where(np.arange(32) < (lengths // 2)[:, None], x, 0)
    assert "D28" not in levels((short, random.integers(0, 2, 500)))


def test_chinese_cut_at_spaces() -> None:
    x = [f"{CLAUSES[i % 4]} {CLAUSES[(i + 1) % 4]}" for i in range(200)]
    y = np.arange(200) % 2
    assert levels((x, y), tokenise=str.split)["D29"] == "warn"
    assert "D29" not in levels((x, y), tokenise=list)
    assert "D29" not in levels((x, y)), "how it is cut is not known"
    english, z = texts()
    assert "D29" not in levels((english, z), tokenise=str.split)


def test_unknown_words_in_the_validation_part() -> None:
    x, y = texts(700)
    other = [" ".join(word[::-1] + "q" for word in text.split()) for text in x[600:]]
    assert levels((x[:600], y[:600]), (other, y[600:]), tokenise=str.split)["D29"] == "note"


WORDS = [["a", "b", "c", "d"]] * 30


@pytest.mark.parametrize(
    ("row", "scheme", "broken"),
    [
        (["B-X", "I-X", "O", "B-Y"], "bio", 0),
        (["I-X", "I-X", "O", "I-Y"], "iob1", 0),
        (["B-X", "E-X", "O", "S-Y"], "bioes", 0),
        (["O", "I-X", "O", "B-Y"], "bio", 30),
        (["B-X", "I-Y", "O", "B-X"], "bio", 30),
        (["B-X", "O", "E-X", "S-Y"], "bioes", 60),
    ],
)
def test_schemes(row: list[str], scheme: str, broken: int) -> None:
    found = best_scheme([row] * 30)
    assert (found[0] if broken == 0 or scheme == "bioes" else scheme, len(found[1])) == (scheme, broken)
    assert levels((WORDS, [row] * 30)).get("D35") == ("warn" if broken else None)


def test_other_tags_are_no_spans() -> None:
    assert "D35" not in levels((WORDS, [["NN", "VB", "IN", "DT"]] * 30))


def test_tags_of_another_length() -> None:
    found = finding("D35", (WORDS, [["O", "B-X", "O", "O"]] * 29 + [["O"]]))
    assert (found.level, found.values["row"], found.values["tags"]) == ("stop", 29, 1)
