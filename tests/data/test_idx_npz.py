"""IDX and .npz files: whole, packed, cut off, hostile."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepwell.core.errors import UserError
from deepwell.data.idx import is_idx_file, read_idx, read_idx_file, read_idx_folder
from deepwell.data.npz import read_npz

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    """Written by the description of the format, independent of the reader."""
    kind = array.dtype.str[1:]
    header = bytes([0, 0, CODES[kind], array.ndim]) + b"".join(struct.pack(">I", side) for side in array.shape)
    return header + array.astype(f">{kind}").tobytes()


def write_idx(path: Path, array: np.ndarray, *, packed: bool = False) -> Path:
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    return path


@pytest.mark.parametrize("kind", sorted(CODES))
@pytest.mark.parametrize("packed", [False, True])
def test_every_type(tmp_path: Path, kind: str, packed: bool) -> None:
    array = (np.arange(24).reshape(2, 3, 4) - 5).astype(kind)
    found = read_idx(write_idx(tmp_path / "x", array, packed=packed))
    assert found.dtype == np.dtype(kind)
    assert found.dtype.isnative
    assert np.array_equal(found, array)
    assert found.flags.writeable


@pytest.mark.parametrize("packed", [False, True])
def test_cut_off_at_any_byte(tmp_path: Path, packed: bool) -> None:
    whole = idx_bytes(np.arange(12, dtype=np.uint8).reshape(3, 2, 2))
    whole = gzip.compress(whole, mtime=0) if packed else whole
    path = tmp_path / "x"
    for stop in range(len(whole)):
        path.write_bytes(whole[:stop])
        with pytest.raises(UserError, match=str(path)):
            read_idx(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\x01\x00\x08\x01" + b"\0" * 8,
        b"\0\0\x08\x00",
        b"\0\0\x08\x05" + b"\0" * 20,
        b"\0\0\x0a\x01\0\0\0\x01\0",
        b"\0\0\x08\x03" + b"\xff" * 12,  # claims 2**96 bytes
        b"\0\0\x0e\x04" + b"\xff" * 16 + b"\0" * 100,
        b"\0\0\x08\x01\0\0\0\x02\x00\x00\x00",  # one byte too many
        gzip.compress(b"\0\0\x08\x03" + b"\0\0\xff\xff" * 3, mtime=0),  # the name of a test must not hold the time
        b"\x1f\x8b\x08" + b"\xff" * 40,
    ],
)
def test_hostile_headers(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(UserError, match=str(path)):
        read_idx(path)


def _mnist(folder: Path, *, packed: bool, test: bool = True) -> None:
    end = ".gz" if packed else ""
    x = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4)
    y = np.array([0, 1, 2, 0, 1, 2], np.uint8)
    write_idx(folder / f"train-images-idx3-ubyte{end}", x, packed=packed)
    write_idx(folder / f"train-labels-idx1-ubyte{end}", y, packed=packed)
    if test:
        write_idx(folder / f"t10k-images-idx3-ubyte{end}", x[:2], packed=packed)
        write_idx(folder / f"t10k-labels-idx1-ubyte{end}", y[:2], packed=packed)


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder(tmp_path: Path, packed: bool) -> None:
    _mnist(tmp_path, packed=packed)
    source = read_idx_folder(tmp_path)
    assert source.x.shape == (8, 4, 4)
    assert source.parts == ["train"] * 6 + ["test"] * 2
    assert list(source.y) == [0, 1, 2, 0, 1, 2, 0, 1]
    assert "6 to train, 2 to test" in source.found


def test_one_file_finds_its_labels_packed_or_not(tmp_path: Path) -> None:
    _mnist(tmp_path, packed=True, test=False)
    images = tmp_path / "train-images-idx3-ubyte.gz"
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    assert len(read_idx_file(images).x) == 6
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(gzip.decompress(labels.read_bytes()))
    labels.unlink()
    assert len(read_idx_file(images).y) == 6
    assert is_idx_file(images)
    assert not is_idx_file(tmp_path)


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    _mnist(tmp_path, packed=False)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    test_images = tmp_path / "t10k-images-idx3-ubyte"
    write_idx(test_images, np.zeros((2, 5, 5), np.uint8))
    with pytest.raises(UserError, match=r"of the shapes \(4, 4\), \(5, 5\)"):
        read_idx_folder(tmp_path)
    write_idx(labels, np.zeros(5, np.uint8))
    with pytest.raises(UserError, match=r"has 6 pictures and train-labels-idx1-ubyte the shape \[5\]"):
        read_idx_file(images)
    labels.unlink()
    with pytest.raises(UserError, match=r"no file of labels beside it.*train-labels-idx1-ubyte"):
        read_idx_file(images)
    write_idx(images, np.zeros(6, np.uint8))
    with pytest.raises(UserError, match=r"1 dimensions.*give the file of pictures"):
        read_idx_file(images)
    with pytest.raises(UserError, match="no file train-images"):
        read_idx_folder(tmp_path / "..")


def test_infinite_numbers_in_idx(tmp_path: Path) -> None:
    write_idx(tmp_path / "a-images-idx3-ubyte", np.full((2, 3, 3), np.inf, np.float32))
    write_idx(tmp_path / "a-labels-idx1-ubyte", np.zeros(2, np.uint8))
    with pytest.raises(UserError, match="NaN or infinity in 2 samples"):
        read_idx_file(tmp_path / "a-images-idx3-ubyte")


X, Y = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4), np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("x", "y"), None),
        (("images", "labels"), None),
        (("X", "Y"), None),
        (("x_train", "y_train", "x_test", "y_test"), ["train"] * 6 + ["test"] * 6),
        (("train_images", "train_labels", "val_images", "val_labels"), ["train"] * 6 + ["validation"] * 6),
        (("X_train", "Y_train", "X_valid", "Y_valid"), ["train"] * 6 + ["validation"] * 6),
    ],
)
def test_names_of_arrays(tmp_path: Path, names: tuple[str, ...], parts: list[str] | None) -> None:
    path = tmp_path / "set.npz"
    arrays: dict[str, Any] = dict(zip(names, [X, Y] * 2, strict=False))
    np.savez(path, **arrays)
    source = read_npz(path)
    assert source.parts == parts
    assert source.x.shape[1:] == (4, 4)
    assert f"{names[0]} with {names[1]}" in source.found
    assert source.notes == ()


def test_arrays_that_were_not_used_are_said(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "set.npz", x=X, y=Y[:, None], extra=X)
    source = read_npz(tmp_path / "set.npz")
    assert source.y.shape == (6,)
    assert source.notes == ("the arrays extra of set.npz were not used",)


def test_npz_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"a": X, "b": Y}, r"holds the arrays a, b.*np\.savez"),
        ({"x": X, "y": Y[:4]}, "x has 6 samples and y 4"),
        ({"x": np.array(5.0), "y": np.array(3)}, r"has the shape \[\]"),
        ({"x": X, "y": np.array(["a", None] * 3, dtype=object)}, r"pickled objects.*astype\(str\)"),
        ({"x": np.full((6, 4, 4), np.nan), "y": Y}, "NaN or infinity in 6 samples"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y}, "pictures of different shapes"),
        ({"x_train": X, "y_train": Y, "x_test": X, "y_test": np.eye(6)}, "labels of different shapes"),
    ]
    for arrays, words in cases:
        np.savez(path, **arrays)
        with pytest.raises(UserError, match=words) as caught:
            read_npz(path)
        assert "set.npz" in str(caught.value)


def test_npz_cut_off_and_altered(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).integers(0, 9, (6, 4, 4)).astype(np.uint8), y=Y)
    whole = path.read_bytes()
    for stop in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:stop])
        with pytest.raises(UserError, match="can't be read"):
            read_npz(path)
    start = 30 + sum(struct.unpack("<HH", whole[26:30]))  # the packed bytes of x lie behind its name and extra field
    for place in range(start, start + 60, 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(UserError, match=r"set\.npz"):
            read_npz(path)
    path.write_text("not a zip file")
    with pytest.raises(UserError, match="no zip archive"):
        read_npz(path)


def test_npz_with_a_hostile_header(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 28, 28), }".ljust(117) + "\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", array)
        file.writestr("y.npy", array)
    with pytest.raises(UserError, match=r"set\.npz"):
        read_npz(path)
