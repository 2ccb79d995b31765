"""The store: the same rows back, encoded once, in little memory, and never believed when it is damaged."""

from __future__ import annotations

import errno
import json
import os
import time
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deepwell.core.errors import UserError
from deepwell.core.protocols import Rows
from deepwell.data import store
from deepwell.data.store import ArrayStore, build


def _pattern(start: int, stop: int, width: int = 48) -> np.ndarray:
    return (np.arange(start, stop)[:, None] * 7 + np.arange(width)).astype(np.uint8)


class _Counting:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, start: int, stop: int) -> np.ndarray:
        self.calls.append((start, stop))
        return _pattern(start, stop)


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    made = build("key", length=300, encode=_pattern, problems=[], folder=tmp_path)
    assert isinstance(made, Rows)
    assert len(made) == 300
    rows = torch.tensor([299, 0, 5, 5])
    assert np.array_equal(made.gather(rows).numpy(), _pattern(0, 300)[rows.numpy()])


def test_samples_are_encoded_once(tmp_path: Path) -> None:
    encode = _Counting()
    build("key", length=300, encode=encode, problems=[], folder=tmp_path)
    assert encode.calls[0][0] == 0
    assert [stop for _, stop in encode.calls][:-1] == [start for start, _ in encode.calls][1:]
    assert encode.calls[-1][1] == 300
    before = len(encode.calls)
    build("key", length=300, encode=encode, problems=[], folder=tmp_path)
    assert len(encode.calls) == before
    build("key", length=200, encode=encode, problems=[], folder=tmp_path)  # a key that means something else now
    assert len(encode.calls) > before


def test_problems_are_kept_with_the_rows(tmp_path: Path) -> None:
    problems: list[tuple[int, str]] = []

    def encode(start: int, stop: int) -> np.ndarray:
        problems.extend((row, f"row {row} is torn") for row in range(start, stop) if row == 100)
        return _pattern(start, stop)

    first = build("key", length=150, encode=encode, problems=problems, folder=tmp_path)
    again = build("key", length=150, encode=encode, problems=[], folder=tmp_path)
    assert first.problems == again.problems == [(100, "row 100 is torn")]


@pytest.mark.parametrize("damage", ["cut", "longer", "no facts", "odd facts", "hostile facts", "no rows"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: str) -> None:
    build("key", length=100, encode=_pattern, problems=[], folder=tmp_path)
    rows, facts = tmp_path / "key" / "rows.bin", tmp_path / "key" / "facts.json"
    content = rows.read_bytes()
    if damage == "cut":
        rows.write_bytes(content[:-1])
    elif damage == "longer":
        rows.write_bytes(content + b"x")
    elif damage == "no facts":
        facts.unlink()
    elif damage == "odd facts":
        facts.write_text("[1, 2")
    elif damage == "hostile facts":
        facts.write_text(json.dumps({"length": 100, "shape": [48], "dtype": "O", "problems": []}))
    else:
        rows.unlink()
    encode = _Counting()
    made = build("key", length=100, encode=encode, problems=[], folder=tmp_path)
    assert encode.calls
    assert np.array_equal(made.gather(torch.arange(100)).numpy(), _pattern(0, 100))


def test_a_set_larger_than_a_piece_never_lies_in_memory_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_PIECE_BYTES", 1 << 20)
    length, width = 1000, 64 * 1024  # 64 MB in pieces of 1 MB; the first piece, of 64 rows, is 4 MB

    def encode(start: int, stop: int) -> np.ndarray:
        return np.full((stop - start, width), start % 251, np.uint8)

    tracemalloc.start()
    made = build("large", length=length, encode=encode, problems=[], folder=tmp_path)
    batch = made.gather(torch.arange(0, length, 100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert batch.shape == (10, width)
    assert peak < 12 << 20
    assert len(made) == length


def test_an_interrupted_encoding_leaves_nothing(tmp_path: Path) -> None:
    def encode(start: int, stop: int) -> np.ndarray:
        if start:
            raise KeyboardInterrupt
        return _pattern(start, stop)

    with pytest.raises(KeyboardInterrupt):
        build("key", length=300, encode=encode, problems=[], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_encoding_left_is_removed_after_a_day(tmp_path: Path) -> None:
    old, young = tmp_path / ".key.1.1.tmp", tmp_path / ".key.2.2.tmp"
    for left in (old, young):
        left.mkdir()
        (left / "rows.bin").write_bytes(b"half")
    then = time.time() - 2 * 86_400
    for path in (old / "rows.bin", old):
        os.utime(path, (then, then))
    build("key", length=3, encode=_pattern, problems=[], folder=tmp_path)
    assert not old.exists()
    assert young.exists()


class _FullDisk:
    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, _data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self) -> None:
        self.file.close()


def test_a_full_disk_is_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "open", lambda *a, **k: _FullDisk(open(*a, **k)), raising=False)  # noqa: SIM115
    with pytest.raises(UserError, match=r"No space left.*DEEPWELL_CACHE") as caught:
        build("key", length=3, encode=_pattern, problems=[], folder=tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match="can't be written"):
        build("key", length=3, encode=_pattern, problems=[], folder=tmp_path / "cache")


def test_an_error_of_the_encoder_is_its_own(tmp_path: Path) -> None:
    def encode(start: int, stop: int) -> np.ndarray:
        raise PermissionError(errno.EACCES, "Permission denied", "photo.png")

    with pytest.raises(PermissionError):
        build("key", length=3, encode=encode, problems=[], folder=tmp_path)


def test_digests_tell_rows_apart_by_content() -> None:
    made = ArrayStore(np.array([[1, 2], [3, 4], [1, 2]], np.uint8))
    digests = made.digests()
    assert digests[0] == digests[2] != digests[1]
    many = ArrayStore(np.arange(20_000, dtype=np.int32)[:, None]).digests()
    assert len(np.unique(many)) == 20_000  # also those whose digest ends in a zero byte


def test_a_subset_copies_nothing_and_nests(tmp_path: Path) -> None:
    made = build("key", length=100, encode=_pattern, problems=[], folder=tmp_path)
    part = made.subset(np.arange(0, 100, 2)).subset(np.array([1, 3]))
    assert len(part) == 2
    assert part.array is made.array
    assert np.array_equal(part.gather(torch.tensor([1, 0])).numpy(), _pattern(0, 100)[[6, 2]])
    assert (part.digests() == made.digests()[[2, 6]]).all()


def test_an_array_that_can_not_be_written_is_neither_copied_nor_warned_of(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", _pattern(0, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = ArrayStore(np.load(tmp_path / "x.npy", mmap_mode="r"))
        assert np.array_equal(made.gather(torch.arange(10)).numpy(), _pattern(0, 10))
    assert isinstance(made.array, np.memmap)
