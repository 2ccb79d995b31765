"""IDX files, the format of MNIST (LeCun, Cortes, Burges), packed with gzip or not.

Two zero bytes, one byte for the type, one for the number of dimensions, each dimension as four bytes, then the
numbers; everything big-endian.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from deepwell.core.errors import UserError
from deepwell.data.arrays import as_labels, as_pictures
from deepwell.data.source import Source

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LARGEST = 1 << 34
_MOST_PACKED = 1100
"""Deflate packs at most 1,032 bytes into one: a header that claims more than the file can hold is not believed."""


def _open(path: Path) -> BinaryIO:
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else open(path, "rb")  # type: ignore[return-value]


def is_idx_file(path: Path) -> bool:
    """Whether a file begins as an IDX file does."""
    try:
        with _open(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in _TYPES and 1 <= start[3] <= 4


def read_idx(path: str | Path) -> np.ndarray:
    """One IDX file to an array, in the machine's byte order.

    No more is read than the header says, and the header is held against the file's size first.

    Raises:
        UserError: not an IDX file, cut off, or of an impossible size.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with _open(path) as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not 1 <= start[3] <= 4:
                raise UserError(
                    f"{path} is no IDX file", expected="two zero bytes, a type and a number of dimensions first"
                )
            dtype, dimensions = np.dtype(_TYPES[start[2]]), start[3]
            header = file.read(4 * dimensions)
            shape = tuple(int.from_bytes(header[4 * i : 4 * i + 4], "big") for i in range(dimensions))
            wanted = math.prod(shape) * dtype.itemsize
            possible = len(header) == 4 * dimensions and wanted <= min(_LARGEST, max(size, 1) * _MOST_PACKED)
            content = file.read(wanted + 1) if possible else b""
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} can't be unpacked ({error})", expected="a whole IDX file", fix="copy it again"
        ) from None
    if len(content) != wanted or not possible:
        more = "more" if len(content) > wanted else f"{len(content):,} bytes"
        raise UserError(
            f"{path} says it has the shape {shape} and holds {more if possible else 'less'}",
            expected=f"{wanted:,} bytes",
            fix="copy it again: it is cut off or damaged",
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _mate(images: Path) -> Path | None:
    """The labels that belong to a file of pictures, packed or not."""
    for old, new in (("images-idx3", "labels-idx1"), ("images.idx3", "labels.idx1"), ("images", "labels")):
        name = images.name.replace(old, new)
        plain = name.removesuffix(".gz")
        for candidate in (images.with_name(n) for n in (name, plain, plain + ".gz")):
            if old in images.name and candidate.is_file():
                return candidate
    return None


def is_idx_folder(folder: Path) -> bool:
    """Whether a folder holds MNIST's files."""
    return any(folder.glob("train-images*idx3*"))


def read_idx_folder(folder: Path, *, name: str | None = None) -> Source:
    """``train-images-idx3-ubyte[.gz]`` and its labels, and ``t10k-...`` (or ``test-...``) where there.

    Raises:
        UserError: labels that are missing or too many or too few, damaged files, parts of different shapes.
    """
    parts: list[tuple[str, np.ndarray, np.ndarray]] = []
    for part, stems in (("train", ("train",)), ("test", ("t10k", "test"))):
        for stem in stems:
            files = sorted(folder.glob(f"{stem}-images*idx3*"))
            if files:
                parts.append((part, *_pair(files[0])))
                break
    shapes = [images.shape[1:] for _, images, _ in parts]
    if not parts or len(set(shapes)) > 1:
        raise UserError(
            f"{folder} has IDX files of pictures of the shapes {', '.join(map(str, shapes))}"
            if parts
            else f"{folder} has no file train-images-idx3-ubyte",
            expected="training pictures, and test pictures of the same shape",
        )
    x = np.concatenate([images for _, images, _ in parts])
    y = np.concatenate([labels for _, _, labels in parts])
    sides = [part for part, images, _ in parts for _ in range(len(images))]
    counts = ", ".join(f"{len(images):,} to {part}" for part, images, _ in parts)
    found = f"IDX files of {x.shape[1]}x{x.shape[2]} pictures ({counts})"
    known = sides if len(parts) > 1 else None
    return Source(name or folder.resolve().name, "image", x, y, known, name or str(folder), found)


def _pair(images: Path) -> tuple[np.ndarray, np.ndarray]:
    x = read_idx(images)
    if x.ndim not in (3, 4):
        raise UserError(
            f"{images} has {x.ndim} dimensions, {list(x.shape)}",
            expected="pictures, [n, height, width]",
            fix="give the file of pictures; its labels are found beside it" if x.ndim == 1 else "check the file",
        )
    x, _ = as_pictures(x, images.name)
    labels = _mate(images)
    if labels is None:
        raise UserError(
            f"{images} has no file of labels beside it",
            expected=images.name.replace("images-idx3", "labels-idx1").replace("images", "labels"),
            fix="put it into the same folder",
        )
    y = read_idx(labels)
    if y.ndim != 1 or len(x) != len(y):
        raise UserError(
            f"{images} has {len(x):,} pictures and {labels.name} the shape {list(y.shape)}", expected="as many labels"
        )
    return x, as_labels(y, labels.name)


def read_idx_file(path: Path) -> Source:
    """One file of pictures with its labels beside it.

    Raises:
        UserError: as ``read_idx_folder``.
    """
    x, y = _pair(path)
    found = f"an IDX file of {len(x):,} pictures with the labels beside it"
    return Source(path.name.split("-")[0], "image", x, y, None, str(path), found)
