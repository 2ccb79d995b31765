"""Uploads: the parts of a multipart body that is in memory whole (RFC 7578, RFC 2046 section 5.1)."""

from __future__ import annotations

import re

from deepwell.serve.refusal import Refusal

_BOUNDARY = re.compile(r'(?:^|;)\s*boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)', re.IGNORECASE)
_LONGEST_HEAD = 8192
_ENCODED = re.compile(rb"^content-transfer-encoding[ \t]*:[ \t]*(?!binary|7bit|8bit)", re.IGNORECASE | re.MULTILINE)


def parts(body: bytes, content_type: str, *, most: int) -> list[bytes]:
    """The contents of all parts in order; their names and file names are not looked at.

    The body was counted as it came in, so nothing here can grow: it is cut at its boundary in one go. No file is
    written, where parsers of streams put what is large into temporary ones.

    Args:
        body: the whole body.
        content_type: the header with the boundary.
        most: parts that are accepted.

    Raises:
        Refusal: 400 for a body that is cut off or no multipart, 413 for too many parts.

    >>> body = b"--x\\r\\nContent-Type: text/plain\\r\\n\\r\\nhello\\r\\n--x--\\r\\n"
    >>> parts(body, "multipart/form-data; boundary=x", most=9)
    [b'hello']
    """
    found = _BOUNDARY.search(content_type)
    if found is None or not content_type.isascii():
        raise _broken("its Content-Type names no boundary")
    mark = b"--" + (found[1] or found[2]).encode()
    if not body.startswith(mark):  # a preamble may stand before the first boundary
        start = body.find(b"\r\n" + mark)
        if start < 0:
            raise _broken("its boundary is nowhere in the body" if body else "it is empty")
        body = body[start + 2 :]
    if body.count(b"\r\n" + mark) > most:
        raise Refusal(413, f"the upload has more than {most} parts", expected=f"at most {most} inputs in a request")
    pieces = body[len(mark) :].split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        if pieces[0].startswith(b"--"):
            return []
        raise _broken("its last boundary is missing: it is cut off")
    return [_content(piece) for piece in pieces[:-1]]


def _content(piece: bytes) -> bytes:
    line = piece.find(b"\r\n")
    if line < 0 or piece[:line].strip(b" \t"):
        raise _broken("a part does not begin on a line of its own")
    if piece.startswith(b"\r\n", line + 2):
        return piece[line + 4 :]  # without any header
    end = piece.find(b"\r\n\r\n", line, line + _LONGEST_HEAD)
    if end < 0:
        raise _broken("the head of a part has no end, or is too long")
    if _ENCODED.search(piece[line + 2 : end]):
        raise _broken("a part is encoded by Content-Transfer-Encoding, which form-data does not know")
    return piece[end + 4 :]


def _broken(why: str) -> Refusal:
    return Refusal(
        400,
        f"the upload can't be read: {why}",
        expected="multipart/form-data, each part one input",
        fix='send it as `curl -F "inputs=@cat.png"` does',
    )
