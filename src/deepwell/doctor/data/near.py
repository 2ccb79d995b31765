"""Near copies on both sides of a split: re-encoded, brightened, shifted, mirrored pictures; texts with few changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.copies import digests, few_forms
from deepwell.doctor.data.features import grey, number_of, shrink, tokens
from deepwell.doctor.data.part import Part
from deepwell.doctor.data.probe import taken
from deepwell.findings import Finding, Level

_HELD, _TURNED = 300, 50
_TRAIN_PICTURES, _TRAIN_TEXTS, _HELD_TEXTS = 60_000, 8_000, 1_000
_SIDE, _BLOCKS = 8, 64
_NEAR, _RATIO = 0.12, 0.3
_FREE = 4.0
_SHARE = 0.02
"""One in a hundred pictures of Fashion-MNIST has a near copy in its other part, honestly."""
_LENGTH, _JACCARD = 8, 0.7
_BANDS, _ROWS = 8, 3


def near_copies(case: Case) -> Iterator[Finding]:
    """D15, by the kind of the samples; samples that are exactly equal are D14's."""
    if case.kind == "image" and few_forms(case.train):
        return
    for part in case.held_out:
        if case.kind == "image":
            looked, found = near_pictures(case.train, part, seed=case.said.seed)
        elif case.kind in ("texts", "words"):
            looked, found = near_texts(case.train, part, seed=case.said.seed)
        else:
            return
        if len(found) >= 3:
            place, other = found[0]
            plain = case.kind != "image" or dimension(case.train) >= _FREE
            level: Level = "warn" if plain and len(found) >= max(5, _SHARE * looked) else "note"
            values = {"count": len(found), "looked": looked, "of": part.total}
            values |= {"row": part.row(place), "other": case.train.row(other)}
            yield Finding("D15", level, part.name, "pictures" if case.kind == "image" else "texts", values)


def near_pictures(train: Part, held: Part, *, seed: int = 0) -> tuple[int, list[tuple[int, int]]]:
    """Held-out pictures that are nearly a training picture.

    A perceptual hash (dHash, 64 bits, distance at most 4) finds a partner for 62 % of Fashion-MNIST's test pictures:
    small pictures of one class are alike. So thumbnails of 8x8 greys, brought to mean 0 and length 1, are compared
    themselves, and a near copy is nearer than 0.12 *and* nearer than 0.3 of the distance to the twentieth of 64
    blocks' nearest pictures (the ratio test of Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94).

    Returns:
        how many held-out pictures were looked at, and pairs (place there, place in the training part).
    """
    places = held.sample(_HELD, seed)
    rows = train.sample(_TRAIN_PICTURES, seed)
    known = digests(train)
    places = places[~np.isin(digests(held)[places], known)]
    if len(places) < 5 or len(rows) < 2 * _BLOCKS or min(grey(train.x[:1]).shape[1:]) < _SIDE:
        return 0, []
    bank = _thumbnails(train.x, rows)
    there = _flat_free(held.x[places])
    places = places[there]
    pictures = grey(held.x[places])
    found: dict[int, int] = {}
    for number, changed in enumerate(_changes(pictures)):
        some = changed if number == 0 else changed[:_TURNED]
        nearest, distance, usual = _nearest(_unit(shrink(some, _SIDE, _SIDE)), bank)
        # one change more to choose from, so a little nearer is asked for
        limit = 1.0 if number == 0 else 0.8
        for place in np.flatnonzero((distance < _NEAR * limit) & (distance < _RATIO * limit * usual)).tolist():
            found.setdefault(place, int(nearest[place]))
    return len(places), [(int(places[i]), int(rows[j])) for i, j in sorted(found.items())]


def dimension(train: Part, *, seed: int = 0) -> float:
    """In how many directions pictures differ from their neighbours (TwoNN, Facco 2017, doi:10.1038/s41598-017-11873-y).

    Where it is two or three, as in drawn shapes of which only the place changes, every picture has a near one and
    nothing is copied. By the median, so that copies among less than half of the training pictures change nothing.
    """
    if "dimension" not in train.digests:
        bank = _thumbnails(train.x, train.sample(_TRAIN_PICTURES, seed))
        asked = bank[:: max(1, len(bank) // 200)]
        width = len(bank) // _BLOCKS
        likeness = (asked @ bank.T)[:, : width * _BLOCKS].reshape(len(asked), _BLOCKS, width).max(2)
        distances = np.sqrt(np.maximum(2 - 2 * np.sort(likeness, axis=1)[:, -3:-1], 1e-12))  # the nearest is itself
        ratio = np.median(np.log(distances[:, 0] / distances[:, 1]))
        train.digests["dimension"] = np.array(np.log(2) / max(float(ratio), 1e-3))
    return float(train.digests["dimension"])


def _changes(pictures: np.ndarray) -> list[np.ndarray]:
    """As they are, mirrored, and moved by a 28th of their side each way."""
    step = max(1, round(pictures.shape[1] / 28))
    moved = [np.roll(pictures, way, axis) for axis in (1, 2) for way in (-step, step)]
    return [pictures, pictures[:, :, ::-1], *moved]


def _flat_free(x: np.ndarray) -> np.ndarray:
    flat = grey(x).reshape(len(x), -1)
    return flat.std(1) > 0.02 * max(float(flat.std()), 1e-9)


def _thumbnails(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """float32 [n, 64], a piece at a time."""
    step = max(1, (8 << 20) // max(1, int(np.prod(x.shape[1:]))))
    whole = len(rows) == len(x)
    pieces = [x[i : i + step] if whole else x[rows[i : i + step]] for i in range(0, len(rows), step)]
    return np.concatenate([_unit(shrink(grey(piece), _SIDE, _SIDE)) for piece in pieces])


def _unit(thumbnails: np.ndarray) -> np.ndarray:
    flat = thumbnails.reshape(len(thumbnails), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _nearest(asked: np.ndarray, bank: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest of the bank, its distance, and the distance that is usual: of the twentieth block's nearest."""
    width = len(bank) // _BLOCKS
    likeness = asked @ bank.T
    blocks = likeness[:, : width * _BLOCKS].reshape(len(asked), _BLOCKS, width).max(2)
    usual = np.sort(blocks, axis=1)[:, -20]
    nearest = likeness.argmax(1)
    best = likeness[np.arange(len(asked)), nearest]
    distance, ordinary = (np.sqrt(np.maximum(2 - 2 * v, 0)) for v in (best, usual))
    return nearest, distance, ordinary


def near_texts(train: Part, held: Part, *, seed: int = 0) -> tuple[int, list[tuple[int, int]]]:
    """Held-out texts that share most of their threes of words with a training text.

    MinHash (Broder 1997) of 24 hashes in 8 bands finds candidates; each is confirmed by the Jaccard index of the
    shingles themselves, at least 0.7. Texts of fewer than 8 words are passed over: they are alike by chance.

    Returns:
        how many held-out texts were looked at, and pairs (place there, place in the training part).
    """
    places, rows = held.sample(_HELD_TEXTS, seed), train.sample(_TRAIN_TEXTS, seed)
    places = places[~np.isin(digests(held)[places], digests(train))]
    here, there = (_shingles(taken(part.x, some)) for part, some in ((held, places), (train, rows)))
    looked = sum(len(s) > 0 for s in here)
    pairs = _candidates(_minima(here), _minima(there))
    found: dict[int, int] = {}
    for i, j in pairs:
        if i not in found and _jaccard(here[i], there[j]) >= _JACCARD:
            found[i] = j
    return looked, [(int(places[i]), int(rows[j])) for i, j in sorted(found.items())]


def _shingles(texts: Sequence[Any]) -> list[np.ndarray]:
    """Each text's threes of words as numbers, uint64; none for a short text."""
    found = []
    for text in texts:
        words = tokens(text, 80)
        if len(words) < _LENGTH:
            found.append(np.zeros(0, np.uint64))
            continue
        numbers = np.array([number_of(word) for word in words], dtype=np.uint64)
        found.append(numbers[:-2] * np.uint64(1_000_003) + numbers[1:-1] * np.uint64(10_007) + numbers[2:])
    return found


def _minima(rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Band keys of the texts that have shingles, uint64 [texts, bands], and their places."""
    places = np.array([i for i, row in enumerate(rows) if len(row)], dtype=np.int64)
    if not len(places):
        return np.zeros((0, _BANDS), np.uint64), places
    flat = np.concatenate([rows[i] for i in places])
    starts = np.cumsum([0, *(len(rows[i]) for i in places[:-1])])
    factors = np.random.default_rng(11).integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) * 2 + 1
    least = [np.minimum.reduceat((flat * a) >> np.uint64(20), starts) for a in factors]
    keys = []
    for band in range(_BANDS):
        key = np.zeros(len(places), np.uint64)
        for row in least[band * _ROWS : (band + 1) * _ROWS]:
            key = key * np.uint64(0x9E3779B97F4A7C15) + row
        keys.append(key)
    return np.stack(keys, 1), places


def _candidates(here: tuple[np.ndarray, np.ndarray], there: tuple[np.ndarray, np.ndarray]) -> list[tuple[int, int]]:
    """Pairs of places that agree in a band; for each text and band the first partner."""
    found = set()
    for band in range(_BANDS):
        keys, first = np.unique(there[0][:, band], return_index=True)
        if not len(keys):
            return []
        at = np.minimum(np.searchsorted(keys, here[0][:, band]), len(keys) - 1)
        same = np.flatnonzero(keys[at] == here[0][:, band])
        found |= {(int(here[1][i]), int(there[1][first[at[i]]])) for i in same}
    return sorted(found)


def _jaccard(a: np.ndarray, b: np.ndarray) -> float:
    first, second = set(a.tolist()), set(b.tolist())
    return len(first & second) / len(first | second)
