"""The fingerprint: another one for every change that matters, and files read once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deepwell.core.files import cache_folder
from deepwell.data import fingerprint as module
from deepwell.data.fingerprint import fingerprint


def test_arrays_by_bytes_shape_type_and_order() -> None:
    x = np.arange(24, dtype=np.uint8).reshape(4, 6)
    found = [fingerprint(a) for a in (x, x.reshape(4, 3, 2), x.astype(np.int8), x[::-1], x[:3])]
    assert len(set(found)) == 5
    assert fingerprint(np.asfortranarray(x)) == fingerprint(x)


def test_pieces_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).random((50, 9))
    whole = fingerprint(x)
    monkeypatch.setattr(module, "_PIECE_BYTES", 100)
    assert fingerprint(x) == whole


def test_large_tensors_that_differ_in_the_middle() -> None:
    """``repr`` leaves out the middle of a tensor of more than 1,000 numbers."""
    a, b = torch.zeros(3, 40, 40), torch.zeros(3, 40, 40)
    b[1, 20, 20] = 1
    assert repr(a) == repr(b)
    assert fingerprint([a]) != fingerprint([b])
    assert fingerprint([a]) == fingerprint([a.clone()])
    assert fingerprint([a.bfloat16()]) != fingerprint([b.bfloat16()])


def test_pictures_by_shades_mode_and_palette() -> None:
    shades = np.arange(64, dtype=np.uint8).reshape(8, 8) % 4
    grey, one, other = (Image.fromarray(shades) for _ in range(3))
    one, other = one.convert("P"), other.convert("P")
    other.putpalette([255 - v for v in (one.getpalette() or [])])
    assert one.tobytes() == other.tobytes()
    assert len({fingerprint([picture]) for picture in (grey, one, other)}) == 3


def test_items_do_not_run_together() -> None:
    assert fingerprint([b"ab", b"c"]) != fingerprint([b"a", b"bc"])
    assert fingerprint([np.zeros(2), np.zeros(1)]) != fingerprint([np.zeros(1), np.zeros(2)])


def test_files_by_content_and_order(tmp_path: Path) -> None:
    a, b, c = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    a.write_bytes(b"one"), b.write_bytes(b"two"), c.write_bytes(b"one")
    assert fingerprint([a, b]) == fingerprint([str(c), b])
    assert fingerprint([a, b]) != fingerprint([b, a])


def test_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    first = fingerprint([path])
    read: list[Path] = []

    def reading(p: Path) -> str:
        read.append(p)
        return "changed".ljust(32, "0")

    monkeypatch.setattr(module, "digest_file", reading)
    assert fingerprint([path]) == first
    assert not read
    os.utime(path, ns=(1, 1))  # another time of change: it is read again
    assert fingerprint([path]) != first
    assert read == [path]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"%s": 3}', '{"%s": [3, 5]}', '{"%s": [1, 2, 3]}'])
def test_a_damaged_index_is_made_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    right = fingerprint([path])
    (cache_folder() / "digests.json").write_text(content.replace("%s", str(path)))
    assert fingerprint([path]) == right


def test_a_file_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    gone = fingerprint([path])
    path.write_bytes(b"one")
    assert fingerprint([path]) != gone


def test_a_cache_that_can_not_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DEEPWELL_CACHE", str(tmp_path / "file" / "cache"))
    assert len(fingerprint([tmp_path / "file"])) == 32
