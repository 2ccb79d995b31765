"""Files of word vectors, whole and broken."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.nn.word_vectors import load_vectors

GLOVE = "the 0.5 -1e-2 3\nof 1 2 3\n. . . 4 5 6\nnaïve 7 8 9\n東京 -1 -2 -3\n\xa0 1 1 1\nthe 9 9 9\n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_glove(tmp_path: Path) -> None:
    words = ["naïve", "missing", "the", ". . .", "東京", "\xa0"]
    vectors, found = load_vectors(written(tmp_path, GLOVE), words)
    wanted = [[7, 8, 9], [0, 0, 0], [0.5, -0.01, 3], [4, 5, 6], [-1, -2, -3], [1, 1, 1]]
    assert torch.equal(vectors, torch.tensor(wanted)) and found == 5


@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
@pytest.mark.parametrize("first", ["", "\ufeff"])
def test_word2vec_with_a_header(tmp_path: Path, first: str, end: str) -> None:
    text = first + end.join(["3 2", "</s> 0 1", "New York 2 3", "1 4 5", ""])
    vectors, found = load_vectors(written(tmp_path, text), ["New York", "1", "3"])
    assert vectors.tolist() == [[2, 3], [4, 5], [0, 0]] and found == 2


def test_tabs_blank_lines_no_last_line_feed_and_gzip(tmp_path: Path) -> None:
    path = tmp_path / "v.gz"
    path.write_bytes(gzip.compress(b"a\t1\t2\n\nb\t3\t4"))
    vectors, found = load_vectors(path, ["b", "a"])
    assert vectors.tolist() == [[3, 4], [1, 2]] and found == 2


def test_small_letters_stand_in(tmp_path: Path) -> None:
    """A word as it is written comes first, wherever it stands in the file."""
    path = written(tmp_path, "paris 1 1\nParis 2 2\nus 3 3\n")
    vectors, found = load_vectors(path, ["Paris", "PARIS", "US", "us", "Us"])
    assert vectors.tolist() == [[2, 2], [1, 1], [3, 3], [3, 3], [3, 3]] and found == 5


def test_the_first_of_two_counts(tmp_path: Path) -> None:
    assert load_vectors(written(tmp_path, "a 1 1\na 2 2\n"), ["a", "A"])[0].tolist() == [[1, 1], [1, 1]]


def test_words_with_spaces_first_do_not_mislead(tmp_path: Path) -> None:
    text = "new york city 1 2\n" + "".join(f"w{i} {i} 0\n" for i in range(5))
    assert load_vectors(written(tmp_path, text), ["new york city"])[0].tolist() == [[1, 2]]


def test_bytes_that_are_no_utf8_are_no_word_that_is_looked_for(tmp_path: Path) -> None:
    vectors, found = load_vectors(written(tmp_path, b"\xff\xfe 1 2\nok 3 4\n"), ["ok", "ÿþ"])
    assert vectors.tolist() == [[3, 4], [0, 0]] and found == 1


def test_no_words_are_wanted(tmp_path: Path) -> None:
    vectors, found = load_vectors(written(tmp_path, GLOVE), [])
    assert vectors.shape == (0, 3) and found == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a 1 2 3\nb 1 2 3\nc 1 2\n", "line 3 of .* has 2 numbers. Expected: 3"),
        ("a 1 2 3\nb 1 2 3\nc 0.1 0.2 0.3 0.4\n", "line 3 of .* has 4 numbers. Expected: 3"),
        ("2 3\na 1 2 3\nb 1 2\n", "line 3 of .* has 2 numbers. Expected: 3"),
        ("a 1 2\nb 1 x\n", "line 2 of .* has 'x'. Expected: a finite number"),
        ("a 1 2\nb 1 nan\n", "line 2 of .* has 'nan'"),
        ("a 1 2\nb 1 inf\n", "line 2 of .* has 'inf'"),
        ("a\nb\n", "line 1 of .* has a word and no numbers"),
        ("", "has no vectors"),
        ("\n\n", "has no vectors"),
        ("3 2\n", "has no vectors"),
    ],
)
def test_broken_files_name_the_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_vectors(written(tmp_path, text), ["a", "b", "c"])


def test_no_file_and_a_broken_archive(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no file"):
        load_vectors(tmp_path / "none.txt", ["a"])
    with pytest.raises(UserError, match="is no file"):
        load_vectors(tmp_path, ["a"])
    broken = tmp_path / "v.gz"
    broken.write_bytes(gzip.compress(b"a 1 2\n" * 1000)[:-20])
    with pytest.raises(UserError, match="can't be read"):
        load_vectors(broken, ["b"])


def test_a_binary_file_is_named(tmp_path: Path) -> None:
    data = b"2 2\nfirst \x00\x00\x80?\x00\x00\x00@second \xcd\xcc\x0c@\x00\x00\x80@"
    with pytest.raises(UserError, match="binary format"):
        load_vectors(written(tmp_path, data), ["first", "second"])
