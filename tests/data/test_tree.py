"""Trees: brackets and nested lists, deep and broken ones, and files of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from deepwell.core.errors import UserError
from deepwell.data.recognise import recognise
from deepwell.data.tree import Tree, from_nested, parse
from deepwell.data.trees import from_trees

SENTIMENT = "(3 (2 It) (4 (2 's) (4 good)))"


def test_sentiment_trees() -> None:
    tree = parse(SENTIMENT)
    assert tree == Tree(("2", "2", "4", "4", "3"), ("It", "'s", "good", None, None), ((), (), (), (1, 2), (0, 3)))
    assert (tree.label, tree.leaves, tree.depth, len(tree)) == ("3", ("It", "'s", "good"), 2, 5)
    assert hash(tree) == hash(parse(str(tree)))


@pytest.mark.parametrize(
    "text",
    [
        SENTIMENT,
        "(2 It)",
        "(S (NP (DT the) (NN dog)) (VP barks))",
        "(MAX 4 7 (MIN 2 3))",
        "(MAX 4 4)",
        "(3 (2 2) (2 2))",
        "(NOT (1 1))",
        "(S (NP (N x)))",
        "(x (😀 שלום) (词 好))",
    ],
)
def test_written_and_read_again(text: str) -> None:
    tree = parse(text)
    assert parse(str(tree)) == tree


def test_penn_form() -> None:
    tree = parse("( (S\n    (NP (DT the)\n        (NN dog))\n    (VP barks)) )")
    assert str(tree) == "(S (NP (DT the) (NN dog)) (VP barks))"
    assert parse("((A b) (C d))").label == ""


def test_nested_lists() -> None:
    for value, text in (
        (["MAX", 1, ["MIN", 2, 3]], "(MAX 1 (MIN 2 3))"),
        (("+", [1, 2]), "(+ 1 2)"),
        (("+", ["x", ("*", [1, 2.5])]), "(+ x (* 1 2.5))"),
        (["+", [1, 2]], "(+ 1 2)"),
        (["NOT", ["OR", 1, 0]], "(NOT (OR 1 0))"),
        (("NOT", ("OR", 1, 0)), "(NOT (OR 1 0))"),
        (["NOT", "x"], "(NOT (x x))"),
        (5, "(5 5)"),
        (["and", True, False], "(and True False)"),
        ([["a", "b", "c"], "d"], "( (a b c) d)"),
        (["x", "New York", "(a)"], "(x New_York -LRB-a-RRB-)"),
    ):
        assert str(from_nested(value)) == text
    tree = from_nested(["MAX", 1, ["MIN", 2, 3]])
    assert tree.labels == ("1", "2", "3", "MIN", "MAX")
    assert tree.words == ("1", "2", "3", None, None)
    assert parse(str(tree)) == tree


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("(3 (2 a) (2 b)", "the bracket at character 1 is not closed"),
        ("((((", r"the bracket at character 4 is not closed \(4 are open"),
        ("(3 a))", r"behind the tree there is '\)' at character 6"),
        ("(3 a) b", "behind the tree there is 'b' at character 7.*one tree a line"),
        ("(3 a)(2 b)", r"behind the tree there is '\(' at character 6"),
        (")", "a closing bracket without an opening one at character 1"),
        ("word", "there is 'word' before any bracket at character 1"),
        ("()", "the bracket at character 1 holds nothing"),
        ("(3 (2 a) ())", "the bracket at character 10 holds nothing"),
        ("(3)", "the bracket at character 1 holds only '3'"),
    ],
)
def test_broken_brackets(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        parse(text)
    assert "the tree can't be read" in str(caught.value)


@pytest.mark.parametrize(
    "value", [[], ["a"], ["a", []], ["a", None], [None, "a"], ["a", {}], "", float("nan"), [["a"]]]
)
def test_broken_nested_lists(value: Any) -> None:
    with pytest.raises(UserError, match="the tree can't be read"):
        from_nested(value)


def test_deep_and_large_trees() -> None:
    deep = "(1 (2 a) " * 5000 + "(0 b)" + ")" * 5000
    tree = parse(deep)
    assert (tree.depth, len(tree)) == (5000, 10_001)
    assert parse(str(tree)) == tree
    assert str(tree) == " ".join(deep.split())
    nested: Any = "b"
    for _ in range(5000):
        nested = ["op", "a", nested]
    assert from_nested(nested).depth == 5000
    start = time.perf_counter()
    wide = parse("(r " + "(2 a) " * 100_000 + ")")
    assert len(wide) == 100_001
    assert len(str(wide)) > 500_000
    assert time.perf_counter() - start < 10


def test_files(tmp_path: Path) -> None:
    for name in ("a.ptb", "a.mrg", "a.tree", "a.trees", "a.txt"):
        (tmp_path / name).write_text(f"{SENTIMENT}\n\n(1 (2 It) (0 fails))\n")
        source = recognise(tmp_path / name)
        assert source.kind == "tree"
        assert source.y == ["3", "1"]
        assert str(source.x[0]) == SENTIMENT
        assert source.found == "2 trees, each root's label its answer"
    penn = "( (S (NP (NN a))\n     (VP (VB b))) )\n( (S\n  (X c) (Y d)))\n"
    (tmp_path / "penn.mrg").write_text(penn)
    assert [len(tree.leaves) for tree in recognise(tmp_path / "penn.mrg").x] == [2, 2]


def test_folders(tmp_path: Path) -> None:
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.txt").write_text(f"(1 (2 {name}) (3 x))\n(0 (2 {name}) (3 y))\n")
    (tmp_path / "more.txt").write_text("(1 (2 a) (3 b))")
    source = recognise(tmp_path)
    assert source.parts == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert [tree.leaves[0] for tree in source.x] == ["train"] * 2 + ["dev"] * 2 + ["test"] * 2
    assert "more.txt: passed over, the name tells no part" in source.notes


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.trees", "", "has no trees in it"),
        (
            "a.trees",
            "(1 (2 a) (3 b))\n(1 (2 a)\n(1 (2 a) (3 b))\n",
            "line 2 of .*a.trees: the tree can't be read: the bracket",
        ),
        ("a.trees", "words\n", "line 1 of .*before any bracket"),
        ("a.trees", b"\0" * 99, "can't be read as text"),
        ("a.txt", "(1 a)\nwords\n", "kind that is not known"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=words):
        recognise(tmp_path / name)


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"

    def lines(*rows: Any) -> None:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    lines(
        {"tree": ["MAX", 1, ["MIN", 2, 3]], "value": "a", "label": 2}, {"tree": ["MIN", 4, 5], "value": "b", "label": 4}
    )
    source = recognise(path)
    assert (source.kind, source.y) == ("tree", [2, 4])
    assert str(source.x[0]) == "(MAX 1 (MIN 2 3))"
    assert recognise(path, target="value").y == ["a", "b"]
    with pytest.raises(UserError, match=r"no column 'valu'.*did you mean 'value'"):
        recognise(path, target="valu")
    lines({"expression": SENTIMENT}, {"expression": "(1 (2 so) (1 so))"})
    assert recognise(path).y == ["3", "1"]
    lines({"formula": "(+ 1 2)", "y": "odd"}, {"formula": "(+ 1 1)", "y": "even"})
    assert recognise(path).kind == "tree"
    lines({"said": "(laughs)", "y": "odd"}, {"said": "(+ 1 1)", "y": "even"})
    assert recognise(path).kind == "text"
    lines({"tree": SENTIMENT}, {"tree": "(1 (2 so)"})
    with pytest.raises(UserError, match=r"row 2 of t.jsonl: the tree can't be read"):
        recognise(path)


def test_a_deep_tree_in_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    deep = '["op", "a", ' * 5000 + '"b"' + "]" * 5000
    path.write_text(f'{{"tree": {deep}, "label": "x"}}\n{{"label": "y\\n", "tree": ["op", [1, 2]]}}\n')
    source = recognise(path)
    assert source.x[0].depth == 5000
    assert source.y == ["x", "y"]
    for broken in (deep[:-1], deep + "]", deep.replace(",", "", 1), deep.replace("]", ",]", 1), deep + ", 1"):
        path.write_text(f'{{"tree": {broken}, "label": "x"}}\n')
        with pytest.raises(UserError, match="line 1 is no JSON"):
            recognise(path)


def test_trees_in_memory() -> None:
    assert from_trees([SENTIMENT, ["1", "a", "b"], parse("(0 (1 a) (2 b))")]).y == ["3", "1", "0"]
    source = from_trees([SENTIMENT], ["good"], validation=([SENTIMENT], ["bad"]))
    assert (source.y, source.parts) == (["good", "bad"], ["train", "validation"])
    cases: list[tuple[Any, Any, str]] = [
        ([], None, "list of trees is empty"),
        (SENTIMENT, None, "the trees are a str"),
        ([SENTIMENT, "(1"], None, "sample 1 of the trees: the tree can't be read"),
        ([SENTIMENT], ["a", "b"], "1 trees and 2 labels"),
        ([SENTIMENT], [None], "no label for 1 samples"),
    ]
    for trees, labels, words in cases:
        with pytest.raises(UserError, match=words):
            from_trees(trees, labels)


def test_a_broken_line_among_trees_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    for odd in ("(1 (2 so)", "prose", "(1 (2 so)))"):
        path.write_text("\n".join([SENTIMENT] * 9 + [odd] + [SENTIMENT] * 9))
        with pytest.raises(UserError, match=f"line 10 of {path}"):
            recognise(path)
    path.write_text("(3 is a number)\n" + "and this is prose\n" * 9)
    with pytest.raises(UserError, match="of a kind that is not known here"):
        recognise(path)
    # a tree may go on over lines that begin with blanks, and so may be followed by one that begins without
    path = tmp_path / "t.mrg"
    path.write_text("( (S (NP he)\n  (VP (V ran))) )\n\n(S (NP she)\n(VP sat))\n")
    with pytest.raises(UserError, match=r"line 4 of .*is not closed"):
        recognise(path)
