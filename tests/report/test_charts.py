"""Charts: what lies where, on numbers that can be worked out by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest

from deepwell.report.charts.bars import histogram, shares
from deepwell.report.charts.dots import Dot, dots
from deepwell.report.charts.heat import heat
from deepwell.report.charts.lines import Line, lines
from deepwell.report.charts.reliability import reliability
from deepwell.report.charts.scale import padded, ticks, told


@pytest.mark.parametrize("low, high", [(0, 1), (0.862, 0.938), (1e-7, 3e-7), (-5, 12_345), (0.99999, 1.00001)])
def test_ticks_are_round_inside_and_few(low: float, high: float) -> None:
    found = ticks(low, high)
    assert all(low - 1e-12 <= value <= high + 1e-12 for value in found) and 2 <= len(found) <= 8
    step = found[1] - found[0]
    assert len({told(value, step) for value in found}) == len(found), "two ticks read the same"


def test_one_value_alone_has_a_range() -> None:
    for value in (0.0, 3.0, -2.0):
        low, high = padded([value])
        assert low < value < high


def test_higher_values_are_drawn_higher_and_gaps_stay_gaps() -> None:
    svg = lines("t", "epoch", "loss", [Line("a", [3.0, None, 1.0, 2.0], "first")], best=3, best_name="best")
    path = re.findall(r'<path d="([^"]+)" class="line first"', svg)[0]
    assert path.count("M") == 2, "a missing value interrupts the line"
    heights = [float(point.split()[1]) for point in re.split("[ML]", path)[1:]]
    assert heights[0] < heights[2] < heights[1], "pixels grow downwards"
    assert "best" in svg and "<title>t</title>" in svg


def test_many_epochs_have_whole_ticks_and_no_dots() -> None:
    svg = lines("t", "epoch", "loss", [Line("a", list(np.linspace(1, 0, 300)), "first")])
    assert "circle" not in svg
    one = lines("t", "epoch", "loss", [Line("a", [1.0], "first")])
    assert "nan" not in one and "circle" in one


def test_the_band_encloses_its_line() -> None:
    svg = lines("t", "e", "a", [Line("v", [0.5, 0.6], "first")], band=([0.4, 0.5], [0.6, 0.7]), band_name="noise")
    area = re.findall(r'<path d="([^"]+)Z" class="band"', svg)[0]
    top = [float(point.split()[1]) for point in re.split("[ML]", area)[1:]]
    line = re.findall(r'<path d="([^"]+)" class="line first"', svg)[0]
    middle = [float(point.split()[1]) for point in re.split("[ML]", line)[1:]]
    assert top[0] < middle[0] < top[3] and top[1] < middle[1] < top[2]


def test_scores_lie_by_their_size_and_names_are_cut() -> None:
    drawn = [Dot("ours", 0.9, (0.85, 0.95), ours=True), Dot("x" * 80, 0.5, None)]
    svg = dots("t", "accuracy", drawn)
    at = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]
    assert at[0] > at[1] and "…" in svg and "band" in svg


def test_a_perfect_curve_lies_on_the_diagonal() -> None:
    bins = [
        {"low": b / 10, "high": (b + 1) / 10, "samples": 5, "confidence": (b + 0.5) / 10, "accuracy": (b + 0.5) / 10,
         "interval": [0.0, 1.0]}
        for b in range(10)
    ]  # fmt: skip
    svg = reliability(bins, title="t", confidence="c", right="r", samples="s", ideal="i")
    points = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg)
    sums = {round(float(x) + float(y), 1) for x, y in points}
    assert len(points) == 10 and len(sums) == 1


def test_squares_are_where_the_matrix_is_not_empty() -> None:
    matrix = np.zeros((30, 30), dtype=int)
    matrix[np.diag_indices(30)] = 9
    matrix[3, 7] = 1
    svg = heat("t", matrix, [f"c{n}" for n in range(30)], true_name="true", answer_name="answer")
    right = "".join(re.findall(r'<path d="([^"]+)" class="right"', svg))
    wrong = "".join(re.findall(r'<path d="([^"]+)" class="wrong"', svg))
    assert right.count("M") == 30 and wrong.count("M") == 1
    x, y = (float(v) for v in re.findall(r"M([\d.]+) ([\d.]+)", wrong)[0])
    row = re.findall(r"M([\d.]+) ([\d.]+)", right)
    assert any(float(v) == y for _, v in row) and any(float(v) == x for v, _ in row)


def test_bars_are_as_high_as_their_counts() -> None:
    svg = histogram("t", "x", "y", [0, 1, 2, 3], [10, 0, 5])
    tall = [float(h) for h in re.findall(r'height="([\d.]+)" class="bar"', svg)]
    assert len(tall) == 2 and abs(tall[0] / tall[1] - 2) < 0.01
    cut = shares("t", [("a", 3.0), ("b", 1.0), ("c", 0.0)])
    assert re.findall(r'width="([\d.]+)"', cut) == ["345", "115"]
