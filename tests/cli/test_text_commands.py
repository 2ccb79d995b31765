"""The commands with texts, tagged words and trees: what a newcomer types, right and wrong."""

from __future__ import annotations

import io
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from deepwell.cli import predicting
from deepwell.cli.main import main
from deepwell.cli.terminal import aligned, one_line, width

FAST = ["--epochs", "1", "--threads", "1"]
Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, *words: Any) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def reviews(count: int = 40) -> list[tuple[str, str]]:
    draw = random.Random(0)
    good, bad, things = ["good", "great", "lovely"], ["bad", "dull", "weak"], ["film", "plot", "book"]
    return [
        (f"the {draw.choice(things)} was {draw.choice(bad if i % 2 else good)} number {i}", "no" if i % 2 else "yes")
        for i in range(count)
    ]


def csv(path: Path, rows: list[tuple[str, str]] | None = None, head: str = "text,label") -> Path:
    lines = [head, *(f'"{text}",{label}' for text, label in (reviews() if rows is None else rows))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


NAMED = [("Ada", "B-PER"), ("Byron", "I-PER"), ("visits", "O"), ("Oslo", "B-LOC"), (".", "O")]


def conll(path: Path, odd: list[tuple[str, str]] | None = None, count: int = 24) -> Path:
    sentences = [[("In", "O"), (f"{1900 + i}", "O"), *NAMED] for i in range(count)]
    if odd is not None:
        sentences[7] = odd
    path.write_text(
        "\n\n".join("\n".join(f"{w} {t}" for w, t in words) for words in sentences) + "\n", encoding="utf-8"
    )
    return path


def trees(count: int = 30) -> list[str]:
    return [f"({i % 2} (2 the) ({i % 2} (2 film) (2 {'bad' if i % 2 else 'good'}{i})))" for i in range(count)]


def lines(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def piped(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def pictures(folder: Path) -> Path:
    for i in range(20):
        place = folder / ("cat" if i % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 200 * (i % 2) + i, np.uint8)).save(place / f"{i}.png")
    return folder


# ---- what a newcomer does


@pytest.fixture
def texts(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on ``r.csv``, whose columns no table of usual names knows."""
    monkeypatch.chdir(tmp_path)
    csv(tmp_path / "r.csv", head="said,mood")
    given = ["--text", "said", "--target", "mood", "--out", "run", "--checkpoint-steps", "1"]
    code, _, err = run(capsys, "train", "r.csv", *given, *FAST)
    assert code == 0, err
    return tmp_path / "run"


@pytest.fixture
def tags(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    conll(tmp_path / "c.conll")
    code, _, err = run(capsys, "train", "c.conll", "--out", "run", *FAST)
    assert code == 0, err
    return tmp_path / "run"


def test_texts_from_train_to_predict(texts: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(capsys, "check", "r.csv", "--text", "said", "--target", "mood", "--tokens", "characters")[0] == 0
    # of a file of the same form the run knows the columns
    code, text, _ = run(capsys, "evaluate", "run", "r.csv", "--json")
    assert (code, json.loads(text)["samples"]) == (0, 40)
    csv(Path("new.csv"))
    code, _, err = run(capsys, "evaluate", "run", "new.csv")
    assert (code, "no column 'mood'" in err) == (2, True)
    assert run(capsys, "evaluate", "run", "new.csv", "--text", "text", "--target", "label")[0] == 0
    assert run(capsys, "evaluate", "run")[0] == 0

    code, text, _ = run(capsys, "predict", "run", "a good film", "电影\n很\x1b[31m好看")
    assert code == 0
    assert [line.rpartition(": ")[0] for line in text.splitlines()] == ["a good film", "电影 很[31m好看"]
    piped(monkeypatch, "好看的电影\n\n难看的电影\n".encode("gb18030"))
    code, text, err = run(capsys, "predict", "run", "-", "--json")
    assert [json.loads(line)["input"] for line in text.splitlines()] == ["好看的电影", "难看的电影"]
    assert "GB18030" in err


def test_a_table_is_predicted_row_by_row(texts: Path, capsys: Capture) -> None:
    code, text, err = run(capsys, "predict", "run", "r.csv")
    assert (code, len(text.splitlines())) == (0, 40)
    assert text.startswith("r.csv:1: ")
    assert "the column 'said' of 40 rows" in err
    Path("bare.jsonl").write_text("\n".join(json.dumps({"id": i, "said": t}) for i, (t, _) in enumerate(reviews(5))))
    assert len(run(capsys, "predict", "run", "bare.jsonl")[1].splitlines()) == 5
    assert len(run(capsys, "predict", "run", "bare.jsonl", "--text", "said")[1].splitlines()) == 5
    code, _, err = run(capsys, "predict", "run", "bare.jsonl", "--text", "sad")
    assert (code, "did you mean 'said'" in err) == (2, True)


def test_a_folder_of_texts(texts: Path, capsys: Capture) -> None:
    Path("folder/below").mkdir(parents=True)
    Path("folder/a.txt").write_text("a good film")
    Path("folder/below/b.txt").write_text("")
    Image.new("L", (4, 4)).save("folder/c.png")
    code, text, err = run(capsys, "predict", "run", "folder")
    assert (code, len(text.splitlines())) == (0, 2)
    assert "b.txt is empty" in err
    assert "1 files of folder are no texts" in err


def test_a_small_run_goes_on(texts: Path, capsys: Capture) -> None:
    """The recipe's network for few texts is another than the architecture's own: a resumed run builds the same."""
    before = (texts / "result.json").read_text()
    facts = json.loads((texts / "run.json").read_text())
    (texts / "run.json").write_text(json.dumps({**facts, "status": "training"}))
    (texts / "result.json").unlink()
    code, _, err = run(capsys, "resume", "run")
    assert code == 0, err
    assert json.loads((texts / "result.json").read_text())["metrics"] == json.loads(before)["metrics"]


def test_data_that_changed_is_neither_resumed_nor_measured(texts: Path, capsys: Capture) -> None:
    facts = json.loads((texts / "run.json").read_text())
    (texts / "run.json").write_text(json.dumps({**facts, "status": "training"}))
    held = {path: path.read_bytes() for path in texts.rglob("*") if path.is_file()}
    csv(Path("r.csv"), [*reviews()[:-1], ("another film", "yes")], head="said,mood")
    for verb in ("resume", "evaluate"):
        code, text, err = run(capsys, verb, "run")
        assert (code, text) == (2, "")
        assert "the data of run has changed" in err
    assert held == {path: path.read_bytes() for path in texts.rglob("*") if path.is_file()}


def test_tags_are_shown_below_their_words(tags: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = {
        "words": ["Ada", "Byron", "在", "奥", "斯", "陆"],
        "tags": ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "I-LOC"],
        "spans": [
            {"type": "PER", "start": 0, "stop": 9, "words": [0, 2]},
            {"type": "LOC", "start": 11, "stop": 14, "words": [3, 6]},
        ],
    }
    assert predicting.tagged("Ada Byron 在奥斯陆", "Ada Byron 在奥斯陆", answer) == [
        "Ada    Byron  在  奥     斯     陆",
        "B-PER  I-PER  O   B-LOC  I-LOC  I-LOC",
        "  PER  [0:9]    Ada Byron",
        "  LOC  [11:14]  奥斯陆",
    ]
    code, text, _ = run(capsys, "predict", "run", "Ada visits Oslo", "c.conll")
    assert code == 0
    assert text.splitlines()[0].split() == ["Ada", "visits", "Oslo"]
    assert "c.conll:24:" in text
    code, text, _ = run(capsys, "predict", "run", "c.conll", "--json")
    found = [json.loads(line) for line in text.splitlines()]
    assert len(found) == 24
    assert found[0]["words"] == ["In", "1900", "Ada", "Byron", "visits", "Oslo", "."]
    assert run(capsys, "evaluate", "run", "c.conll")[0] == 0


def test_broken_tags_are_repaired_where_asked(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    conll(Path("c.conll"), odd=[("Oslo", "O"), ("Ada", "I-PER"), ("Byron", "I-PER")])
    for verb in ("train", "check"):
        code, _, err = run(capsys, verb, "c.conll", *(FAST if verb == "train" else []))
        assert code == 2
        assert "sentence 8, word 2 has the tag 'I-PER'" in err
        assert "--repair-tags" in err
    assert not Path("runs").exists()
    assert run(capsys, "check", "c.conll", "--repair-tags")[0] == 0
    code, _, err = run(capsys, "train", "c.conll", "--repair-tags", "--out", "run", *FAST)
    assert code == 0, err
    assert run(capsys, "evaluate", "run", "c.conll")[0] == 0
    conll(Path("sound.conll"))
    assert run(capsys, "train", "sound.conll", "--out", "strict", *FAST)[0] == 0
    code, _, err = run(capsys, "evaluate", "strict", "c.conll")
    assert (code, "sentence 8, word 2" in err) == (2, True)
    assert run(capsys, "evaluate", "strict", "c.conll", "--repair-tags")[0] == 0


def test_trees(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    deep = "(1 (2 so) " * 1500 + "(1 bad)" + ")" * 1500
    lines(Path("t.txt"), [*trees(), deep])
    code, _, err = run(capsys, "train", "t.txt", "--out", "run", *FAST)
    assert code == 0, err
    code, text, _ = run(capsys, "predict", "run", trees()[0], "t.txt")
    assert (code, len(text.splitlines())) == (0, 32)
    lines(Path("new.txt"), [trees()[0], "", "(1 (2 so)"])
    code, text, err = run(capsys, "predict", "run", "new.txt")
    assert (code, text) == (2, "")
    assert "line 3 of new.txt" in err
    code, _, err = run(capsys, "predict", "run", "no tree")
    assert (code, "'no' before any bracket" in err) == (2, True)


@pytest.mark.parametrize("name", ["lstm", "ngrams", "attention", "transformer", "bilstm-crf", "recursive", "cnn"])
def test_summary_by_name(name: str, capsys: Capture) -> None:
    code, text, err = run(capsys, "summary", name, "--vocabulary", 500, "--classes", 3)
    assert code == 0, err
    assert "Total parameters" in text
    assert f"{name} for " in err


def test_summary_by_name_knows_the_vocabulary(capsys: Capture) -> None:
    for name, wide in (("bilstm-crf", 100), ("lstm", 128)):
        small, large = (
            json.loads(run(capsys, "summary", name, "--vocabulary", n, "--json")[1])["total"] for n in (500, 600)
        )
        assert large - small == 100 * wide


# ---- what goes wrong


Maker = Callable[[Path], list[Any]]


def table(content: str | bytes, *options: str, name: str = "t.csv") -> Maker:
    def make(folder: Path) -> list[Any]:
        place = folder / name
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [place, *options]

    return make


def of_rows(*rows: str, head: str = "text,label") -> str:
    return "\n".join([head, *(f'"{text}",{label}' for text, label in reviews()), *rows]) + "\n"


def jsonl(*odd: str, **columns: Callable[[int], Any]) -> str:
    rows = [json.dumps({name: make(i) for name, make in columns.items()}) for i in range(20)]
    return "\n".join([*rows[:5], *odd, *rows[5:]]) + "\n"


WORDS = {"tokens": lambda i: ["a", "cat", str(i)], "tags": lambda i: ["X", "Y", "X"]}
NUMBERS = "height,weight,sex\n" + "".join(f"{i * 1.5},{i % 7},{'mf'[i % 2]}\n" for i in range(40))
VECTORS = "the 1 2 3\nfilm 3 4 5\n"


def with_vectors(content: bytes) -> Maker:
    def make(folder: Path) -> list[Any]:
        (folder / "v.txt").write_bytes(content)
        return [csv(folder / "r.csv"), "--model", "lstm", "--vectors", folder / "v.txt"]

    return make


def broken_tree(folder: Path) -> list[Any]:
    return [lines(folder / "t.txt", [*trees()[:9], "(1 (2 so)", *trees()[9:]])]


def no_tree(folder: Path) -> list[Any]:
    return [lines(folder / "t.txt", [*trees()[:9], "prose", *trees()[9:]])]


MISTAKES: list[tuple[str, Maker, str]] = [
    ("misspelt target", table(of_rows(), "--target", "lable"), "did you mean 'label'"),
    ("misspelt text", table(of_rows(), "--text", "txt"), "did you mean 'text'"),
    ("one column twice", table(of_rows(), "--text", "label", "--target", "label"), "both the texts and the labels"),
    ("numbers alone", table(NUMBERS), "no column of t.csv holds texts"),
    ("numbers and a target", table(NUMBERS, "--target", "sex"), "holds texts beside the labels in sex"),
    ("empty", table(""), "it is empty"),
    ("names alone", table("text,label\n"), "has no rows"),
    ("empty texts", table("text,label\n" + ",a\n,b\n" * 20), "every text in the column 'text' of t.csv is empty"),
    ("missing label", table(of_rows("a film,", "so,yes")), "no label in row 41"),
    ("one class", table("text,label\n" + "a film,yes\nthe plot,yes\n" * 9), "have the label 'yes'"),
    ("zero bytes", table(of_rows().replace("number", "\0")), "zero bytes, the first is byte"),
    ("undecodable", table(of_rows().encode() + b'"\xff\xfe\x81 a\x90\x9d",yes\n'), "line 42"),
    ("open quote", table(of_rows('"open, here', "b,no,c")), "quotation mark"),
    ("broken JSON", table(jsonl('{"text": "a', text=str, label=lambda i: i % 2), name="t.jsonl"), "line 6 is no JSON"),
    (
        "lengths",
        table(jsonl('{"tokens": ["a", "b"], "tags": ["X"]}', **WORDS), name="t.jsonl"),
        "row 6 of t.jsonl has 2 words and 1 tags",
    ),
    ("unknown tag column", table(jsonl(**WORDS), "--target", "pos", name="t.jsonl"), "no column 'pos'"),
    ("text of CoNLL", lambda f: [conll(f / "c.conll"), "--text", "x"], "is no table"),
    ("tokens of CoNLL", lambda f: [conll(f / "c.conll"), "--tokens", "bpe"], "leave tokens out (--tokens)"),
    ("long sentence", lambda f: [conll(f / "c.conll"), "--max-length", "3"], "sentence 1 has 7 words, more than 3"),
    ("open bracket", broken_tree, "line 10 of"),
    ("no tree among trees", no_tree, "line 10 of"),
    ("model of another kind", table(of_rows(), "--model", "resnet18"), "is for image data, and this is text data"),
    ("tags of texts", table(of_rows(), "--repair-tags"), "a category has no tags"),
    ("width of vectors", with_vectors(VECTORS.encode()), "has vectors of 3 numbers"),
    ("damaged vectors", with_vectors(bytes(range(256)) * 9), "To fix it: fetch the file again"),
    ("a number that is none", with_vectors(b"the 1 2 nan\n"), "line 1 of"),
    ("pictures as words", lambda f: [pictures(f / "p"), "--tokens", "words"], "leave tokens out (--tokens)"),
    ("pictures with a text", lambda f: [pictures(f / "p"), "--text", "x"], "is no table"),
]


@pytest.mark.parametrize(("make", "words"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistakes(make: Maker, words: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, out, err = run(capsys, "train", *make(tmp_path), *FAST)
    assert (code, out) == (2, ""), err
    assert words in err
    assert not list((tmp_path / "here").iterdir()), "a run that never began leaves nothing"


def test_an_unforeseen_error_leaves_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def fail(*_a: Any, **_k: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("deepwell.learner.Learner.check", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["train", str(csv(tmp_path / "r.csv")), *FAST])
    assert not (tmp_path / "runs").exists()


def test_what_predict_refuses(texts: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("b.txt").write_bytes(bytes(range(256)) * 9)
    Path("nothing").mkdir()
    for given, words in (
        ([""], "an empty text"),
        (["  "], "an empty text"),
        (["missing.txt"], "there is no file missing.txt"),
        (["below/missing.csv"], "there is no file below/missing.csv"),
        (["b.txt"], "can't be read as text"),
        (["nothing"], "nothing holds no texts"),
        (["a film", "--text", "said"], "there is no table"),
        (["a film", "--attention"], "no attention to show"),
    ):
        code, out, err = run(capsys, "predict", "run", *given)
        assert (code, out) == (2, ""), given
        assert words in err
    piped(monkeypatch, b"\n \n")
    code, _, err = run(capsys, "predict", "run", "-")
    assert (code, "standard input holds no text" in err) == (2, True)
    # what no file can be named is a text
    for odd in ("word " * 2000, "a\0b"):
        assert run(capsys, "predict", "run", odd)[0] == 0


def test_data_of_another_kind(texts: Path, capsys: Capture) -> None:
    pictures(Path("p"))
    code, _, err = run(capsys, "evaluate", "run", "p")
    assert (code, "p is image data. Expected: text data" in err) == (2, True)
    code, _, err = run(capsys, "evaluate", "run", "--text", "said")
    assert (code, "--text says how a SOURCE is read" in err) == (2, True)
    code, _, err = run(capsys, "evaluate", "run", "--repair-tags")
    assert (code, "gives no tags" in err) == (2, True)
    code, _, err = run(capsys, "predict", "run", "p/cat/1.png")
    assert (code, "can't be read as text" in err) == (2, True)
    rows = "\n".join(f"{path.parent.name}/{path.name},{path.parent.name}" for path in sorted(Path("p").rglob("*.png")))
    Path("p/t.csv").write_text(f"path,kind\n{rows}\n")
    code, _, err = run(capsys, "train", "p/t.csv", "--target", "kind", "--model", "mlp", "--out", "pictured", *FAST)
    assert code == 0, err
    for given in ("a good film", ""):
        code, _, err = run(capsys, "predict", "pictured", given)
        assert code == 2
        assert "a picture" in err or "empty" in err


def test_unknown_tags(tags: Path, capsys: Capture) -> None:
    conll(Path("new.conll"), odd=[("Ada", "B-ORG")])
    code, _, err = run(capsys, "evaluate", "run", "new.conll")
    assert code == 2
    assert "sentence 8 has the tag 'B-ORG', which the model has not learnt" in err


@pytest.mark.parametrize(
    "change",
    [
        {"vocabulary": ["a", "a"]},
        {"vocabulary": [1, 2]},
        {"vocabulary": {"a": 1}},
        {"vocabulary": ["x" * 1_000_000]},
        {"max_length": 10**30},
        {"tokens": "os.system"},
        {"kind": "tokens"},
    ],
)
def test_a_hostile_vocabulary(change: dict[str, Any], texts: Path, capsys: Capture) -> None:
    with safe_open(str(texts / "model.safetensors"), "pt") as file:
        description = json.loads(file.metadata()["deepwell-model"])
    description["input"].update(change)
    text = json.dumps(description)
    save_file(load_file(str(texts / "model.safetensors")), "x.safetensors", metadata={"deepwell-model": text})
    code, out, err = run(capsys, "predict", "x.safetensors", "a good film")
    assert (code, out) == (2, ""), err


def test_texts_with_half_characters_can_be_saved(tmp_path: Path, capsys: Capture) -> None:
    rows = [json.dumps({"text": f"{text} \ud83d x\ud83d", "label": label}) for text, label in reviews()]
    lines(tmp_path / "half.jsonl", rows)
    code, _, err = run(capsys, "train", tmp_path / "half.jsonl", "--out", tmp_path / "run", *FAST)
    assert code == 0, err


# ---- the terminal


def test_widths() -> None:
    assert [width(text) for text in ("", "abc", "北京", "กิน", "日本。", "👍🏽!")] == [0, 3, 4, 2, 6, 3]
    assert one_line("北京" * 50, 11) == "北京北京..."
    assert aligned(["我", "Rio"], ["O", "B"], 80) == ["我  Rio", "O   B"]
    assert aligned(["one", "two", "three"], ["A", "B", "C"], 9) == ["one  two", "A    B", "three", "C"]
    assert aligned([], [], 80) == []
