"""Folders of pictures, as people really keep them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepwell.core.errors import UserError
from deepwell.data.class_folders import natural
from deepwell.data.folders import pictures_in, read_folder


def tree(root: Path, *files: str) -> Path:
    """Files below a folder; those with a picture's suffix are pictures."""
    for number, name in enumerate(files):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in (".png", ".jpg", ".gif", ".tif", ".bmp", ".webp"):
            Image.fromarray(np.full((4, 4), number, np.uint8)).save(path)
        else:
            path.write_text("no picture")
    return root


def test_class_folders(tmp_path: Path) -> None:
    source = read_folder(tree(tmp_path, "dog/10.png", "dog/2.PNG", "cat/a.jpg", "cat/b.gif", "cat/c.tif"))
    assert [path.name for path in source.x] == ["a.jpg", "b.gif", "c.tif", "2.PNG", "10.png"]
    assert source.y == ["cat"] * 3 + ["dog"] * 2
    assert source.parts is None
    assert source.found == "5 pictures in 2 class folders: cat, dog"
    assert source.notes == ()


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [("train", "val", "test"), ("Training", "valid", "testing"), ("训练", "验证", "测试"), ("train", "dev", "TEST")],
)
def test_parts_by_their_names(tmp_path: Path, train: str, validation: str, test: str) -> None:
    files = [f"{part}/{label}/{part}.png" for part in (train, validation, test) for label in ("a", "b")]
    source = read_folder(tree(tmp_path, *files))
    by_part = {part: path.parent.parent.name for part, path in zip(source.parts or [], source.x, strict=True)}
    assert by_part == {"train": train, "validation": validation, "test": test}


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    tree(tmp_path, "a/1.png", "b/1.png", ".DS_Store", "a/Thumbs.db", "__MACOSX/a/._1.png", ".git/x.png", "a/._1.png")
    source = read_folder(tmp_path)
    assert len(source.x) == 2
    assert source.notes == ()


def test_other_files_and_empty_classes_are_said(tmp_path: Path) -> None:
    tree(tmp_path, "a/1.png", "a/notes.txt", "a/sub/more.csv", "b/1.png", "loose.png", "README.md")
    (tmp_path / "c").mkdir()
    notes = "\n".join(read_folder(tmp_path).notes)
    assert "2 files that are no pictures" in notes
    assert f"{tmp_path / 'c'} holds no pictures" in notes
    assert "1 pictures right in" in notes


def test_folders_below_a_class_belong_to_it(tmp_path: Path) -> None:
    source = read_folder(tree(tmp_path, "a/x/1.png", "a/y/z/2.png", "a/3.png", "b/1.png"))
    assert source.y == ["a", "a", "a", "b"]


def test_a_class_named_train_is_a_class(tmp_path: Path) -> None:
    source = read_folder(tree(tmp_path, "train/1.png", "bus/1.png", "tram/1.png"))
    assert source.parts is None
    assert set(source.y) == {"train", "bus", "tram"}


def test_a_folder_beside_the_parts_is_passed_over_and_said(tmp_path: Path) -> None:
    source = read_folder(tree(tmp_path, "train/a/1.png", "train/b/1.png", "test/a/2.png", "masks/a/1.png"))
    assert source.parts == ["train", "train", "test"] or sorted(source.parts or []) == ["test", "train", "train"]
    assert any("masks" in note for note in source.notes)


def test_a_part_without_labels_is_said(tmp_path: Path) -> None:
    source = read_folder(tree(tmp_path, "train/a/1.png", "train/b/1.png", "test/1.png", "test/2.png"))
    assert source.parts is None  # only the training part has labels: it is split as if it came alone
    assert any("2 pictures but no class folders" in note for note in source.notes)


def test_a_training_folder_alone_is_split_by_us(tmp_path: Path) -> None:
    assert read_folder(tree(tmp_path, "train/a/1.png", "train/b/1.png")).parts is None


def test_a_class_that_the_training_part_lacks(tmp_path: Path) -> None:
    tree(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/cat/2.png", "val/dogs/2.png")
    with pytest.raises(UserError, match=r"validation part .* 'dogs', which the training part lacks.*is it 'dog'"):
        read_folder(tmp_path)


def test_links_that_go_round(tmp_path: Path) -> None:
    tree(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a", target_is_directory=True)
    source = read_folder(tmp_path)
    assert len(source.x) < 10
    assert len(pictures_in(tmp_path / "b")) == 1


def test_a_link_to_pictures_elsewhere_is_followed(tmp_path: Path) -> None:
    tree(tmp_path / "elsewhere", "1.png", "2.png")
    tree(tmp_path / "set", "a/1.png")
    (tmp_path / "set" / "b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert read_folder(tmp_path / "set").y == ["a", "b", "b"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((), "is empty"),
        (("1.png", "2.png"), "has 2 pictures but no class folders"),
        (("notes.txt",), "holds no pictures"),
        (("a/notes.txt", "b/notes.txt"), "holds no pictures"),
        (("a/1.png", "a/2.png"), "has one class only, 'a'"),
        (("a/1.png", "b/notes.txt"), "has one class only, 'a'"),
    ],
)
def test_what_is_no_set_of_pictures(tmp_path: Path, files: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        read_folder(tree(tmp_path, *files))
    assert str(tmp_path) in str(caught.value)
    assert caught.value.fix


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_a_folder_that_can_not_be_read(tmp_path: Path) -> None:
    tree(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "a").chmod(0)
    with pytest.raises(UserError, match=r"can't be read.*permissions"):
        read_folder(tmp_path)


def test_a_folder_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UserError, match=r"can't be read \(Permission denied\).*permissions"):
        read_folder(tmp_path)


def test_natural_order() -> None:
    names = ["b10", "b2", "B1", "²", "1²", "10", "9", "", "٣"]
    assert sorted(names, key=natural)[:3] == ["", "٣", "9"] or sorted(names, key=natural)[0] == ""
    assert sorted(["x10.png", "x9.png", "x09.png"], key=lambda n: (natural(n), n)) == ["x09.png", "x9.png", "x10.png"]
