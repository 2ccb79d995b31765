"""Folders of texts by class, as people keep them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepwell.core.errors import UserError
from deepwell.data.recognise import recognise


def write(root: Path, name: str, content: str | bytes = "words") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_class_folders(tmp_path: Path) -> None:
    for name in ("neg/10.txt", "neg/2.TXT", "pos/a.md", "pos/53068", "pos/0001.7c53336b37003a9286aba55d2945844c"):
        write(tmp_path, name, name)
    write(tmp_path, "README.txt")
    source = recognise(tmp_path)
    assert source.kind == "text"
    assert source.x == ["neg/2.TXT", "neg/10.txt", "pos/0001.7c53336b37003a9286aba55d2945844c", "pos/53068", "pos/a.md"]
    assert source.y == ["neg", "neg", "pos", "pos", "pos"]
    assert source.found == "5 texts in 2 class folders: neg, pos"
    assert (source.parts, source.notes, source.origin) == (None, (), str(tmp_path))


@pytest.mark.parametrize("names", [("train", "test"), ("20news-bydate-train", "20news-bydate-test"), ("训练", "测试")])
def test_parts(tmp_path: Path, names: tuple[str, str]) -> None:
    for room in names:
        for label in ("a", "b"):
            write(tmp_path, f"{room}/{label}/1.txt", f"{room} {label}")
    source = recognise(tmp_path)
    assert source.parts == ["train", "train", "test", "test"] or source.parts == ["test", "test", "train", "train"]
    assert all(text.startswith(names[part == "test"]) for text, part in zip(source.x, source.parts, strict=True))


def test_encodings_damage_and_empty_files_are_said(tmp_path: Path) -> None:
    write(tmp_path, "a/1.txt", "很好看的电影，我们都喜欢".encode("gb18030"))
    write(tmp_path, "a/2.txt", "שלום 😀".encode("utf-16"))
    write(tmp_path, "a/3.txt", ("很好看的电影" * 9).encode()[:-1])
    write(tmp_path, "b/1.txt", b"")
    write(tmp_path, "b/2.txt", "é".encode("latin-1"))
    write(tmp_path, "b/x.pdf", b"%PDF")
    source = recognise(tmp_path)
    assert source.x[:2] == ["很好看的电影，我们都喜欢", "שלום 😀"]
    notes = "\n".join(source.notes)
    for words in (
        f"1 text is read as GB18030, such as {tmp_path / 'a' / '1.txt'}",
        "1 text is read as UTF-16 LE",
        "1 text is read as Latin-1",
        "3.txt is damaged UTF-8",
        f"1 text is empty, such as {tmp_path / 'b' / '1.txt'}",
        "1 files that are no texts",
    ):
        assert words in notes


def test_a_million_characters(tmp_path: Path) -> None:
    write(tmp_path, "a/1.txt", "好" * 1_000_000)
    write(tmp_path, "b/1.txt", "short")
    assert len(recognise(tmp_path).x[0]) == 1_000_000


def test_pictures_stay_pictures(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for i in range(3):
            write(tmp_path, f"{label}/{i}.png", b"")
            Image.fromarray(np.full((4, 4), i, np.uint8)).save(tmp_path / label / f"{i}.png")
        write(tmp_path, f"{label}/notes.txt")
    assert recognise(tmp_path).kind == "image"


def test_what_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "one/a/1.txt")
    write(tmp_path, "loose/1.txt")
    write(tmp_path, "loose/2.txt")
    write(tmp_path, "binary/a/1.txt", b"\0\1\2" * 50)
    write(tmp_path, "binary/b/1.txt")
    write(tmp_path, "empty/a/1.txt", "")
    write(tmp_path, "empty/b/1.txt", " \n")
    for name in ("train/a/1", "train/b/1", "test/a/1", "test/c/1"):
        write(tmp_path, f"parts/{name}")
    for name, words in (
        ("one", "one class only, 'a'.*two folders of texts"),
        ("loose", "holds no texts in class folders"),
        ("binary", "1.txt can't be read as text"),
        ("empty", "all 2 texts are empty"),
        ("parts", "class folder 'c', which the training part lacks"),
    ):
        with pytest.raises(UserError, match=words):
            recognise(tmp_path / name)
    with pytest.raises(UserError, match=r"names the column 'y'.*is no table"):
        recognise(tmp_path / "empty", target="y")
    with pytest.raises(UserError, match=r"text names the column 'y'.*is no table"):
        recognise(tmp_path / "empty", text="y")
    with pytest.raises(UserError, match="one folder for each class, or into a table"):
        recognise(tmp_path / "loose" / "1.txt")
