"""How large a report is and how fast it opens, of made answers to 50,000 test samples in 2, 10, 100 and 1,000 classes.

    python benchmarks/report_size.py [SAMPLES]

Goals: under 10 MB, open in under 2 s. What grows with the samples is counted before the page; what grows with the
classes is the confusion matrix and the tables. Pictures weigh most, so each page has 24 mistakes and 24 doubtful
labels of noise, which PNG can't make small, at the largest size that a thumbnail has. Opening is measured in headless
Chromium, from the navigation to the end of the load event, and to the frame after it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser import browser
from tests.report import made

from deepwell.explain.image_explanation import ImageExplanation
from deepwell.report.facts import Mistake, Sample, Suspect
from deepwell.report.page import render
from deepwell.report.samples.image import data_uri

REPEATS = 5
CLASSES = (2, 10, 100, 1_000)
_FRAME = (
    "const done = arguments[0];requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() / 1000)))"
)


def mistakes(classes: list[str], random: np.random.Generator) -> tuple[list[Mistake], list[Suspect]]:
    """24 of each, as colour pictures of noise."""
    wrong, doubted = [], []
    for number in range(24):
        pixels = random.integers(0, 256, (176, 176, 3), dtype=np.uint8)
        why = ImageExplanation("gradcam", classes[0], 0.9, False, random.random((176, 176), np.float32), pixels)
        sample = Sample(f"#{number}", picture=data_uri(pixels))
        wrong.append(Mistake(sample, (classes[0],), (classes[1],), 0.9, 0.01, attribution=why))
        doubted.append(Suspect(sample, classes[0], classes[1], classes[1], 0.9))
    return wrong, doubted


def main(samples: int) -> None:
    """A line a number of classes."""
    print(f"{samples:,} test samples; opening is the median of {REPEATS}")
    for count in CLASSES:
        names = made.names(count)
        begin = time.perf_counter()
        evaluation = made.evaluation(names, samples)
        measured = time.perf_counter() - begin
        wrong, doubted = mistakes(names, np.random.default_rng(0))
        facts = made.facts(count, evaluation=evaluation, mistakes=wrong, suspects=doubted)
        begin = time.perf_counter()
        page = render(facts)
        drawn = time.perf_counter() - begin
        loads, frames = [], []
        with tempfile.TemporaryDirectory() as folder, browser() as window:
            path = Path(folder) / "report.html"
            path.write_text(page, encoding="utf-8")
            for _ in range(REPEATS):
                window.open(path)
                frames.append(float(window.driver.execute_async_script(_FRAME)))
                loads.append(window.load_seconds())
        print(
            f"{count:5,} classes: {len(page.encode()) / 1e6:5.2f} MB, "
            f"measured in {measured:.1f} s, drawn in {drawn:.1f} s, "
            f"loaded in {statistics.median(loads):.2f} s ({min(loads):.2f} to {max(loads):.2f}), "
            f"on the screen after {statistics.median(frames):.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
