"""Baselines: which samples, how many, what they see, and whether a difference is noise."""

from __future__ import annotations

import json

import numpy as np
import pytest

from deepwell.data.tree import parse
from deepwell.evaluate.baselines.budget import Growth, choose_size
from deepwell.evaluate.baselines.leaves import Leaves
from deepwell.evaluate.baselines.paired import differences
from deepwell.evaluate.baselines.pixels import Pixels
from deepwell.evaluate.baselines.sampling import nested
from deepwell.evaluate.baselines.scoring import against
from deepwell.evaluate.baselines.tagging import MostFrequent, views
from deepwell.inputs import Image
from deepwell.inputs.tree import TreeInput
from deepwell.outputs import OUTPUTS


def rows(right: list[int]) -> np.ndarray:
    return np.stack([right, np.ones_like(right)], 1)


# ---- which samples


def test_every_beginning_is_stratified_and_holds_each_class() -> None:
    classes = np.repeat([0, 1, 2], [700, 290, 10])
    order = nested(classes, 1000)
    assert sorted(order.tolist()) == list(range(1000))
    assert set(classes[order[:3]]) == {0, 1, 2}
    for size in (50, 100, 500):
        assert np.abs(np.bincount(classes[order[:size]], minlength=3) / size - [0.7, 0.29, 0.01]).max() < 0.03
    assert (order == nested(classes, 1000)).all()
    assert (order != nested(classes, 1000, seed=1)).any()
    assert (np.diff(order[classes[order] == 0]) < 0).any()  # within a class mixed too


def test_without_classes_it_is_a_permutation() -> None:
    assert sorted(nested(None, 50).tolist()) == list(range(50))


# ---- how many


class Clock:
    """A machine on which learning takes ``each`` seconds times samples to the power of ``order``."""

    def __init__(self, each: float, order: float, answering: float = 0.0) -> None:
        self.now, self.each, self.order, self.answering = 0.0, each, order, answering

    def timed(self, samples: int) -> tuple[float, float]:
        learning, answering = self.each * samples**self.order, self.answering * samples
        self.now += learning + answering / 20
        return learning, answering

    def cost(self, samples: int) -> float:
        return self.each * samples**self.order + self.answering * samples


@pytest.mark.parametrize("order", [1.0, 2.0])
@pytest.mark.parametrize("answering", [0.0, 1e-3])
@pytest.mark.parametrize("each", [1e-7, 1e-5, 1e-3])
def test_what_was_chosen_fits_the_time(order: float, answering: float, each: float) -> None:
    clock = Clock(each, order, answering)
    found = choose_size(clock.timed, 60_000, 60, Growth(order, 1.0), least=20, spent=lambda: clock.now)
    if found.samples > 20:  # the least is learnt from whatever it takes
        assert clock.now + clock.cost(found.samples) <= 60
    if found.samples < 60_000:
        assert clock.now + 2.5 * clock.cost(found.samples) > 60, "it could have been far more"
        assert len(str(found.samples).rstrip("0")) <= 2 or found.samples == 20
    assert [size for size, _, _ in found.tried] == [500 * 4**i for i in range(len(found.tried))]


def test_few_samples_are_all_taken() -> None:
    clock = Clock(1e-6, 1.0)
    assert choose_size(clock.timed, 30, 5, Growth(1, 1), spent=lambda: clock.now).samples == 30


# ---- what they see


def test_pixels_are_shades_and_large_pictures_are_averaged() -> None:
    input = Image()
    input.survey(np.zeros((3, 8, 6), np.uint8))
    seen = Pixels(input)
    assert (str(seen), seen.kind) == ("8x6 grey pixels", "pixels")
    assert seen.see(np.full((2, 8, 6, 1), 255, np.uint8)).tolist() == [[1.0] * 48] * 2
    large = Image()
    large.survey(np.zeros((3, 64, 64, 3), np.uint8))
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    picture[0, 0, 0] = [200, 100, 0]
    made = Pixels(large).see(picture)
    assert made.shape == (1, 32 * 32 * 3)
    assert made[0, :3] * 255 == pytest.approx([50, 25, 0])
    assert "averaged" in str(Pixels(large))


def test_leaves_see_operators_only_where_labels_are_no_answers() -> None:
    trees = [parse("(MAX 4 (MIN 2 7))")]
    for use in (False, True):
        seen = Leaves(TreeInput(use_labels=use))
        seen.learn(trees)
        assert ("MAX" in seen.vectorizer.vocabulary_) is use
        assert "4" in seen.vectorizer.vocabulary_


def test_a_new_word_has_the_tag_of_its_ending() -> None:
    model = MostFrequent().fit(["runs", "walking", "talking", "a", "a", "a"], np.array([1, 2, 2, 0, 0, 0]))
    assert model.predict(["walking", "singing", "a", "zzz"]).tolist() == [2, 2, 0, 0]


def test_views_at_the_edges_of_a_sentence() -> None:
    first, last = views(["New", "York-2"])
    assert "-1=" in first and "+1=york-2" in first
    assert "f=Xx-0" in last and "-1=new" in last and "+2=" in last


# ---- noise


def verdict(first: list[int], other: list[int]) -> str:
    return differences(rows(first), [rows(other)])[0].verdict


def test_a_difference_within_noise_and_one_beyond_it() -> None:
    first = [1] * 360 + [0] * 40
    level = [0] * 10 + [1] * 350 + [1] * 6 + [0] * 34  # 10 lost, 6 won
    worse = [0] * 40 + [1] * 320 + [0] * 40
    same, noise, lost = differences(rows(first), [rows(other) for other in (first, level, worse)])
    assert (same.value, same.p, same.verdict, same.to_json()["interval"]) == (0, 1, "within noise", None)
    assert str(same) == "level within noise (+0.0000, too few answers differ for an interval; corrected p 1)"
    assert (noise.value, noise.verdict) == (pytest.approx(0.01), "within noise")
    assert (lost.value, lost.verdict) == (pytest.approx(0.1), "better")
    # a share of 0.1 of 400: the standard deviation is sqrt(0.1 * 0.9 / 400)
    assert lost.high - lost.low == pytest.approx(2 * 1.96 * 0.015, rel=0.1)
    assert verdict(worse, first) == "worse"


def test_few_answers_that_differ_are_noise() -> None:
    """Five of five are one in 32 by chance, and two-sided one in 16."""
    first, other = [1] * 400, [0] * 5 + [1] * 395
    (found,) = differences(rows(first), [rows(other)])
    assert (found.verdict, found.to_json()["interval"]) == ("within noise", None)
    assert "too few" in str(found)


def test_few_answers_that_all_speak_for_one_are_no_noise() -> None:
    """14 of 14 are one in 16,384 by chance, and two-sided one in 8,192."""
    (found,) = differences(rows([1] * 400), [rows([0] * 14 + [1] * 386)])
    assert (found.verdict, found.to_json()["interval"]) == ("better", None)
    assert found.to_json()["exact_p"] == pytest.approx(2 / 2**14)


def test_a_verdict_of_many_is_corrected_for_their_number() -> None:
    """23 won and 9 lost are 0.02 by chance: a verdict of one baseline, none of the best of seven."""
    first, other = [1] * 391 + [0] * 9, [0] * 23 + [1] * 377
    (alone,) = differences(rows(first), [rows(other)])
    assert alone.verdict == "better" and alone.low > 0
    many = differences(rows(first), [rows(other)] + [rows(first)] * 6)
    assert [found.verdict for found in many] == ["within noise"] * 7
    assert many[0].low == pytest.approx(alone.low, abs=0.002)
    assert many[0].p == pytest.approx(7 * alone.p, rel=0.3)
    keys = {"difference", "interval", "exact_p", "p", "verdict"}
    assert set(json.loads(json.dumps(many[1].to_json(), allow_nan=False))) == keys


def test_pairs_tell_more_than_two_intervals_apart() -> None:
    """Two models that are wrong on the same samples: a difference is seen that two intervals would hide."""
    assert verdict([1] * 150 + [0] * 250, [1] * 125 + [0] * 275) == "better"


def test_against_of_each_output_kind() -> None:
    category = OUTPUTS["category"]()
    category.learn(["a", "b"] * 20, np.arange(40))
    assert against([0, 1] * 20, [[0, 0] * 20], [0, 1] * 20, category)[0].value == pytest.approx(0.5)
    sets = OUTPUTS["label-sets"]()
    sets.learn([["a"], ["b"], []] * 10, np.arange(30))
    # deep: right 20 of 20 given and 20 true; other: 10 right, 30 given
    (found,) = against([[0], [1], []] * 10, [[[0], [0], [0]] * 10], [[0], [1], []] * 10, sets)
    assert found.value == pytest.approx(1 - 2 * 10 / (30 + 20))
    tags = OUTPUTS["tags"]()
    tags.learn([["B-X", "I-X", "O"]] * 20, np.arange(20))
    (found,) = against([[0, 1, 2]] * 20, [[[2, 2, 2]] * 20], [[0, 1, 2]] * 20, tags)
    assert (found.value, found.verdict) == (pytest.approx(1.0), "better")
