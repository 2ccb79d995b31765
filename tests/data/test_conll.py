"""Words in columns: CoNLL, CoNLL-U, JSON Lines of words and tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deepwell.core.errors import UserError
from deepwell.data.recognise import recognise
from deepwell.data.source import Source

TWO = "EU B-ORG\nrejects O\n\nPeter B-PER\nBlackburn I-PER\n"
FOUR = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n"
UNIVERSAL = """\
# newdoc id = d1
# sent_id = 1
# text = vámonos al mar
1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\tV\t_\t0\troot\t_\tNER=B-X
2\tnos\tnosotros\tPRON\tP\t_\t1\tobj\t_\t_
2.1\tghost\tghost\tNOUN\tN\t_\t_\t_\t1:x\t_
3\tNew York\tNew York\tPROPN\tN\t_\t1\tobl\t_\tSpaceAfter=No|NER=B-LOC

# sent_id = 2
1\t#\t#\tSYM\tS\t_\t0\troot\t_\t_
"""


def read(place: Path, content: str | bytes, name: str = "w.conll", **options: Any) -> Source:
    path = place / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return recognise(path, **options)


@pytest.mark.parametrize("name", ["w.conll", "w.iob", "w.bio", "w.bmes", "w.txt", "w.tsv", "w.CONLL"])
@pytest.mark.parametrize("between", [" ", "\t", "   "])
def test_two_columns(tmp_path: Path, name: str, between: str) -> None:
    source = read(tmp_path, TWO.replace(" ", between), name)
    assert (source.kind, source.answer) == ("tokens", "tags")
    assert source.x == [["EU", "rejects"], ["Peter", "Blackburn"]]
    assert source.y == [["B-ORG", "O"], ["B-PER", "I-PER"]]
    assert source.found == "2 sentences of 4 words, 4 tags: B-ORG, B-PER, I-PER, O (in tag)"


def test_the_column_of_tags_by_name_and_number(tmp_path: Path) -> None:
    for target, tags in {
        None: "B-ORG",
        "pos": "NNP",
        "chunk": "B-NP",
        "NER": "B-ORG",
        "2": "NNP",
        "-2": "B-NP",
    }.items():
        assert read(tmp_path, FOUR, target=target).y[0][0] == tags
    for target in ("5", "1", "word", "0", "-4"):
        with pytest.raises(
            UserError, match=r"no column of tags .*from 1 to 4, not 1 \(the words\), or one of pos, chunk"
        ):
            read(tmp_path, FOUR, target=target)


def test_universal_dependencies(tmp_path: Path) -> None:
    for name in ("w.conllu", "w.conll"):
        source = read(tmp_path, UNIVERSAL, name)
        assert source.x == [["vamos", "nos", "New York"], ["#"]]
        assert source.y == [["VERB", "PRON", "PROPN"], ["SYM"]]
    assert read(tmp_path, UNIVERSAL, target="xpos").y[1] == ["S"]
    assert read(tmp_path, UNIVERSAL, target="ner").y == [["B-X", "O", "B-LOC"], ["O"]]
    with pytest.raises(UserError, match=r"'nerr'.*did you mean 'NER'|'nerr'.*NER"):
        read(tmp_path, UNIVERSAL, target="nerr")
    with pytest.raises(UserError, match=r"column feats of .* is empty"):
        read(tmp_path, UNIVERSAL, target="feats")
    plus = "# global.columns = ID FORM UPOS PARSEME:MWE\n1\tHe\tPRON\t*\n2\tran\tVERB\t1:x\n"
    assert read(tmp_path, plus, "p.conllu").y == [["PRON", "VERB"]]
    assert read(tmp_path, plus, "p.conllu", target="parseme:mwe").y == [["*", "1:x"]]


def test_comments_and_the_word_of_that_sign(tmp_path: Path) -> None:
    content = "# a comment\n# text = He ran\nHe O\n# O\nran O\n# another one here\n\n# O\n1 O\n\n# newdoc\nAnn B\n"
    assert read(tmp_path, content).x == [["He", "#", "ran"], ["#", "1"], ["Ann"]]


def test_blank_lines_and_ends(tmp_path: Path) -> None:
    for content in ("\n\n  \na O\r\n\t\r\n\r\nb O", "﻿a O\n\nb O\n\n\n"):
        assert read(tmp_path, content).x == [["a"], ["b"]]


def test_documents_become_groups(tmp_path: Path) -> None:
    many = "".join(f"-DOCSTART- O\n\na{i} O\n\nb O\n\n" for i in range(12))
    source = read(tmp_path, many)
    assert source.groups == [i // 2 for i in range(24)]
    assert "12 documents: each stays on one side of a split" in source.notes
    few = read(tmp_path, many[: many.index("a2")])
    assert few.groups is None
    assert "2 documents are too few" in few.notes[0]


def test_folders(tmp_path: Path) -> None:
    for name in ("eng.train", "eng.testa", "eng.testb", "spare.conll"):
        (tmp_path / name).write_text(TWO.replace("EU", name))
    (tmp_path / "README.md").write_text("words")
    source = recognise(tmp_path)
    assert [x[0] for x in source.x[::2]] == ["eng.train", "eng.testa", "eng.testb"]
    assert source.parts == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert "spare.conll: passed over, the name tells no part" in source.notes
    other = tmp_path / "ud"
    other.mkdir()
    for part in ("test", "dev", "train"):
        (other / f"en_ewt-ud-{part}.conllu").write_text(UNIVERSAL)
    assert recognise(other).parts == ["train"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert recognise(other, target="xpos").y[0][0] == "V"


def test_a_folder_of_documents(tmp_path: Path) -> None:
    for i in range(11):
        (tmp_path / f"{i}.conll").write_text(TWO)
    source = recognise(tmp_path)
    assert source.parts is None
    assert source.groups == [i // 2 for i in range(22)]


def test_json_lines(tmp_path: Path) -> None:
    line = '{"id": 1, "tokens": ["New York", "is"], "ner_tags": [3, 0], "pos": ["N", "V"]}\n'
    source = read(tmp_path, line * 2, "w.jsonl")
    assert source.x == [["New York", "is"]] * 2
    assert source.y == [["3", "0"]] * 2
    assert read(tmp_path, line, "w.jsonl", target="pos").y == [["N", "V"]]
    documents = "".join(f'{{"words": ["a"], "labels": ["O"], "document": "d{i // 2}"}}\n' for i in range(30))
    assert read(tmp_path, documents, "w.jsonl").groups == [i // 2 for i in range(30)]
    empty = read(tmp_path, line + '{"tokens": [], "ner_tags": []}\n', "w.jsonl")
    assert len(empty.x) == 1
    assert "1 rows of w.jsonl have no words: they were left out" in empty.notes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            '{"tokens": ["a", "b"], "tags": ["X"]}\n',
            "row 1 of w.jsonl has 2 words and 1 tags. Expected: one tag a word",
        ),
        ('{"tokens": ["a", ""], "tags": ["X", "Y"]}\n', "has '' as word 2"),
        ('{"tokens": ["a"], "tags": [null]}\n', "no tag for word 1, 'a'"),
        ('{"tokens": ["a"], "tags": ["X"]}\n{"tokens": ["a"]}\n', "row 2 of w.jsonl has None in place of its tags"),
        ('{"tokens": ["a"], "other": "X"}\n', "no column with lists of tags.*--target"),
    ],
)
def test_json_lines_that_are_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, content, "w.jsonl")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no words in it"),
        ("# only\n\n", "has no words in it"),
        ("-DOCSTART- O\n", "has no words in it"),
        ("a\nb\n", "line 1 of .*w.conll has one column only, 'a'"),
        ("a O\nb\n", "line 2 of .*w.conll has 1 column, the lines before have 2"),
        ("a O\nNew York O\n", "line 2 of .* has 3 columns, the lines before have 2.*blank line between sentences"),
        ("a\tO\nNew\tYork\tO\n", "line 2 of .* has 3 columns.*look for a tab"),
        ("a\tO\n\tO\n", "line 2 of .* has an empty word"),
        ("a\tO\nb\t\n", "line 2 of .* has an empty tag"),
        ("a\tO\nb O\n", "line 2 of .* has 1 column, "),
        (b"\0\1\2" * 50, "can't be read as text"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, content)


def test_conllu_that_is_refused(tmp_path: Path) -> None:
    for content, words in (
        (UNIVERSAL.replace("\tVERB\tV", "\tVERB", 1), "line 5 of .* has 9 columns, where CoNLL-U has 10"),
        (UNIVERSAL.replace("2\tnos", "2\t"), "line 6 of .* has an empty word|line 6 .* columns"),
        (UNIVERSAL.replace("2\tnos", "x\tnos"), "line 6 of .* has 'x' as its number"),
        ("He ran\n", "has 1 column, where CoNLL-U has 10"),
    ):
        with pytest.raises(UserError, match=words):
            read(tmp_path, content, "w.conllu")


def test_scripts_and_encodings(tmp_path: Path) -> None:
    content = "".join(f"{c} {t}\n" for c, t in zip("我爱北京天安门", "SSBEBME", strict=True)) + "\n"
    for codec in ("utf-8", "utf-16", "gb18030"):
        assert read(tmp_path, (content * 3).encode(codec), "pku.txt").x == [list("我爱北京天安门")] * 3
    assert read(tmp_path, "שלום\tX\n😀\tY\n").x == [["שלום", "😀"]]
    damaged = ("我爱北京 X\n" * 9).encode().replace("京".encode(), b"\xe4\xba", 1)
    assert "damaged UTF-8" in read(tmp_path, damaged).notes[0]
    blank = read(tmp_path, "　\tO\na\tO\n")
    assert blank.x == [["␣", "a"]]
    assert "1 words of" in blank.notes[0]


def test_texts_are_not_taken_for_columns(tmp_path: Path) -> None:
    assert read(tmp_path, "text\tlabel\ngood\tx\nbad\ty\n", "t.tsv").kind == "text"
    for content in (
        "Some prose here.\n\nAnd more of it, longer.\n",
        "Two words\n\nTwo words\n",
        "one\ntwo\n\nthree\nfour\n",
    ):
        with pytest.raises(UserError, match="kind that is not known"):
            read(tmp_path, content, "t.txt")


def test_a_long_sentence_and_a_long_word(tmp_path: Path) -> None:
    source = read(tmp_path, "a O\n" * 100_000 + "b" * 1_000_000 + " O\n")
    assert len(source.x[0]) == 100_001
