"""Encoded samples in one contiguous array: in memory, or memory-mapped in the cache by their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.files import cache_folder, write_json
from deepwell.data.fingerprint import fingerprint

_FIRST, _MOST = 64, 4096
_PIECE_BYTES = 32 << 20
"""Rows are encoded in pieces of about this size: one is in memory at a time."""


class ArrayStore:
    """Rows of an array [n, ...], in memory or memory-mapped. Implements ``core.protocols.Rows``.

    Args:
        array: any dtype that PyTorch has.
        problems: (row, why) of samples that could not be encoded; their rows are zeros.
        rows: the array's rows that count, int64 [k]; None: all of them.
    """

    def __init__(
        self, array: np.ndarray, problems: Sequence[tuple[int, str]] = (), *, rows: np.ndarray | None = None
    ) -> None:
        self.array = array
        self._rows = None if rows is None else torch.from_numpy(np.asarray(rows, dtype=np.int64))
        self.problems = list(problems)
        self._digests: np.ndarray | None = None
        with warnings.catch_warnings():
            # PyTorch warns of memory that can't be written; rows are only ever copied out of it here
            warnings.filterwarnings("ignore", message=".*not writable.*", category=UserWarning)
            self._tensor = torch.from_numpy(array)

    def __len__(self) -> int:
        return len(self.array) if self._rows is None else len(self._rows)

    def gather(self, rows: Tensor, *, epoch: int = 0) -> Tensor:
        """int64 [k] -> [k, ...]."""
        return self._tensor.index_select(0, rows if self._rows is None else self._rows[rows])

    def subset(self, rows: np.ndarray) -> ArrayStore:
        """Some rows, as a store of their own; nothing is copied, so a set larger than memory stays on the disk."""
        numbers = np.asarray(rows, dtype=np.int64)
        return ArrayStore(self.array, rows=numbers if self._rows is None else self._rows.numpy()[numbers])

    def digests(self) -> np.ndarray:
        """A 128-bit digest of each row's content, as bytes [n]; equal rows have equal digests. Made once."""
        if self._digests is not None:
            return self._digests
        found = np.empty(len(self), dtype="S16")
        for place, row in enumerate(range(len(self.array)) if self._rows is None else self._rows.tolist()):
            content = np.ascontiguousarray(self.array[row])
            found[place] = hashlib.blake2b(content.view(np.uint8).data, digest_size=16).digest()
        self._digests = found
        return found


def build(
    key: str,
    *,
    length: int,
    encode: Callable[[int, int], np.ndarray],
    problems: list[tuple[int, str]],
    folder: Path | None = None,
) -> ArrayStore:
    """Encode samples once into a memory-mapped file of the cache; the same key finds it again.

    Only one piece of the samples is in memory at a time.

    Args:
        key: names content and encoding.
        length: number of samples.
        encode: ``(start, stop) -> array [stop - start, ...]``; every piece of one dtype and shape.
        problems: the list to which ``encode`` adds samples that it can't read.
        folder: in place of the user's cache.

    Raises:
        UserError: a full disk or a cache that can't be written; nothing half-written is left.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = build("k", length=5, encode=lambda a, b: np.full((b - a, 2), a, np.uint8), problems=[],
    ...                  folder=Path(folder))
    ...     made.gather(torch.tensor([4, 0])).tolist()
    [[0, 0], [0, 0]]
    """
    place = (folder or cache_folder() / "store") / key
    found = _open(place, length)
    if found is not None:
        return found
    before = len(problems)
    temporary = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        try:
            _remove_left(place)
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            rows = open(temporary / "rows.bin", "wb")  # noqa: SIM115
        except OSError as error:
            raise _unwritable(place.parent, error) from None
        with contextlib.closing(rows):
            shape, dtype = _write(rows, place.parent, length, encode)
        facts = {"length": length, "shape": shape, "dtype": dtype.str, "problems": problems[before:]}
        try:
            write_json(temporary / "facts.json", facts)
            shutil.rmtree(place, ignore_errors=True)
            os.replace(temporary, place)
        except OSError as error:
            if (found := _open(place, length)) is not None:  # another process was faster
                return found
            raise _unwritable(place.parent, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    made = _open(place, length)
    if made is None:
        raise UserError(f"the encoded samples in {place} can't be read back", fix="check the disk")
    return made


def _write(
    file: BinaryIO, folder: Path, length: int, encode: Callable[[int, int], np.ndarray]
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Encode piece by piece into a file; the first, small piece tells how many rows a later one may have."""
    shape: tuple[int, ...] = ()
    dtype = np.dtype(np.uint8)
    start, size = 0, _FIRST
    while start < length:
        stop = min(start + size, length)
        piece = np.ascontiguousarray(encode(start, stop))
        if start and (piece.shape[1:], piece.dtype) != (shape, dtype):
            raise ValueError(f"encode gave {piece.dtype} {piece.shape[1:]} after {dtype} {shape}")
        if len(piece) != stop - start:
            raise ValueError(f"encode gave {len(piece)} rows for {start} to {stop}")
        shape, dtype = piece.shape[1:], piece.dtype
        try:
            file.write(piece.data)
        except OSError as error:
            raise _unwritable(folder, error) from None
        start, size = stop, max(1, min(_MOST, _PIECE_BYTES // max(1, piece[0].nbytes)))
    try:
        file.flush()
        os.fsync(file.fileno())  # the name must not be on the disk before the bytes are
    except OSError as error:
        raise _unwritable(folder, error) from None
    return shape, dtype


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"the encoded samples can't be written to {folder} ({error.strerror or error})",
        fix="make room, or set DEEPWELL_CACHE to a folder that has some",
    )


def _remove_left(place: Path) -> None:
    """What an encoding that was killed has left behind, a day ago or more: a younger one may be under way."""
    for left in place.parent.glob(f".{place.name}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - max(item.stat().st_mtime for item in (left, *left.iterdir())) > 86_400:
                shutil.rmtree(left, ignore_errors=True)


def _open(place: Path, length: int) -> ArrayStore | None:
    """The store at a place, if it is whole."""
    try:
        facts = json.loads((place / "facts.json").read_text(encoding="utf-8"))
        shape, dtype = (int(facts["length"]), *facts["shape"]), np.dtype(facts["dtype"])
        if shape[0] != length or (place / "rows.bin").stat().st_size != int(np.prod(shape)) * dtype.itemsize:
            return None
        # copy on write: PyTorch wants memory that could be written, the file stays as it is
        array = np.memmap(place / "rows.bin", dtype, "c", shape=shape)
        return ArrayStore(array, [(int(row), str(why)) for row, why in facts["problems"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None


__all__ = ["ArrayStore", "build", "fingerprint"]
