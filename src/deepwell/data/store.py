"""Encoded samples in one contiguous array: in memory, or memory-mapped in the cache by their content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.files import cache_folder, digest_file, write_json

_CHUNK = 2048


class ArrayStore:
    """Rows of an array [n, ...], in memory or memory-mapped. Implements ``core.protocols.Rows``.

    Args:
        array: any dtype that PyTorch has.
        problems: (row, why) of samples that could not be encoded; their rows are zeros.
    """

    def __init__(self, array: np.ndarray, problems: Sequence[tuple[int, str]] = ()) -> None:
        self.array = array
        self.problems = list(problems)
        self._tensor = torch.from_numpy(array if array.flags.writeable else np.array(array))

    def __len__(self) -> int:
        return len(self.array)

    def gather(self, rows: Tensor, *, epoch: int = 0) -> Tensor:
        """int64 [k] -> [k, ...]."""
        return self._tensor.index_select(0, rows)

    def subset(self, rows: np.ndarray) -> ArrayStore:
        """Some rows, as a store of their own."""
        return ArrayStore(self.array[rows])

    def digests(self) -> np.ndarray:
        """A 128-bit digest of each row's content, as bytes [n]; equal rows have equal digests."""
        found = np.empty(len(self), dtype="S16")
        for row in range(len(self)):
            content = np.ascontiguousarray(self.array[row])
            found[row] = hashlib.blake2b(content.view(np.uint8).data, digest_size=16).digest()
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
        UserError: a full disk or a cache that can't be written.
    """
    place = (folder or cache_folder() / "store") / key
    found = _open(place, length)
    if found is not None:
        return found
    temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        with open(temporary / "rows.bin", "wb") as file:
            shape: tuple[int, ...] = ()
            dtype = np.dtype(np.uint8)
            for start in range(0, length, _CHUNK):
                piece = np.ascontiguousarray(encode(start, min(start + _CHUNK, length)))
                shape, dtype = piece.shape[1:], piece.dtype
                file.write(piece.data)
        facts = {"length": length, "shape": shape, "dtype": dtype.str, "problems": problems}
        write_json(temporary / "facts.json", facts)
        shutil.rmtree(place, ignore_errors=True)
        os.replace(temporary, place)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if (found := _open(place, length)) is not None:  # another process was faster
            return found
        raise UserError(
            f"the encoded samples can't be written to {place.parent} ({error.strerror})",
            fix="make room, or set DEEPWELL_CACHE to a folder that has some",
        ) from None
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    made = _open(place, length)
    if made is None:
        raise UserError(f"the encoded samples in {place} can't be read back", fix="check the disk")
    return made


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


def fingerprint(x: Sequence[Any]) -> str:
    """A digest of raw samples, in order: of an array's bytes, or of the content of files.

    A file that has kept its size and time of change is not read again.
    """
    hasher = hashlib.blake2b(digest_size=16)
    if isinstance(x, np.ndarray):
        hasher.update(f"{x.dtype.str}{x.shape}".encode())
        for start in range(0, len(x), _CHUNK):
            hasher.update(np.ascontiguousarray(x[start : start + _CHUNK]).data)
        return hasher.hexdigest()
    index = _DigestIndex()
    for item in x:
        if isinstance(item, (str, Path)):
            hasher.update(index.digest(Path(item)).encode())
        elif isinstance(item, np.ndarray):
            hasher.update(f"{item.dtype.str}{item.shape}".encode() + np.ascontiguousarray(item).tobytes())
        elif hasattr(item, "tobytes"):
            hasher.update(f"{getattr(item, 'mode', '')}{getattr(item, 'size', '')}".encode() + item.tobytes())
        else:
            hasher.update(repr(item).encode())
    index.save()
    return hasher.hexdigest()


class _DigestIndex:
    """Digests of files by path, size and time of change, kept in the cache."""

    def __init__(self) -> None:
        self.path = cache_folder() / "digests.json"
        self.changed = False
        try:
            self.known: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.known = {}

    def digest(self, path: Path) -> str:
        try:
            facts = path.stat()
            mark = [facts.st_size, facts.st_mtime_ns]
            name = str(path.absolute())
            before = self.known.get(name)
            if before is not None and before[:2] == mark:
                return before[2]
            found = digest_file(path)
        except OSError as error:
            raise UserError(f"{path} can't be read ({error.strerror})", fix="check its permissions") from None
        self.known[name] = [*mark, found]
        self.changed = True
        return found

    def save(self) -> None:
        if self.changed:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_json(self.path, self.known)
            except OSError:
                return  # a cache that can't be written costs time, nothing else
