"""One file from an address, compared with the digest that its publishers give."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from collections.abc import Callable
from pathlib import Path

_TIMEOUT = 30.0
Progress = Callable[[str, int, int], None]
"""(file, bytes so far, bytes in all; 0 where the server does not say)."""


class DownloadError(Exception):
    """One address could not give the file; the next mirror is tried."""


def download(address: str, to: Path, *, md5: str, largest: int, progress: Progress | None = None) -> None:
    """Write the bytes at an address to a path.

    Args:
        address: http, https or file.
        to: the file to write; give a temporary one, it is written before its digest is known.
        md5: hexadecimal digest, as the publishers give it. It tells a damaged file from a whole one.
        largest: bytes; a server that sends more is not listened to.
        progress: called as the file comes in, with the last part of the address.

    Raises:
        DownloadError: no answer, too large, cut off, or another digest.
        OSError: ``to`` can't be written.
    """
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    try:
        answer = urllib.request.urlopen(address, timeout=_TIMEOUT)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise DownloadError(str(getattr(error, "reason", None) or error)) from None
    with answer, open(to, "wb") as out:
        length = answer.headers.get("Content-Length") or ""
        total = int(length) if length.isdecimal() else 0
        while True:
            try:
                piece = answer.read(1 << 18)
            except (OSError, http.client.HTTPException) as error:
                raise DownloadError(f"cut off after {size:,} bytes ({error})") from None
            if not piece:
                break
            size += len(piece)
            if size > largest:
                raise DownloadError(f"larger than {largest:,} bytes")
            digest.update(piece)
            out.write(piece)
            if progress is not None:
                progress(address.rsplit("/", 1)[-1], size, total)
    if digest.hexdigest() != md5:
        found = f"{size:,} bytes with MD5 {digest.hexdigest()}, expected {md5}"
        raise DownloadError(f"{found}: cut off or altered")
