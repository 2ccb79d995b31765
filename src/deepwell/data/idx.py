"""IDX files, the format of MNIST (LeCun, Cortes, Burges), packed with gzip or not."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from deepwell.core.errors import UserError
from deepwell.data.source import Source

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LARGEST = 1 << 34


def read_idx(path: str | Path) -> np.ndarray:
    """One IDX file to an array.

    Raises:
        UserError: not an IDX file, cut off, or of an impossible size.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} can't be unpacked ({error})", expected="a whole IDX file", fix="copy it again"
        ) from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or not 1 <= content[3] <= 4:
        raise UserError(f"{path} is no IDX file", expected="two zero bytes, a type and a number of dimensions first")
    dtype, dimensions = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > _LARGEST or len(content) - start != wanted:
        raise UserError(
            f"{path} says it has the shape {shape} and holds {max(0, len(content) - start):,} bytes",
            expected=f"{wanted:,} bytes",
            fix="copy it again: it is cut off or damaged",
        )
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _mate(images: Path) -> Path | None:
    """The labels that belong to a file of pictures."""
    for old, new in (("images-idx3", "labels-idx1"), ("images.idx3", "labels.idx1"), ("images", "labels")):
        candidate = images.with_name(images.name.replace(old, new))
        if candidate != images and candidate.is_file():
            return candidate
    return None


def is_idx_folder(folder: Path) -> bool:
    """Whether a folder holds MNIST's files."""
    return any(folder.glob("train-images*idx3*"))


def read_idx_folder(folder: Path, *, name: str | None = None) -> Source:
    """``train-images-idx3-ubyte[.gz]`` and its labels, and ``t10k-...`` (or ``test-...``) where there."""
    parts: list[tuple[str, np.ndarray, np.ndarray]] = []
    for part, stems in (("train", ("train",)), ("test", ("t10k", "test"))):
        for stem in stems:
            files = sorted(folder.glob(f"{stem}-images*idx3*"))
            if files:
                parts.append((part, *_pair(files[0])))
                break
    x = np.concatenate([images for _, images, _ in parts])
    y = np.concatenate([labels for _, _, labels in parts])
    sides = [part for part, images, _ in parts for _ in range(len(images))]
    counts = ", ".join(f"{len(images):,} to {part}" for part, images, _ in parts)
    found = f"IDX files of {x.shape[1]}x{x.shape[2]} pictures ({counts})"
    known = sides if len(parts) > 1 else None
    return Source(name or folder.resolve().name, "image", x, y, known, name or str(folder), found)


def _pair(images: Path) -> tuple[np.ndarray, np.ndarray]:
    labels = _mate(images)
    if labels is None:
        raise UserError(
            f"{images} has no file of labels beside it", expected=f"{images.name.replace('images-idx3', 'labels-idx1')}"
        )
    x, y = read_idx(images), read_idx(labels)
    if len(x) != len(y):
        raise UserError(f"{images} has {len(x):,} pictures and {labels.name} {len(y):,} labels", expected="as many")
    return x, y


def read_idx_file(path: Path) -> Source:
    """One file of pictures with its labels beside it."""
    x, y = _pair(path)
    return Source(path.name.split("-")[0], "image", x, y, None, str(path), f"an IDX file of {len(x):,} pictures")
