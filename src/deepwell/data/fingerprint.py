"""What raw samples are, in one short word: the same word, the same samples in the same order."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepwell.core.files import cache_folder, digest_bytes, digest_file, write_json

_PIECE_BYTES = 32 << 20


def fingerprint(x: Sequence[Any] | np.ndarray) -> str:
    """A digest of raw samples, in order: of an array's bytes, or of the content of files.

    A file that has kept its size and time of change since it was last read is not read again. One that can't be
    read counts as such, and stops nothing here: encoding names it.

    Args:
        x: an array [n, ...], or a list of paths, arrays, tensors or PIL pictures.

    Returns:
        32 hexadecimal digits.

    >>> a = np.zeros((2, 3), np.uint8)
    >>> fingerprint(a) == fingerprint(a.copy()), fingerprint(a) == fingerprint(a + 1)
    (True, False)
    """
    if isinstance(x, np.ndarray) and x.dtype != object:
        return _of_array(x)
    hasher = hashlib.blake2b(digest_size=16)
    index = _DigestIndex()
    for item in x:  # every digest has one length, so that no two lists run together into the same bytes
        hasher.update((index.digest(Path(item)) if isinstance(item, (str, Path)) else _of_item(item)).encode())
    index.save()
    return hasher.hexdigest()


def of_values(x: Sequence[Any]) -> str:
    """A digest of samples that are values themselves, and no paths of files: texts, lists of words, trees.

    >>> of_values(["a b"]) == of_values(["a b"]), of_values(["a", "b"]) == of_values(["b", "a"])
    (True, False)
    """
    hasher = hashlib.blake2b(digest_size=16)
    for item in x:
        content = repr(item).encode("utf-8", "backslashreplace")
        hasher.update(len(content).to_bytes(8, "little") + content)
    return hasher.hexdigest()


def _of_array(x: np.ndarray) -> str:
    hasher = hashlib.blake2b(f"{x.dtype.str}{x.shape}".encode(), digest_size=16)
    if x.ndim == 0:
        hasher.update(x.tobytes())
        return hasher.hexdigest()
    rows = max(1, _PIECE_BYTES // max(1, x.nbytes // max(1, len(x))))
    for start in range(0, len(x), rows):
        hasher.update(np.ascontiguousarray(x[start : start + rows]).tobytes())
    return hasher.hexdigest()


def _of_item(item: Any) -> str:
    """A sample in memory. Never by its ``repr``: that leaves out the middle of a large tensor."""
    if hasattr(item, "detach"):
        item = item.detach().cpu()
        # NumPy has no bfloat16
        item = (item.float() if str(item.dtype) == "torch.bfloat16" else item).numpy()
    if isinstance(item, (bytes, bytearray)):
        return digest_bytes(bytes(item))
    if hasattr(item, "tobytes") and hasattr(item, "mode"):
        return _of_picture(item)
    array = np.asarray(item)
    if array.dtype == object:
        return digest_bytes(repr(item).encode())
    return _of_array(array)


def _of_picture(item: Any) -> str:
    """A PIL picture: its shades, and all that changes how they are read (palette, transparency, EXIF's turn)."""
    try:
        item.load()
        facts = (item.mode, item.size, item.getpalette(), item.info.get("transparency"), item.getexif().get(0x0112))
        return digest_bytes(repr(facts).encode() + item.tobytes())
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        return digest_bytes(f"unreadable {getattr(item, 'filename', '')} {error}".encode())


class _DigestIndex:
    """Digests of files by path, size and time of change, kept in the cache."""

    def __init__(self) -> None:
        self.path = cache_folder() / "digests.json"
        self.changed = False
        self.known: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self.path.read_text(encoding="utf-8"))
            self.known = found if isinstance(found, dict) else {}

    def digest(self, path: Path) -> str:
        try:
            facts = path.stat()
            mark = [facts.st_size, facts.st_mtime_ns]
            name = str(path.absolute())
            before = self.known.get(name)
            if isinstance(before, list) and len(before) == 3 and before[:2] == mark:
                return before[2]
            found = digest_file(path)
        except OSError as error:
            return digest_bytes(f"unreadable {error.errno}".encode())
        self.known[name] = [*mark, found]
        self.changed = True
        return found

    def save(self) -> None:
        if not self.changed:
            return
        with contextlib.suppress(OSError):  # a cache that can't be written costs time, nothing else
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, self.known)
