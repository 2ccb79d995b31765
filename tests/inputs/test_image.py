"""Pictures read rightly, normalised by the training part alone, augmented by sample and not by batch."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from tests.conftest import blobs

from deepwell.core.errors import UserError
from deepwell.data.store import ArrayStore
from deepwell.inputs import Augment, Image, parse
from deepwell.inputs.geometry import bent, moved
from deepwell.inputs.mixup import beta_quantile
from deepwell.inputs.picture import header, read


def gradient(height: int = 6, width: int = 9) -> np.ndarray:
    return np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)


def saved(image: Pillow.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_modes(tmp_path: Path) -> None:
    grey = gradient()
    assert np.array_equal(read(saved(Pillow.fromarray(grey), tmp_path / "l.png"), channels=1)[..., 0], grey)
    deep = Pillow.fromarray(grey.astype(np.uint16) * 257)
    assert np.array_equal(read(saved(deep, tmp_path / "i16.png"), channels=1)[..., 0], grey), "16 bits scaled, not cut"
    one = Pillow.fromarray(grey > 100)
    assert set(np.unique(read(saved(one, tmp_path / "1.png"), channels=1))) == {0, 255}
    palette = Pillow.fromarray(grey).convert("P")
    assert np.array_equal(read(saved(palette, tmp_path / "p.png"), channels=1)[..., 0], grey)
    assert header(tmp_path / "p.png") == (6, 9, 1)
    colour = Pillow.fromarray(np.stack([grey, grey // 2, 255 - grey], -1))
    cmyk = read(saved(colour.convert("CMYK"), tmp_path / "c.jpg", quality=95), channels=3)
    assert cmyk.shape == (6, 9, 3)
    for name in ("a.bmp", "a.webp", "a.gif", "a.tif", "a.ppm"):
        assert read(saved(colour, tmp_path / name), channels=3).shape == (6, 9, 3)
    assert header(tmp_path / "a.bmp") == (6, 9, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_lie_on_white(mode: str, tmp_path: Path) -> None:
    clear = Pillow.new(mode, (4, 4), (0, 0, 0, 0) if mode == "RGBA" else (0, 0))
    assert (read(saved(clear, tmp_path / "a.png"), channels=1) == 255).all()
    palette = Pillow.new("P", (4, 4), 0)
    assert (read(saved(palette, tmp_path / "p.png", transparency=0), channels=3) == 255).all()


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns_are_made(turn: int, tmp_path: Path) -> None:
    upright = gradient()
    undo = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.T,
            6: lambda a: np.rot90(a, 1), 7: lambda a: np.rot90(a, 2).T, 8: lambda a: np.rot90(a, 3)}  # fmt: skip
    exif = Pillow.Exif()
    exif[0x0112] = turn
    path = saved(Pillow.fromarray(np.ascontiguousarray(undo[turn](upright))), tmp_path / "a.png", exif=exif)
    assert np.array_equal(read(path, channels=1)[..., 0], upright)
    assert header(path)[:2] == (6, 9)


def test_arrays_and_bytes() -> None:
    grey = gradient()
    assert np.array_equal(read(grey, channels=1)[..., 0], grey)
    assert np.array_equal(read(grey.astype(np.float64) / 255, channels=1)[..., 0], grey)
    assert np.array_equal(read(grey.astype(np.uint16) * 257, channels=1)[..., 0], grey)
    colour = np.stack([grey, grey, grey], -1)
    assert np.array_equal(read(colour.transpose(2, 0, 1), channels=3), colour)
    buffer = io.BytesIO()
    Pillow.fromarray(grey).save(buffer, "PNG")
    assert np.array_equal(read(buffer.getvalue(), channels=1)[..., 0], grey)
    for bad, words in (
        (grey.astype(float) * 9, "shades from"),
        (np.full((2, 2), np.nan), "NaN"),
        (np.zeros(3), "shape"),
    ):
        with pytest.raises(UserError, match=words):
            read(bad, channels=1)


def test_sizes_are_chosen_and_pictures_fitted(tmp_path: Path) -> None:
    paths = [saved(Pillow.new("L", (40, 20), 50), tmp_path / f"{i}.png") for i in range(3)]
    paths.append(saved(Pillow.new("RGB", (1, 1), (10, 20, 30)), tmp_path / "tiny.png"))
    image = Image()
    image.survey(paths)
    assert image.shape == (3, 24, 40)
    assert image.resize == "fit"
    encoded, problems = image.encode(paths)
    assert encoded.shape == (4, 24, 40, 3)
    assert not problems
    assert (encoded[3] == [10, 20, 30]).all()
    for policy in ("crop", "stretch", "fit"):
        fixed = Image(size=(7, 5), channels=1, resize=policy)
        assert fixed.encode(paths)[0].shape == (4, 7, 5, 1)
    alone = np.concatenate([image.encode([path])[0] for path in paths])
    assert np.array_equal(alone, encoded)


def test_normalised_and_restored() -> None:
    x, _ = blobs(60)
    image = Image()
    image.survey(x)
    rows = ArrayStore(image.encode(x)[0])
    image.learn(rows, torch.arange(60))
    prepared = image.prepare(rows.gather(torch.arange(60)))
    assert prepared.shape == (60, 1, 12, 12)
    assert abs(float(prepared.mean())) < 1e-4
    assert abs(float(prepared.std()) - 1) < 1e-3
    assert torch.equal(image.restore(prepared)[..., 0], torch.from_numpy(x))


@pytest.mark.parametrize(
    "text",
    ["flip", "flip,flip_vertical,crop=2", "rotate=20", "scale=0.2,rotate=5,flip,crop=1", "brightness=0.3,contrast=0.3",
     "erase=1"],
)  # fmt: skip
def test_augmentation_is_of_the_sample_not_of_the_batch(text: str) -> None:
    """Bit for bit the same alone, in another order, in another chunk; another picture in another epoch."""
    x = torch.randint(0, 255, (32, 10, 14, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    ids = torch.arange(100, 132)
    augment, fill = parse(text), torch.tensor([100.0, 100.0, 100.0])

    def go(rows: torch.Tensor, epoch: int = 1, seed: int = 0) -> torch.Tensor:
        return augment.apply(x[rows], ids[rows], seed=seed, epoch=epoch, fill=fill).float()

    every = torch.arange(32)
    whole = go(every)
    assert whole.shape == x.shape
    assert not torch.equal(whole, x.float())
    assert torch.equal(whole, torch.cat([go(row[None]) for row in every]))
    mixed = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    assert torch.equal(whole[mixed], go(mixed))
    assert not torch.equal(whole, go(every, epoch=2))
    assert not torch.equal(whole, go(every, seed=1))


def test_survey_says_what_it_chose(tmp_path: Path) -> None:
    paths = [saved(Pillow.new("L", (500, 400), 9), tmp_path / f"{i}.png") for i in range(20)]
    image = Image()
    image.survey(paths)
    assert image.shape == (1, 176, 224)
    assert image.notes == ["pictures of 400x500 are brought to 176x224 (stretch)"]
    assert image.encode(paths)[0].shape == (20, 176, 224, 1)
    image = Image(size=32)
    image.survey(paths)
    assert image.size == (32, 32)
    with pytest.raises(UserError, match="whole numbers from 1"):
        Image(size=(0, 5))
    with pytest.raises(UserError, match="none of 1 samples can be read"):
        Image().survey([tmp_path / "none.png"])


def test_arrays_of_every_type_and_the_wrong_ones() -> None:
    x = blobs(20)[0]
    for array in (x, x / 255, x.astype(np.uint16) * 257, x.astype(np.int64), torch.from_numpy(x)):
        image = Image()
        image.survey(array)
        assert np.array_equal(image.encode(array)[0][..., 0], x)
    with pytest.raises(UserError, match="holds no shade above"):
        Image().survey(x.astype(np.uint16))
    image = Image()
    image.survey(x.astype(np.int64))
    broken = x.astype(np.int64)
    broken[7, 0, 0] = 256
    encoded, problems = image.encode(broken)
    assert [position for position, _ in problems] == [7]
    assert not encoded[7].any()


def test_floats_are_kept_resized_and_checked(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(20, 240, 12)).astype(np.float32)
    image = Image()
    image.survey(x)
    assert image.shape == (1, 224, 8)
    assert image.encode(x)[0].dtype == np.float32
    image = Image(size=(240, 12))
    image.survey(x)
    assert np.array_equal(image.encode(x)[0][..., 0], x)
    x[3, 5, 5] = np.nan
    assert [position for position, _ in image.encode(x)[1]] == [3]
    path = saved(Pillow.fromarray(gradient()), tmp_path / "a.png")
    assert "arrays of floats" in image.encode([path])[1][0][1]


def test_each_change_does_what_it_says() -> None:
    x = torch.from_numpy(gradient(8, 8))[None, :, :, None].repeat(64, 1, 1, 1)
    ids, fill = torch.arange(64), torch.tensor([9.0])

    def go(augment: Augment) -> torch.Tensor:
        return augment.apply(x, ids, seed=0, epoch=1, fill=fill)

    flipped = go(Augment(flip=True))
    mirrored = [bool(torch.equal(row, x[0].flip(1))) for row in flipped]
    assert all(m or bool(torch.equal(row, x[0])) for m, row in zip(mirrored, flipped, strict=True))
    assert 16 < sum(mirrored) < 48
    shifted = go(Augment(crop=1))
    assert {int(row[4, 4, 0]) for row in shifted} <= {int(v) for v in x[0, 3:6, 3:6].flatten()}
    assert torch.allclose(go(Augment(rotate=1e-4)), x.float(), atol=1e-2), "hardly rotated is hardly changed"
    turned = go(Augment(rotate=30))
    assert float((turned.mean((1, 2, 3)) - x.float().mean()).abs().max()) < 25
    erased = go(Augment(erase=0.5))
    hit = ((erased != x).flatten(1).any(1)).float().mean()
    assert 0.25 < float(hit) < 0.75
    assert bool((erased[erased != x] == 9).all())


def test_two_epochs_show_both_ways_and_four_all_turns() -> None:
    x = torch.from_numpy(gradient(8, 8))[None, :, :, None].repeat(64, 1, 1, 1)
    ids, fill = torch.arange(64), torch.tensor([9.0])

    def seen(augment: Augment, sample: int, epochs: range) -> set[bytes]:
        shown = (augment.apply(x, ids, seed=3, epoch=epoch, fill=fill)[sample] for epoch in epochs)
        return {np.round(picture.float().numpy()).astype(np.uint8).tobytes() for picture in shown}

    for sample in range(8):
        assert len(seen(Augment(flip=True), sample, range(5, 7))) == 2
        assert len(seen(Augment(flip_vertical=True), sample, range(4, 6))) == 2
        assert len(seen(Augment(flip=True, flip_vertical=True), sample, range(1, 5))) == 4
        assert len(seen(Augment(flip=True, rotate=1e-6), sample, range(1, 3))) == 2


def test_fast_moves_are_those_of_plain_indexing() -> None:
    x = torch.randint(0, 255, (200, 7, 9, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    down, across = (torch.randint(-2, 3, (200,), generator=torch.Generator().manual_seed(k)) for k in (1, 2))
    mirror = torch.arange(200) % 3 == 0
    rows = (torch.arange(7) + down[:, None]).clamp(0, 6)
    columns = (torch.arange(9) + across[:, None]).clamp(0, 8)
    columns = torch.where(mirror[:, None], columns.flip(1), columns)
    expected = x[torch.arange(200)[:, None, None], rows[:, :, None], columns[:, None, :]]
    assert torch.equal(moved(x, down=down, across=across, mirror=mirror, most=2), expected)


def test_turning_there_and_back_is_the_picture() -> None:
    yy, xx = torch.meshgrid(torch.linspace(-1, 1, 33), torch.linspace(-1, 1, 33), indexing="ij")
    x = (100 * torch.exp(-4 * ((xx - 0.2) ** 2 + yy**2)))[None, :, :, None]
    none, one = torch.zeros(1), torch.ones(1)
    there = bent(x, none + 0.5, one, shift=(none, none), turn=(one, one))
    back = bent(there, none - 0.5, one, shift=(none, none), turn=(one, one))
    assert float((there - x).abs().max()) > 5
    assert float((back - x)[:, 6:-6, 6:-6].abs().max()) < 2, "but for the corners, which went out of sight"
    quarter = bent(x, none + torch.pi / 2, one, shift=(none, none), turn=(one, one))
    torch.testing.assert_close(quarter, x.rot90(1, (1, 2)), atol=1e-2, rtol=0)
    larger = bent(x, none, one * 2, shift=(none, none), turn=(one, one))
    torch.testing.assert_close(larger[:, ::2, ::2], x[:, 8:25, 8:25], atol=1, rtol=0)
    mirrored = bent(x, none, one, shift=(none, none), turn=(-one, -one))
    torch.testing.assert_close(mirrored, x.flip(1, 2), atol=1e-2, rtol=0)


def test_brightness_of_a_dark_set_is_still_of_the_whole_range() -> None:
    x = torch.zeros(64, 4, 4, 1, dtype=torch.uint8)
    found = Augment(brightness=0.5).apply(x, torch.arange(64), seed=0, epoch=1, fill=torch.tensor([0.2]))
    assert 100 < float(found.max()) <= 127.5
    assert float(found.min()) == 0, "bytes stay shades"


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.4, 1.0, 2.0, 10.0])
def test_beta_quantiles_are_scipys(alpha: float) -> None:
    beta = pytest.importorskip("scipy.stats").beta
    u = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
    found = beta_quantile(u, alpha).double().numpy()
    np.testing.assert_allclose(found, beta.ppf(u.numpy(), alpha, alpha), rtol=1e-4, atol=2e-6)
    lower = u.numpy() < 0.5  # near 1 float32 has too few digits to go back
    np.testing.assert_allclose(beta.cdf(found, alpha, alpha)[lower], u.numpy()[lower], atol=2e-6)


def test_mixup_keeps_distributions_and_the_larger_half() -> None:
    x, y = torch.randn(64, 1, 4, 4), torch.eye(4)[torch.arange(64) % 4]
    mixed, targets = Augment(mixup=0.4).mix(x, y, torch.arange(64), seed=0, epoch=1)
    torch.testing.assert_close(targets.sum(1), torch.ones(64))
    assert bool((targets.max(1).values >= 0.5).all())
    assert mixed.shape == x.shape
    alone = Augment().mix(x, y, torch.arange(64), seed=0, epoch=1)
    assert alone[0] is x


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("flop", "did you mean 'flip'"),
        ("crop=x", "crop is 'x'"),
        ("rotate=500", "rotate is 500"),
        ("flip=no", "flip is"),
    ],
)
def test_bad_augmentations(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        parse(text)


@pytest.mark.parametrize("field", ["size", "channels", "resize", "mean", "std"])
@pytest.mark.parametrize("value", [None, [], "x", [1e400], -1])
def test_hostile_states(field: str, value: Any) -> None:
    good = {"size": [8, 8], "channels": 1, "resize": "fit", "floats": False, "mean": [0.5], "std": [0.2]}
    Image.from_state(good)
    with pytest.raises(UserError):
        Image.from_state({**good, field: value})
