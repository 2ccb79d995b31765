"""Splits that are wrong in one known way: copies, groups, time, order, maps, scale."""

from __future__ import annotations

import numpy as np
import pytest
from tests.doctor.data_sets import cut, finding, levels, pictures, table, texts

from deepwell.doctor.data.noise import suspicious_labels

TABLE, PICTURES = cut(table(), 900), cut(pictures(1500), 1200)


def test_classes_of_one_side_only() -> None:
    (x, y), (v, w) = TABLE
    train = (x[y != 2], y[y != 2])
    assert levels(train, (v, w), classes=3)["D10"] == "warn"
    assert levels((x, y), (v[w != 2], w[w != 2]))["D10"] == "note"


def test_the_tail_of_sorted_data() -> None:
    x, y = table(classes=5)
    order = np.argsort(y, kind="stable")
    train, validation = cut((x[order], y[order]), 960)
    assert levels(train, validation)["D21"] == "warn"
    x, y = table(classes=2)
    order = np.argsort(y, kind="stable")
    assert levels(*cut((x[order], y[order]), 900))["D21"] == "warn"
    assert levels((x[order], y[order]))["D22"] == "note"


def test_few_samples_are_a_note() -> None:
    assert levels(*cut(table(1000), 940))["D23"] == "note"


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_copies_across_the_split(share: float) -> None:
    for train, (v, w) in (TABLE, PICTURES):
        count = round(share * len(v))
        v = v.copy()
        v[:count] = train[0][:count]
        found = finding("D14", train, (v, w))
        assert (found.level, found.where, found.values["count"]) == ("warn", "validation", count)


def test_rows_of_few_values_are_equal_by_chance() -> None:
    x = np.random.default_rng(0).integers(0, 3, (1000, 5)).astype(np.float32)
    assert "D14" not in levels(*cut((x, x[:, 0].astype(int)), 800))


def changed(x: np.ndarray, how: str) -> np.ndarray:
    random = np.random.default_rng(4)
    return {
        "noise": lambda: x + 0.05 * random.normal(size=x.shape).astype(np.float32),
        "brighter": lambda: 1.2 * x + 0.3,
        "mirrored": lambda: x[..., ::-1].copy(),
    }[how]()


@pytest.mark.parametrize("how", ["noise", "brighter", "mirrored"])
def test_near_copies_of_pictures(how: str) -> None:
    train, (v, w) = PICTURES
    v = v.copy()
    v[:100] = changed(train[0][:100], how)
    found = finding("D15", train, (v, w))
    assert found.level == "warn"
    assert found.values["count"] >= (40 if how != "mirrored" else 10)
    assert "D14" not in levels(train, (v, w))


def test_drawn_shapes_that_only_move_are_no_copies() -> None:
    random, axis = np.random.default_rng(0), np.linspace(-1, 1, 16)
    across, down = random.uniform(-0.6, 0.6, (2, 2000))
    squares = (axis[:, None] - across[:, None, None]) ** 2 + (axis - down[:, None, None]) ** 2
    x = np.exp(-squares / 0.1)[:, None]
    assert levels(*cut((x, (across > 0).astype(int)), 1600)).get("D15") != "warn"


def test_near_copies_of_texts() -> None:
    x, y = texts(800)
    near = [text.replace(text.split()[3], "changed", 1) + " also" for text in x[:60]]
    found = finding("D15", (x[:600], y[:600]), (near + x[600:], np.concatenate([y[:60], y[600:]])))
    assert found.level == "warn"
    assert found.values["count"] >= 20  # of short texts one word is in a third of the shingles
    assert "D15" not in levels((x[:600], y[:600]), (x[600:], y[600:]))


def test_groups_on_both_sides() -> None:
    train, validation = TABLE
    groups = {"train": np.arange(900) % 50, "validation": np.arange(300) % 20 + 45}
    found = finding("D16", train, validation, groups=groups)
    assert (found.level, found.values["shared"]) == ("warn", 5)
    apart = {"train": np.arange(900) % 50, "validation": 100 + np.arange(300) % 20}
    assert "D16" not in levels(train, validation, groups=apart)
    ids = np.random.default_rng(0).integers(0, 60, 1200)[:, None].astype(np.float32)
    x, y = table()
    named = cut((np.concatenate([x, ids / 20], 1), y), 900)
    columns = ["a", "b", "c", "d", "e", "f", "patient_id"]
    assert levels(*named, names=columns)["D16"] == "warn"


def test_time() -> None:
    times = {"train": np.arange(900), "validation": np.arange(600, 900)}
    assert levels(*TABLE, times=times)["D17"] == "warn"
    assert "D17" not in levels(*TABLE, times={"train": np.arange(900), "validation": np.arange(900, 1200)})


def test_another_scale_than_the_training_part() -> None:
    train, (v, w) = TABLE
    assert levels(train, (40 * v + 300, w))["D24"] == "warn"
    (x, y), (pv, pw) = PICTURES
    unit = (pv - pv.min()) / (pv.max() - pv.min())
    assert levels((x, y), (255 * unit, pw))["D24"] == "warn"
    assert levels(train, (v + np.float32([0, 0, 0, 0, 0, 3]), w))["D24"] == "note"
    assert "D24" not in levels(*TABLE)


@pytest.mark.parametrize("kind", ["standardised", "ranged"])
def test_scaler_fitted_on_everything(kind: str) -> None:
    x, y = table(1000)
    x = x.astype(np.float64)

    def fit(rows: np.ndarray) -> np.ndarray:
        if kind == "standardised":
            return (x - rows.mean(0)) / rows.std(0)
        return (x - rows.min(0)) / (rows.max(0) - rows.min(0))

    x[990:] *= 1.5  # the ends of the columns are in the held-out part
    assert levels(*cut((fit(x), y), 800))["D04"] == "warn"
    assert "D04" not in levels(*cut((fit(x[:800]), y), 800))


def test_same_input_with_other_labels() -> None:
    (x, y), validation = PICTURES
    x, y = np.concatenate([x, x[:50]]), np.concatenate([y, (y[:50] + 1) % 4])
    found = finding("D19", (x, y), validation)
    assert (found.level, found.values["count"]) == ("warn", 50)
    assert "D19" not in levels(*PICTURES)


def test_labels_that_look_wrong_are_listed() -> None:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    flipped = np.random.default_rng(1).choice(len(y), 90, replace=False)
    wrong = y.copy()
    wrong[flipped] = (y[flipped] + 3) % 10
    found = suspicious_labels(x.reshape(-1, 8, 8), wrong)
    right = [s for s in found if s.row in set(flipped.tolist())]
    assert len(right) >= 0.9 * len(found), "precision"
    assert len(right) >= 0.65 * len(flipped), "recall"
    assert all(s.suggested == y[s.row] for s in right[:40])
    assert [s.margin for s in found] == sorted((s.margin for s in found), reverse=True)
    assert levels((x.reshape(-1, 8, 8), wrong))["D20"] == "note"
    assert len(suspicious_labels(x.reshape(-1, 8, 8), y)) < 10
    assert "D20" not in levels((x.reshape(-1, 8, 8), y))


def test_misaligned_rows() -> None:
    x, y = table(2000)
    shifted = np.concatenate([y[2:], y[:2]])
    assert levels((x, shifted))["D33"] == "warn"
    shuffled = np.random.default_rng(0).permutation(y)
    assert levels((x, shuffled))["D33"] == "note"
    assert levels((x, shuffled), table(500, seed=1))["D33"] == "warn", "the validation part's labels can be learnt"
    assert "D33" not in levels((x, y))


def test_classes_numbered_otherwise() -> None:
    train, (v, w) = TABLE
    assert levels(train, (v, (w + 1) % 3))["D13"] == "warn"
    assert levels(train, (v, np.array([1, 0, 2])[w]))["D13"] == "warn"
    assert "D13" not in levels(*TABLE)


def test_training_labels_that_are_noisier_than_the_others() -> None:
    (x, y), validation = TABLE
    random = np.random.default_rng(0)
    noisy = np.where(random.random(len(y)) < 0.4, random.permutation(y), y)
    assert levels((x, noisy), validation)["D20"] == "warn"
    assert "D20" not in levels(*TABLE)
