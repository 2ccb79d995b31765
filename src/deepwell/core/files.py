"""Files that are whole or not there: atomic writes, the cache folder, content digests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """The user's cache: ``$DEEPWELL_CACHE``, else ``$XDG_CACHE_HOME/deepwell``, else ``~/.cache/deepwell``."""
    chosen = os.environ.get("DEEPWELL_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "deepwell"


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success it takes the name, on any error it is removed.

    The bytes are on the disk before the name is: after a power cut the file is the old one or the new one.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems refuse to sync a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a whole file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON atomically, readable by a person."""
    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def digest_bytes(content: bytes | memoryview) -> str:
    """Hexadecimal BLAKE2b of some bytes, 128 bits.

    >>> digest_bytes(b"deepwell")[:8]
    'f8c169eb'
    """
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def digest_file(path: str | Path) -> str:
    """Hexadecimal BLAKE2b of a file's content, 128 bits, read in pieces."""
    hasher = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return hasher.hexdigest()
