"""Every kind of picture file, and every kind of file that is none."""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from deepwell.core.errors import UserError
from deepwell.inputs.picture import LARGEST, header, name_of, read
from deepwell.inputs.shades import to_bytes

GREY = np.linspace(0, 255, 48 * 40).reshape(48, 40).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], -1)


def png_claiming(width: int, height: int) -> bytes:
    """A few hundred bytes whose header promises many pixels of one shade."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("values", [GREY.astype(np.uint16) * 257, (GREY // 8).astype(np.uint16)])
def test_sixteen_bits_are_scaled_by_their_range_not_by_the_picture(values: np.ndarray, tmp_path: Path) -> None:
    expected = np.round(values / 257).astype(np.uint8)
    for name, image in (
        ("deep.png", Pillow.fromarray(values)),
        ("deep.tif", Pillow.fromarray(values)),
        ("int.tif", Pillow.fromarray(values.astype(np.int32))),
    ):
        image.save(tmp_path / name)
        assert np.array_equal(read(tmp_path / name, channels=1)[..., 0], expected), name
        assert header(tmp_path / name) == (48, 40, 1)
    assert np.array_equal(read(values, channels=1)[..., 0], expected)


def test_shades_of_32_bits_are_refused(tmp_path: Path) -> None:
    Pillow.fromarray(np.full((4, 4), 70_000, np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a\.tif .*65,535"):
        read(tmp_path / "a.tif", channels=1)


def test_float_pictures(tmp_path: Path) -> None:
    Pillow.fromarray((GREY / 255).astype(np.float32)).save(tmp_path / "a.tif")
    assert np.array_equal(read(tmp_path / "a.tif", channels=1)[..., 0], GREY)
    Pillow.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "n.tif")
    with pytest.raises(UserError, match="NaN"):
        read(tmp_path / "n.tif", channels=1)


def test_palette_with_transparency_lies_on_white(tmp_path: Path) -> None:
    image = Pillow.new("P", (6, 4), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((0, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    found = read(tmp_path / "a.png", channels=3)
    assert found[0, 0].tolist() == [200, 0, 0]
    assert (found[1:] == 255).all()
    half = Pillow.new("RGBA", (2, 2), (0, 0, 0, 128))
    assert abs(int(read(half, channels=1)[0, 0, 0]) - 127) <= 1, "half transparent black on white is grey"


def test_animation_gives_its_first_picture(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (5, 4), c) for c in ((250, 0, 0), (0, 250, 0))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read(tmp_path / "a.gif", channels=3)[0, 0].tolist() == [250, 0, 0]


def test_cmyk_keeps_its_colours(tmp_path: Path) -> None:
    Pillow.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    red = read(tmp_path / "a.jpg", channels=3)[4, 4]
    assert red[0] > 240
    assert red[1] < 15


def test_one_pixel(tmp_path: Path) -> None:
    Pillow.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert read(tmp_path / "a.png", channels=3).tolist() == [[[1, 2, 3]]]


def test_tensors_have_their_channels_first_and_arrays_either_way() -> None:
    first = torch.from_numpy(COLOUR.transpose(2, 0, 1).copy())
    assert np.array_equal(read(first, channels=3), COLOUR)
    assert np.array_equal(read(COLOUR, channels=3), COLOUR)


@pytest.mark.filterwarnings("ignore:Truncated File Read")  # Pillow's own, before its error
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tif"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.97])
def test_cut_off_files_name_themselves_or_are_whole(suffix: str, share: float, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Pillow.fromarray(COLOUR).save(buffer, "JPEG" if suffix == "jpg" else "TIFF" if suffix == "tif" else suffix)
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * share)])
    whole = read(buffer.getvalue(), channels=3)
    words = ""
    try:
        found = read(path, channels=3)
    except UserError as error:
        words = str(error)
    if words:
        assert path.name in words
        assert "To fix it" in words
    else:
        assert share == 0.97
        assert np.array_equal(found, whole), "only what follows the pixels may lack"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "tif"])
def test_damaged_bytes_give_a_picture_or_a_word(suffix: str) -> None:
    buffer = io.BytesIO()
    Pillow.fromarray(COLOUR).save(buffer, "JPEG" if suffix == "jpg" else "TIFF" if suffix == "tif" else suffix)
    good, rng = buffer.getvalue(), np.random.default_rng(0)
    for _ in range(60):
        bad = bytearray(good)
        for place in rng.integers(0, min(len(bad), 200), 3):
            bad[place] = rng.integers(0, 256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata on its own
            with contextlib.suppress(UserError):  # and nothing else
                assert read(bytes(bad), channels=1).shape[2] == 1
                header(bytes(bad))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"just some words", "is no picture"), (b"", "is empty"),
     (png_claiming(30_000, 30_000), "900,000,000|178 million"),
     (png_claiming(11_000, 10_000), "110,000,000 pixels|11,000 x 10,000")],
)  # fmt: skip
def test_files_that_are_no_pictures(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "holiday.png"
    path.write_bytes(content)
    for look in (lambda: read(path, channels=1), lambda: header(path)):
        with pytest.raises(UserError, match=words) as caught:
            look()
        assert "holiday.png" in str(caught.value)


def test_a_bomb_is_refused_before_its_pixels_are_made(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(10_001, 10_001))
    assert LARGEST < 10_001**2
    tracemalloc.start()
    with pytest.raises(UserError, match="at most 100,000,000"):
        read(path, channels=1)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_pillow_is_left_as_it_was(tmp_path: Path) -> None:
    """Neither the limit nor the list of warning filters changes, whatever the number of threads."""
    path = tmp_path / "a.png"
    Pillow.fromarray(GREY).save(path)
    limit, filters = Pillow.MAX_IMAGE_PIXELS, list(warnings.filters)
    threads = [threading.Thread(target=lambda: [read(path, channels=1) for _ in range(20)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert limit == Pillow.MAX_IMAGE_PIXELS
    assert list(warnings.filters) == filters


@pytest.mark.parametrize("raw", [None, 3, 2.5, {"a": 1}])
def test_things_that_are_no_samples(raw: object) -> None:
    with pytest.raises(UserError, match=f"of type {type(raw).__name__}"):
        read(raw, channels=1)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        read(tmp_path / "none.png", channels=1)
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path, channels=1)


def test_a_lazily_opened_picture_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "lazy.png"
    Pillow.fromarray(COLOUR).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Pillow.open(path) as image, pytest.raises(UserError, match=r"lazy\.png is damaged"):
        read(image, channels=3)


def test_names() -> None:
    assert name_of(Path("a/b.png")).endswith("b.png")
    assert "in memory" in name_of(Pillow.new("L", (2, 2)))


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([0, 255], np.uint8), [0, 255]),
        (np.array([False, True]), [0, 255]),
        (np.array([0, 128, 129, 65_535], np.uint16), [0, 0, 1, 255]),
        (np.array([0, 200], np.int64), [0, 200]),
        (np.array([0.0, 0.5, 1.0], np.float32), [0, 128, 255]),
        (np.array([0.0, 127.6, 255.0]), [0, 128, 255]),
    ],
)
def test_shades(array: np.ndarray, expected: list[int]) -> None:
    assert to_bytes(array).tolist() == expected


@pytest.mark.parametrize("array", [np.array([-1, 3]), np.array([0, 256]), np.array([np.inf]), np.array([1j])])
def test_shades_that_are_none(array: np.ndarray) -> None:
    with pytest.raises(UserError, match="picture"):
        to_bytes(array)
