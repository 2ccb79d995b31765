"""Tables of texts: columns found, labels checked, hostile files refused with words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from deepwell.core.errors import UserError
from deepwell.data.arrays import from_frame
from deepwell.data.recognise import recognise
from deepwell.data.source import Source
from deepwell.data.text_table import from_texts, from_words, read_samples


def table(place: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Source:
    path = place / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return recognise(path, **options)


@pytest.mark.parametrize("end", ["csv", "tsv", "parquet", "jsonl", "ndjson", "CSV"])
def test_formats(tmp_path: Path, end: str) -> None:
    frame = pl.DataFrame({"id": [7, 8, 9], "review": ["good 😀", 'a "b", c\nd\te', "שלום"], "label": ["x", "y", "x"]})
    path = tmp_path / f"r.{end}"
    if end == "parquet":
        frame.write_parquet(path)
    elif end.endswith("l") or end == "ndjson":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator="\t" if end == "tsv" else ",")
    source = recognise(path)
    assert source.kind == "text"
    assert source.x == frame["review"].to_list()
    assert source.y == ["x", "y", "x"]
    assert source.found == "3 texts in the column 'review', labels in 'label'"
    assert (source.name, source.origin, source.notes) == ("r", str(path), ())


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_encodings_of_a_csv(tmp_path: Path, codec: str) -> None:
    text = "评论,标签\r\n很好看的电影,好\r\n我不喜欢，太长了,差\r\n"
    source = table(tmp_path, text.encode(codec))
    assert source.x == ["很好看的电影", "我不喜欢，太长了"]
    assert source.y == ["好", "差"]
    assert bool(source.notes) == (not codec.startswith("utf-8"))


def test_latin_and_damaged_csv(tmp_path: Path) -> None:
    assert table(tmp_path, "text,label\ndéjà vu,a\nça va,b\n".encode("latin-1")).x == ["déjà vu", "ça va"]
    content = ("text,label\n" + "很好看的电影,a\n不好看的电影,b\n" * 5).encode()
    source = table(tmp_path, content.replace("影".encode(), b"\xe5\xbd", 1))
    assert "damaged UTF-8" in source.notes[0] and "line 2" in source.notes[0]
    assert len(source.x) == 10


@pytest.mark.parametrize(
    ("content", "x", "y"),
    [
        ("text;label\na, b;p\nc;q\n", ["a, b", "c"], ["p", "q"]),
        ("text|label\na;p|1\nc|0\n", ["a;p", "c"], [1, 0]),
        ("text\tlabel\na, b\tp\nc\tq\n", ["a, b", "c"], ["p", "q"]),
        ('text,label\n5" disc,p\nso "so",q\n', ['5" disc', 'so "so"'], ["p", "q"]),
        ('text,label\n"he said ""no""",p\n"two\n\nlines",q\n', ['he said "no"', "two\n\nlines"], ["p", "q"]),
        ("text,label\n\n\na,p\n\nb,q\n\n\n", ["a", "b"], ["p", "q"]),
        ('text,label,\na,p,\n"b",q,,\n', ["a", "b"], ["p", "q"]),
        ("TEXT , Label\na,p\nb,q\n", ["a", "b"], ["p", "q"]),
        ('"text","label"\n"a","1"\n"b","0"\n', ["a", "b"], [1, 0]),
    ],
)
def test_separators_and_quotation_marks(tmp_path: Path, content: str, x: list[str], y: list[Any]) -> None:
    source = table(tmp_path, content)
    assert (source.x, source.y) == (x, y)


def test_a_tsv_whose_marks_belong_to_the_text(tmp_path: Path) -> None:
    source = table(tmp_path, 'text\tlabel\n"so it began\tp\nnot "yet\tq\nend"\tp\n', "t.tsv")
    assert source.x == ['"so it began', 'not "yet', 'end"']
    quoted = table(tmp_path, 'text\tlabel\n"a\tb"\tp\n"c"\tq\n', "t.tsv")
    assert quoted.x == ["a\tb", "c"]


@pytest.mark.parametrize(
    ("header", "row", "text", "target"),
    [
        ("sentiment,review", "pos,good film", "review", "sentiment"),
        ("y,snippet", "1,good film", "snippet", "y"),
        ("类别,文本", "好,很好看的电影", "文本", "类别"),
        ("id,a_long_one,mood", "1,this is the longest,gay", "a_long_one", "mood"),
        ("title,content,category", "T,this is so,news", "content", "category"),
    ],
)
def test_columns_are_found(tmp_path: Path, header: str, row: str, text: str, target: str) -> None:
    source = table(tmp_path, f"{header}\n{row}\n{row}\n")
    assert source.found == f"2 texts in the column '{text}', labels in '{target}'"


def test_columns_that_number_the_rows_are_no_labels(tmp_path: Path) -> None:
    source = table(tmp_path, ",said,who\n0,this is so,Ann\n1,this is not,Bob\n")
    assert (source.x, source.y) == (["this is so", "this is not"], ["Ann", "Bob"])
    assert table(tmp_path, "nr,said,who\n1,this is so,Ann\n2,this is not,Bob\n").y == ["Ann", "Bob"]


def test_named_columns_go_before_guesses(tmp_path: Path) -> None:
    content = "text,label,title,topic\nlong words,a,short,p\nmore words,b,brief,q\n"
    assert table(tmp_path, content).y == ["a", "b"]
    source = table(tmp_path, content, target="topic", text="title")
    assert (source.x, source.y) == (["short", "brief"], ["p", "q"])


def test_no_line_of_names(tmp_path: Path) -> None:
    rows = "".join(f"{'spam' if i % 3 == 0 else 'ham'}\tmessage {i}\n" for i in range(9))
    source = table(tmp_path, rows, "sms.tsv")
    assert len(source.x) == 9
    assert source.y[0] == "spam"
    assert "no line of names" in source.notes[0]
    assert table(tmp_path, rows, "sms.tsv", target="column_1").y == source.y


def test_a_column_of_parts(tmp_path: Path) -> None:
    source = table(tmp_path, "split,text,label\ntrain,a,x\ndev,b,y\nTest,c,x\n")
    assert source.parts == ["train", "validation", "test"]
    assert source.found.endswith("parts in 'split'")
    folds = table(tmp_path, "fold,text,label\n0,a a a,x\n1,b,y\n2,c,x\n")
    assert folds.parts is None


def test_a_folder_of_parts(tmp_path: Path) -> None:
    (tmp_path / "reviews_train.csv").write_text("text,label\na,x\nb,y\n")
    (tmp_path / "reviews_dev.tsv").write_text("label\ttext\nx\tc\n")
    (tmp_path / "reviews_test.csv").write_text("text\nd\n")
    (tmp_path / "sample_submission.csv").write_text("id\n1\n")
    source = recognise(tmp_path)
    assert (source.x, source.y) == (["a", "b", "c"], ["x", "y", "x"])
    assert source.parts == ["train", "train", "validation"]
    assert "reviews_test.csv has no labels in 'label': it was passed over" in source.notes
    assert any("sample_submission.csv: passed over" in note for note in source.notes)
    (tmp_path / "reviews_dev.tsv").write_text("label\ttxt\nx\tc\n")
    with pytest.raises(UserError, match=r"reviews_dev.tsv has no column 'text'.*did you mean 'txt'"):
        recognise(tmp_path)


def test_several_labels_a_sample(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["a", "b", "c"], "label": [["x"], [], ["x", "y"]]}).write_parquet(tmp_path / "m.parquet")
    assert recognise(tmp_path / "m.parquet").y == [["x"], [], ["x", "y"]]
    source = table(tmp_path, "text,toxic,rude\na,0,1\nb,1,1\nc,0,0\n", target="toxic, rude")
    assert source.y == [["rude"], ["toxic", "rude"], []]
    assert source.answer == "category"
    lines = '{"text": "a", "label": ["x", "y"]}\n{"text": "b", "label": "x"}\n'
    assert table(tmp_path, lines, "m.jsonl").y == [["x", "y"], ["x"]]
    with pytest.raises(UserError, match=r"'toxic' of t.csv has '2' in row 1.*0 or 1"):
        table(tmp_path, "text,toxic,rude\na,2,1\n", target="toxic,rude")


def test_empty_texts_are_kept_and_said(tmp_path: Path) -> None:
    source = table(tmp_path, 'text,label\na,x\n"",y\n,x\n  ,y\n')
    assert source.x == ["a", "", "", ""]
    assert source.notes == ("3 texts are empty, the first is row 2 of t.csv",)


def test_labels(tmp_path: Path) -> None:
    assert table(tmp_path, "text,label\na,1.0\nb,0.0\n").y == [1, 0]
    assert table(tmp_path, "text,label\na,True\nb,False\n").y == ["True", "False"]
    assert table(tmp_path, "text,label\na,007\nb,1\n").y == ["007", "1"]
    assert table(tmp_path, '{"text": "a", "label": true}\n{"text": "b", "label": false}\n', "l.jsonl").y == [
        "true",
        "false",
    ]


QUANTITIES = "text,price\n" + "".join(f"t{i},{i}.5\n" for i in range(30))
IDS = "text,label\n" + "".join(f"t{i},name{i}\n" for i in range(30))
COUNTS = "text,label\n" + "".join(f"t{i},{i // 2}\n" for i in range(60))


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("", {}, "it is empty"),
        ("\n\n", {}, "it is empty"),
        ("text,label\n", {}, "t.csv has no rows"),
        ("text\na\nb\n", {}, "one column only, 'text'.*comma, a semicolon or a tab"),
        ("text,label\na,\nb,x\nc,\n", {}, "no label in rows 1, 3, counted from 1.*or leave these rows out"),
        ("text,label\na\nb,x\n", {}, "no label in row 1,"),
        ("text,label\na,b,c\n", {}, r"3 values in the row that ends in line 2, and 2 names above.*quotation marks"),
        ('text,label\nx,y\n"a,b\nc,d,e\n', {}, "row that begins in line 3 has a quotation mark"),
        (
            "text,label\na,x\n",
            {"target": "lable"},
            "no column 'lable'. Expected: one of text, label.*did you mean 'label'",
        ),
        ("text,label\na,x\n", {"text": "txt"}, "no column 'txt'.*did you mean 'text'"),
        ("text,label\na,x\n", {"target": "a,b"}, "no column 'a'"),
        ("text,label\na,x\n", {"target": "text", "text": "text"}, "named for both"),
        ("text,u,v\nabc,x,p\nabd,y,q\n", {}, "which column holds the labels was not said. Expected: one of u, v"),
        ("a,label\n1,x\n2,y\n", {}, "no column of t.csv holds texts beside the labels in label"),
        ("text,label\n,x\n,y\n", {}, "every text in the column 'text'"),
        (QUANTITIES, {"target": "price"}, r"has 0.5 in row 1.*\(regression\) is not possible yet"),
        (IDS, {}, "30 different values in 30 rows .'name0', 'name1'.*regression"),
        (COUNTS, {}, "30 different values in 60 rows"),
        ("text,label\na,nan\nb,1\n", {}, ""),
        (bytes(range(256)) * 9, {}, "can't be read as text"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str | bytes, options: dict[str, str], words: str) -> None:
    if not words:
        assert table(tmp_path, content, **options).y == ["nan", "1"]
        return
    with pytest.raises(UserError, match=f"(?s){words}") as caught:
        table(tmp_path, content, **options)
    assert "t.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text": "a", "label": "x"}\n{"text"\n', "line 2 is no JSON"),
        ("[1, 2]\n", "line 1 of .* is a list"),
        ('[\n {"text": 1}\n]\n', "no JSON.*write one object a line"),
        ("", "it is empty"),
        ('{"text": "a"}\n{"text": "b", "label": "x"}\n', "no label in row 1"),
        ('{"text": ["a"], "label": "x"}\n', "no column of .* holds texts|lists of words"),
        ('{"label": {"a": ' * 3000, "no JSON"),
    ],
)
def test_json_lines_that_are_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(UserError, match=f"(?s){words}"):
        table(tmp_path, content, "t.jsonl")


def test_a_text_of_a_million_characters(tmp_path: Path) -> None:
    long = "word, " * 200_000
    source = table(tmp_path, f'text,label\n"{long}",a\nshort,b\n')
    assert source.x[0] == long
    assert from_frame(pl.DataFrame({"text": [long, "b"], "label": ["x", "y"]}), target="label").x[0] == long


def test_pictures_stay_pictures(tmp_path: Path) -> None:
    for i in range(3):
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(tmp_path / f"{i}.png")
    source = table(
        tmp_path, "caption,path,kind\nsome words on it,0.png,a\nmore words,1.png,b\nlast,2.png,a\n", target="kind"
    )
    assert source.kind == "image"
    assert source.x[1] == tmp_path / "1.png"
    with pytest.raises(UserError, match="which column holds the labels was not said"):
        recognise(tmp_path / "t.csv")
    assert recognise(tmp_path / "t.csv", target="kind", text="caption").kind == "text"
    with pytest.raises(UserError, match=r"no column of t.csv holds paths of files that are there"):
        table(tmp_path, "path,kind\ngone.png,a\n", target="kind")


@pytest.mark.parametrize("library", [pl.DataFrame, pd.DataFrame])
def test_frames(library: Any) -> None:
    frame = library({"note": ["good film", None, "bad"], "stars": [5, 1, 1]})
    source = from_frame(frame, target="stars")
    assert (source.kind, source.x, source.y) == ("text", ["good film", "", "bad"], [5, 1, 1])
    with pytest.raises(UserError, match=r"no label in rows 1, 3"):
        from_frame(library({"text": ["a", "b", "c"], "label": [None, "x", None]}), target="label")
    with pytest.raises(UserError, match=r"no column 'star'.*did you mean 'stars'"):
        from_frame(frame, target="star")


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "b", None],
        np.array(["a", "b", ""]),
        pl.Series(["a", "b", None]),
        pd.Series(["a", "b", None], index=[5, 6, 7]),
    ],
)
def test_texts_in_memory(texts: Any) -> None:
    source = from_texts(texts, ["x", "y", "x"], test=(["c"], ["y"]))
    assert source.x == ["a", "b", "", "c"]
    assert all(type(text) is str for text in source.x)
    assert source.y == ["x", "y", "x", "y"]
    assert source.parts == ["train"] * 3 + ["test"]
    assert source.notes == ("1 of the texts are empty",)
    assert from_texts(texts).y is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("one", ["a"]), "texts is a str.*deepwell.open"),
        (([], []), "texts is empty"),
        (([1, 2], [0, 1]), "sample 0 of the texts is of type int"),
        (([b"a"], [0]), "of type bytes.*decode"),
        ((["a", "b"], ["x"]), "2 texts and 1 labels"),
        ((["a", "b"], ["x", None]), "no label for 1 samples"),
        ((pd.DataFrame({"a": ["b"]}), ["x"]), "table with the columns a"),
    ],
)
def test_texts_that_are_refused(arguments: tuple[Any, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        from_texts(*arguments)


def test_words_in_memory() -> None:
    source = from_words([["a", "b"], ("c",)], [["X", "Y"], ["X"]], validation=([["d"]], [["Y"]]))
    assert source.x == [["a", "b"], ["c"], ["d"]]
    assert source.y == [["X", "Y"], ["X"], ["Y"]]
    assert source.parts == ["train", "train", "validation"]
    assert (source.kind, source.answer) == ("tokens", "tags")
    cases: list[tuple[Any, Any, str]] = [
        ([["a", "b"]], [["X"]], "row 1 of the sentences has 2 words and 1 tags"),
        ([["a", " "]], [["X", "Y"]], "' ' as word 2"),
        (["a b"], [["X", "Y"]], r"is a str.*text.split\(\)"),
        ([["a"]], [["X"], ["Y"]], "1 sentences and 2 lists of tags"),
        ([["a"]], [[None]], "no tag for word 1, 'a'"),
        ([["a"]], ["X"], "'X' in place of its tags"),
        ([[]], [[]], "has no words"),
    ]
    for words, tags, told in cases:
        with pytest.raises(UserError, match=told):
            from_words(words, tags)
    assert from_words([["a"]]).y is None
    with pytest.raises(UserError, match="labels for some parts only"):
        from_words([["a"]], [["X"]], test=([["a"]], None))


def test_samples_without_answers(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"id": 1, "said": "a good film it was, and long", "words": ["a", "b"], "tree": "(3 (2 a) (2 b))"}\n'
    )
    assert read_samples(path, "text") == (["a good film it was, and long"], "said")
    assert read_samples(path, "tokens") == ([["a", "b"]], "words")
    assert read_samples(path, "tokens", text="said") == (["a good film it was, and long"], "said")
    assert str(read_samples(path, "tree")[0][0]) == "(3 (2 a) (2 b))"
    for kind, text, words in (
        ("text", "sad", "no column 'sad'.*did you mean 'said'"),
        ("tree", "said", "row 1 of t.jsonl: the tree can't be read"),
    ):
        with pytest.raises(UserError, match=words):
            read_samples(path, kind, text=text)
    path.write_text('{"id": 1.5}\n')
    with pytest.raises(UserError, match=r"no column of texts.*--text: one of id"):
        read_samples(path, "text")
    (tmp_path / "t.csv").write_text("text\n")
    with pytest.raises(UserError, match=r"t.csv has no rows"):
        read_samples(tmp_path / "t.csv", "text")


def test_numbers_and_names_of_classes_are_no_texts(tmp_path: Path) -> None:
    rows = "".join(f"{i * 1.5},{i % 7},{'mf'[i % 2]}\n" for i in range(40))
    for target in (None, "sex", "weight"):
        with pytest.raises(UserError, match=r"no column of t.csv holds texts.*--text.*can't be learnt yet"):
            table(tmp_path, f"height,weight,sex\n{rows}", target=target)
    # what is named is taken at its word, and so is a usual name
    assert table(tmp_path, f"height,weight,sex\n{rows}", text="sex", target="weight").x[0] == "m"
    assert table(tmp_path, f"height,weight,text\n{rows}", target="weight").x[0] == "m"


def test_half_characters_become_the_sign_for_what_is_lost(tmp_path: Path) -> None:
    content = r'{"text": "a \ud83d\ude00 b \ud83d c \\ud83d", "label": "\ude00"}' + "\n"
    source = table(tmp_path, content, "t.jsonl")
    assert source.x == ["a \U0001f600 b \ufffd c \\ud83d"]
    assert source.y == ["\ufffd"]
