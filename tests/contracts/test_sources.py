"""One suite for every kind of source; a new kind is one row in SOURCES, its bad variants rows in BROKEN."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from deepwell.core.errors import UserError
from deepwell.data.arrays import from_arrays, from_frame
from deepwell.data.batches import order
from deepwell.data.dataset_rows import from_dataset
from deepwell.data.fingerprint import fingerprint, of_values
from deepwell.data.recognise import recognise
from deepwell.data.source import PARTS, Source
from deepwell.data.split import make
from deepwell.data.text_memory import from_texts, from_words
from deepwell.data.trees import from_trees

COUNT, CLASSES = 24, 3
X = np.random.default_rng(0).integers(0, 256, (COUNT, 6, 5)).astype(np.uint8)
Y = np.arange(COUNT) % CLASSES


def _png(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(X[number]).save(path)


def _idx(path: Path, array: np.ndarray) -> None:
    content = bytes([0, 0, 8, array.ndim]) + b"".join(s.to_bytes(4, "big") for s in array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def class_folders(place: Path) -> Source:
    for i in range(COUNT):
        _png(place / "set" / f"class{Y[i]}" / f"{i}.png", i)
    return recognise(place / "set")


def part_folders(place: Path) -> Source:
    for i in range(COUNT):
        _png(place / "set" / ("train", "val", "test")[i // CLASSES % 3] / f"class{Y[i]}" / f"{i}.png", i)
    return recognise(place / "set")


def array(place: Path) -> Source:
    return from_arrays(X, Y)


def colour_tensor(place: Path) -> Source:
    return from_arrays(torch.from_numpy(np.stack([X] * 3, 1)), torch.from_numpy(Y))


def arrays_in_parts(place: Path) -> Source:
    return from_arrays(X[:12], Y[:12], validation=(X[12:18], Y[12:18]), test=(X[18:], Y[18:]))


def list_of_paths(place: Path) -> Source:
    for i in range(COUNT):
        _png(place / f"{i}.png", i)
    return from_arrays([place / f"{i}.png" for i in range(COUNT)], [f"class{v}" for v in Y])


def list_of_pictures(place: Path) -> Source:
    return from_arrays([Image.fromarray(x) for x in X], list(Y))


def mixed_sizes(place: Path) -> Source:
    return from_arrays([x[: 2 + i % 4] for i, x in enumerate(X)], np.eye(CLASSES)[Y])


def frame(place: Path) -> Source:
    for i in range(COUNT):
        _png(place / f"{i}.png", i)
    return from_frame(pl.DataFrame({"p": [str(place / f"{i}.png") for i in range(COUNT)], "t": Y}), target="t")


def csv(place: Path) -> Source:
    for i in range(COUNT):
        _png(place / f"{i}.png", i)
    pl.DataFrame({"p": [f"{i}.png" for i in range(COUNT)], "t": Y}).write_csv(place / "list.csv")
    return recognise(place / "list.csv", target="t")


def npz(place: Path) -> Source:
    np.savez(place / "set.npz", x=X, y=Y)
    return recognise(place / "set.npz")


def npz_in_parts(place: Path) -> Source:
    np.savez(place / "set.npz", x_train=X[:18], y_train=Y[:18], x_test=X[18:], y_test=Y[18:])
    return recognise(place / "set.npz")


def idx_folder(place: Path) -> Source:
    for part, rows in (("train", slice(0, 18)), ("t10k", slice(18, None))):
        _idx(place / f"{part}-images-idx3-ubyte.gz", X[rows])
        _idx(place / f"{part}-labels-idx1-ubyte.gz", Y[rows].astype(np.uint8))
    return recognise(place)


def idx_file(place: Path) -> Source:
    _idx(place / "all-images.idx3-ubyte", X)
    _idx(place / "all-labels.idx1-ubyte", Y.astype(np.uint8))
    return recognise(place / "all-images.idx3-ubyte")


def torch_dataset(place: Path) -> Source:
    return from_dataset(TensorDataset(torch.from_numpy(X)[:, None], torch.from_numpy(Y)))


def torch_loader(place: Path) -> Source:
    return from_dataset(DataLoader(TensorDataset(torch.from_numpy(X)[:, None], torch.from_numpy(Y)), shuffle=True))


def named_set(place: Path) -> Source:
    return recognise("digits")


TEXTS = [f"{'good' if i % CLASSES else 'bad'} film {i}, 第{i}部 \U0001f600" for i in range(COUNT)]
LABELS = [f"class{v}" for v in Y]
WORDS = [["Ann", "met", f"Bob{i}"] for i in range(COUNT)]
TAGS = [["B", "O", "B" if i % 2 else "O"] for i in range(COUNT)]
TREES = [f"({LABELS[i]} (2 It) (2 (1 is{i}) (3 good)))" for i in range(COUNT)]
PARTS_OF = [("train", "dev", "test")[i // CLASSES % 3] for i in range(COUNT)]


def text_csv(place: Path) -> Source:
    pl.DataFrame({"review": TEXTS, "t": LABELS}).write_csv(place / "list.csv")
    return recognise(place / "list.csv", target="t")


def text_csv_with_parts(place: Path) -> Source:
    pl.DataFrame({"split": PARTS_OF, "review": TEXTS, "t": LABELS}).write_csv(place / "list.csv")
    return recognise(place / "list.csv", target="t")


def text_parquet(place: Path) -> Source:
    pl.DataFrame({"review": TEXTS, "label": LABELS}).write_parquet(place / "list.parquet")
    return recognise(place / "list.parquet")


def text_tables_in_parts(place: Path) -> Source:
    for part in ("train", "dev", "test"):
        rows = [i for i in range(COUNT) if PARTS_OF[i] == part]
        table = pl.DataFrame({"text": [TEXTS[i] for i in rows], "label": [LABELS[i] for i in rows]})
        (place / "set").mkdir(exist_ok=True)
        table.write_ndjson(place / "set" / f"{part}.jsonl")
    return recognise(place / "set")


def text_folders(place: Path) -> Source:
    for i in range(COUNT):
        (place / "set" / LABELS[i]).mkdir(parents=True, exist_ok=True)
        (place / "set" / LABELS[i] / f"{i}.txt").write_text(TEXTS[i], encoding="utf-16" if i % 2 else "utf-8")
    return recognise(place / "set")


def texts_in_memory(place: Path) -> Source:
    return from_texts(np.array(TEXTS), LABELS)


def conll(place: Path) -> Source:
    lines = ["".join(f"{w}\t{t}\n" for w, t in zip(*pair, strict=True)) for pair in zip(WORDS, TAGS, strict=True)]
    (place / "words.conll").write_text("\n".join(lines), encoding="utf-8")
    return recognise(place / "words.conll")


def conll_in_parts(place: Path) -> Source:
    for part in ("train", "dev", "test"):
        rows = [i for i in range(COUNT) if PARTS_OF[i] == part]
        lines = ["".join(f"{w} {t}\n" for w, t in zip(WORDS[i], TAGS[i], strict=True)) for i in rows]
        (place / "set").mkdir(exist_ok=True)
        (place / "set" / f"{part}.txt").write_text("\n".join(lines), encoding="utf-8")
    return recognise(place / "set")


def tagged_json_lines(place: Path) -> Source:
    pl.DataFrame({"tokens": WORDS, "tags": TAGS}).write_ndjson(place / "words.jsonl")
    return recognise(place / "words.jsonl")


def words_in_memory(place: Path) -> Source:
    return from_words(WORDS, TAGS)


def tree_file(place: Path) -> Source:
    (place / "all.txt").write_text("\n".join(TREES), encoding="utf-8")
    return recognise(place / "all.txt")


def tree_files_in_parts(place: Path) -> Source:
    for part in ("train", "dev", "test"):
        (place / "set").mkdir(exist_ok=True)
        rows = [TREES[i] for i in range(COUNT) if PARTS_OF[i] == part]
        (place / "set" / f"{part}.txt").write_text("\n".join(rows), encoding="utf-8")
    return recognise(place / "set")


def trees_in_memory(place: Path) -> Source:
    return from_trees(TREES, LABELS)


Maker = Callable[[Path], Source]
ALL_PARTS = {"train", "validation", "test"}
SAMPLES: dict[str, dict[str, Any]] = {
    "text": dict(zip(TEXTS, LABELS, strict=True)),
    "tokens": {" ".join(words): tags for words, tags in zip(WORDS, TAGS, strict=True)},
    "tree": dict(zip(TREES, LABELS, strict=True)),
}
WRITTEN: list[tuple[Maker, set[str]]] = [
    (text_csv, set()),
    (text_csv_with_parts, ALL_PARTS),
    (text_parquet, set()),
    (text_tables_in_parts, ALL_PARTS),
    (text_folders, set()),
    (texts_in_memory, set()),
    (conll, set()),
    (conll_in_parts, ALL_PARTS),
    (tagged_json_lines, set()),
    (words_in_memory, set()),
    (tree_file, set()),
    (tree_files_in_parts, ALL_PARTS),
    (trees_in_memory, set()),
]
SOURCES: list[tuple[Maker, set[str]]] = [
    (class_folders, set()),
    (part_folders, {"train", "validation", "test"}),
    (array, set()),
    (colour_tensor, set()),
    (arrays_in_parts, {"train", "validation", "test"}),
    (list_of_paths, set()),
    (list_of_pictures, set()),
    (mixed_sizes, set()),
    (frame, set()),
    (csv, set()),
    (npz, set()),
    (npz_in_parts, {"train", "test"}),
    (idx_folder, {"train", "test"}),
    (idx_file, set()),
    (torch_dataset, set()),
    (torch_loader, set()),
    (named_set, set()),
]
each = pytest.mark.parametrize(("maker", "parts"), [*SOURCES, *WRITTEN], ids=lambda v: getattr(v, "__name__", ""))
pictures = pytest.mark.parametrize(("maker", "parts"), SOURCES, ids=lambda v: getattr(v, "__name__", ""))
written = pytest.mark.parametrize(("maker", "parts"), WRITTEN, ids=lambda v: getattr(v, "__name__", ""))


def _digest(source: Source) -> str:
    return fingerprint(source.x) if source.kind == "image" else of_values(source.x)


def _pixels(raw: Any) -> np.ndarray:
    """A raw sample as numbers, [height, width] of the first channel."""
    if isinstance(raw, (str, Path)):
        raw = Image.open(raw)
    values = np.asarray(raw)
    if values.ndim == 3:
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    return values


@each
def test_it_says_what_it_is(maker: Maker, parts: set[str], tmp_path: Path) -> None:
    source = maker(tmp_path)
    assert source.kind in ("image", "text", "tokens", "tree")
    assert (source.kind == "image") == ((maker, parts) in SOURCES)
    assert source.answer == ("tags" if source.kind == "tokens" else "category")
    assert source.name
    assert len(source.found) > 10
    assert "\n" not in source.found
    assert all(isinstance(note, str) and note for note in source.notes)


@each
def test_one_label_and_one_part_a_sample(maker: Maker, parts: set[str], tmp_path: Path) -> None:
    source = maker(tmp_path)
    assert len(source.x) == len(source.y) > 0
    assert set(source.parts or ()) == parts
    if source.parts is not None:
        assert len(source.parts) == len(source.x)
        assert parts <= set(PARTS)


@written
def test_samples_are_what_was_written_with_their_labels(maker: Maker, parts: set[str], tmp_path: Path) -> None:
    source = maker(tmp_path)
    found = {" ".join(x) if source.kind == "tokens" else str(x): y for x, y in zip(source.x, source.y, strict=True)}
    assert found == SAMPLES[source.kind]
    if source.parts is not None:
        told = {"dev": "validation"}
        for x, part in zip(source.x, source.parts, strict=True):
            number = list(SAMPLES[source.kind]).index(" ".join(x) if source.kind == "tokens" else str(x))
            assert part == told.get(PARTS_OF[number], PARTS_OF[number])


@pictures
def test_samples_are_the_pictures_with_their_labels(maker: Maker, parts: set[str], tmp_path: Path) -> None:
    source = maker(tmp_path)
    if maker is named_set:
        pytest.skip("its pictures are compared with their origin in data/test_named.py")
    by_picture = {X[i].tobytes(): int(Y[i]) for i in range(COUNT)}
    by_rows = {X[i][: 2 + i % 4].tobytes(): int(Y[i]) for i in range(COUNT)}  # of the mixed sizes
    found = []
    for i in range(len(source.x)):
        content = np.ascontiguousarray(_pixels(source.x[i])).tobytes()
        label = source.y[i]
        number = int(np.argmax(label)) if np.ndim(label) else int(str(label).removeprefix("class"))
        assert number == (by_rows if maker is mixed_sizes else by_picture)[content]
        found.append(content)
    assert len(set(found)) == COUNT


@each
def test_twice_the_same(maker: Maker, parts: set[str], tmp_path: Path) -> None:
    first, again = maker(tmp_path), maker(tmp_path)
    assert [str(label) for label in first.y] == [str(label) for label in again.y]
    assert first.parts == again.parts
    assert first.found == again.found
    assert _digest(first) == _digest(again)


@each
def test_samples_by_slice(maker: Maker, parts: set[str], tmp_path: Path) -> None:
    source = maker(tmp_path)
    piece = source.x[3:7]
    assert len(piece) == 4
    if source.kind != "image":
        assert piece[0] == source.x[3]
        return
    assert np.array_equal(_pixels(piece[0]), _pixels(source.x[3]))


@each
def test_it_can_be_opened_again_by_its_origin(maker: Maker, parts: set[str], tmp_path: Path) -> None:
    source = maker(tmp_path)
    if not source.origin:
        return
    again = recognise(source.origin, target="t" if source.origin.endswith(".csv") else None)
    assert _digest(again) == _digest(source)
    assert again.name == source.name


@each
def test_it_can_be_split_and_ordered(maker: Maker, parts: set[str], tmp_path: Path) -> None:
    source = maker(tmp_path)
    labels = [""] * len(source.y) if source.answer == "tags" else source.y
    split = make(labels, None, validation=0.2, test=0.2, parts=source.parts)
    rows = np.concatenate([split.train, split.validation, split.test])
    assert sorted(rows.tolist()) == list(range(len(source.x)))
    assert all(len(part) for part in (split.train, split.validation, split.test))
    assert sorted(order(len(split.train), 0, 1).tolist()) == list(range(len(split.train)))


def _damaged(maker: Maker, file: str, harm: Callable[[Path], object]) -> Callable[[Path], tuple[Any, str]]:
    def broken(place: Path) -> tuple[Any, str]:
        maker(place)
        harm(place / file)
        where = place if file.startswith("train-") else place / file
        return where, file

    return broken


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BROKEN: list[tuple[str, Callable[[Path], tuple[Any, str]]]] = [
    ("an .npz cut off", _damaged(npz, "set.npz", _half)),
    ("an .npz of text", _damaged(npz, "set.npz", lambda p: p.write_text("x"))),
    ("an empty .npz", _damaged(npz, "set.npz", lambda p: p.write_bytes(b""))),
    ("IDX pictures cut off", _damaged(idx_folder, "train-images-idx3-ubyte.gz", _half)),
    ("IDX labels cut off", _damaged(idx_folder, "train-labels-idx1-ubyte.gz", _half)),
    ("IDX labels that are gone", _damaged(idx_folder, "train-labels-idx1-ubyte.gz", Path.unlink)),
    ("an IDX file of text", _damaged(idx_file, "all-images.idx3-ubyte", lambda p: p.write_text("some text"))),
    ("an empty table", _damaged(csv, "list.csv", lambda p: p.write_text(""))),
    ("a table without the column", _damaged(csv, "list.csv", lambda p: p.write_text("a,b\n1,2\n"))),
    ("a table of files that are gone", _damaged(csv, "list.csv", lambda p: p.write_text("p,t\nnone.png,2\n"))),
    ("an empty table of texts", _damaged(text_csv, "list.csv", lambda p: p.write_text("review,t\n"))),
    ("a table of bytes", _damaged(text_csv, "list.csv", lambda p: p.write_bytes(bytes(range(256)) * 4))),
    ("a table without labels", _damaged(text_csv, "list.csv", lambda p: p.write_text("review,t\na,\nb,x\n"))),
    ("a Parquet table cut off", _damaged(text_parquet, "list.parquet", _half)),
    ("words without tags", _damaged(conll, "words.conll", lambda p: p.write_text("a\nb\n"))),
    ("no words", _damaged(conll, "words.conll", lambda p: p.write_text("\n\n"))),
    ("a tree cut off", _damaged(tree_file, "all.txt", lambda p: p.write_text("(1 (2 a)\n(1 (2 a) (3 b))\n"))),
    ("an empty folder", lambda place: (place, str(place))),
]


@pytest.mark.parametrize(("kind", "broken"), BROKEN, ids=[kind for kind, _ in BROKEN])
def test_what_is_broken_is_named(kind: str, broken: Callable[[Path], tuple[Any, str]], tmp_path: Path) -> None:
    where, named = broken(tmp_path)
    with pytest.raises(UserError) as caught:
        recognise(where, target="t" if str(where).endswith(".csv") else None)
    assert named in str(caught.value)
    assert caught.value.expected or caught.value.fix
