"""Baselines measured: features once, then each model on as many samples as its time allows."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.evaluate.baselines.baseline import Baseline
from deepwell.evaluate.baselines.budget import Size, choose_size
from deepwell.evaluate.baselines.estimators import (
    ANY_OF_SEVERAL,
    ONE_OF_SEVERAL,
    Candidate,
    need_scikit_learn,
    parameters,
)
from deepwell.evaluate.baselines.features import EXTRACTORS
from deepwell.evaluate.baselines.features import make as make_features
from deepwell.evaluate.baselines.sampling import nested
from deepwell.evaluate.baselines.scoring import SCORING, marked
from deepwell.evaluate.baselines.tagging import candidates as tag_candidates
from deepwell.evaluate.baselines.tagging import views

_FIRST = 50
_ASKED = 500
"""Test samples that are answered to find out how long all of them take."""


@dataclass(frozen=True)
class Part:
    """The training part, or the one that is measured on.

    Attributes:
        take: the samples of some places, int64 [k], counted within the part: encoded pictures
            [k, height, width, channels], or a list of texts, of lists of words, of trees.
        targets: of each sample: a class number, or a list of label or tag numbers.
    """

    take: Callable[[np.ndarray], Any]
    targets: list[Any]

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class _Material:
    """What a candidate learns from and is asked, however the samples look."""

    kind: str
    words: str
    samples: int
    of: int
    tested: int
    least: int
    learn: Callable[[int], tuple[Any, Any]]
    """The first so many samples, and their targets."""
    asked: Callable[[int], Any]
    """The first so many test samples."""
    answers: Callable[[Any], list[Any]]


def measure(
    train: Part,
    test: Part,
    *,
    input: Any,
    output: Any,
    seconds: float = 60.0,
    sizes: Mapping[str, int] | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Baseline]:
    """Measure every baseline that suits the kinds of input and output.

    Args:
        train, test: where to learn, and where to measure.
        input, output: as learnt with the training part; they say how samples look and what is answered.
        seconds: for each baseline, and for the features that they share. Where all samples would take longer, a model
            learns from fewer, and its ``samples`` say from how many.
        sizes: how many samples to learn from, by a baseline's name, in place of trying: to repeat a measurement.
        say: told of a baseline that failed; the others are measured all the same.

    Raises:
        UserError: scikit-learn is not installed, kinds without baselines, an empty part.
    """
    need_scikit_learn()
    if output.kind not in SCORING or (output.kind != "tags" and input.kind not in EXTRACTORS):
        raise UserError(f"there are no baselines for {input.kind} data with {output.kind}")
    if not len(train) or not len(test):
        raise UserError("a part holds no samples", expected="some to learn from and some to measure on")
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of features; what models warn of becomes their note
        pairs = _words(train, test, output) if output.kind == "tags" else _rows(train, test, input, output, seconds)
    for candidate, material in pairs:
        try:
            size = (sizes or {}).get(candidate.name)
            found.append(_one(candidate, material, test.targets, output, seconds, size))
        except Exception as error:  # a baseline must not take a training with it
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            (say or (lambda _: None))(f"baseline {candidate.name} failed: {reason}")
    return found


def _one(
    candidate: Candidate, material: _Material, targets: list[Any], output: Any, seconds: float, given: int | None
) -> Baseline:
    def timed(samples: int) -> tuple[float, float]:
        asked, start = min(_ASKED, material.tested), time.perf_counter()
        model = candidate.build(material.kind).fit(*material.learn(samples))
        learnt = time.perf_counter()
        model.predict(material.asked(asked))
        return learnt - start, (time.perf_counter() - learnt) * material.tested / asked

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        timed(min(material.samples, max(_FIRST, material.least)))  # the first run of anything loads code
        begun = time.perf_counter()

        def spent() -> float:
            return time.perf_counter() - begun

        if given is None:
            size = choose_size(timed, material.samples, seconds, candidate.growth, least=material.least, spent=spent)
        else:
            size = Size(min(given, material.samples), [])
        told.clear()  # a trial's warning is not the model's
        model = candidate.build(material.kind).fit(*material.learn(size.samples))
        answers = material.answers(model.predict(material.asked(material.tested)))
    scoring = SCORING[output.kind]
    return Baseline(
        name=candidate.name,
        score=scoring.score(answers, targets, output),
        metric=scoring.metric(output),
        seconds=spent(),
        samples=size.samples,
        of=material.of,
        tried=size.tried,
        features=material.words,
        parameters=parameters(model),
        note="; ".join(_remarks(told)),
        answers=answers,
    )


def _remarks(told: Sequence[warnings.WarningMessage]) -> list[str]:
    """What a model warned of, once each, in a line."""
    from sklearn.exceptions import ConvergenceWarning

    bounded = any(issubclass(item.category, ConvergenceWarning) for item in told)
    others = {
        str(item.message).splitlines()[0]: None for item in told if not issubclass(item.category, ConvergenceWarning)
    }
    return ["stopped at its bound of iterations"] * bounded + list(others)


def _rows(train: Part, test: Part, input: Any, output: Any, seconds: float) -> list[tuple[Candidate, _Material]]:
    """For answers to whole samples: a row of features each."""
    sets = output.kind == "label-sets"
    order = nested(None if sets else np.array(train.targets, dtype=np.int64), len(train))
    seen = make_features(train, test, input, order, seconds=seconds)
    chosen = [train.targets[row] for row in seen.rows]
    labels = marked(chosen, len(output.classes)) if sets else np.array(chosen, dtype=np.int64)
    material = _Material(
        kind=seen.kind,
        words=seen.words,
        samples=len(seen.rows),
        of=len(train),
        tested=len(test),
        least=2 * len(output.classes),
        learn=lambda count: (seen.train[:count], labels[:count]),
        asked=lambda count: seen.test[:count],
        answers=(lambda made: [np.flatnonzero(row).tolist() for row in made]) if sets else (lambda made: made.tolist()),
    )
    return [(candidate, material) for candidate in (ANY_OF_SEVERAL if sets else ONE_OF_SEVERAL)]


def _words(train: Part, test: Part, output: Any) -> list[tuple[Candidate, _Material]]:
    """For tags: the words of sentences, by themselves or with their neighbours."""
    order = nested(None, len(train))
    sentences, asked = train.take(order), test.take(np.arange(len(test)))
    ends = np.cumsum([len(sentence) for sentence in asked])

    def tags(count: int) -> np.ndarray:
        return np.concatenate([np.array(train.targets[row], dtype=np.int64) for row in order[:count]])

    def material(words: str, see: Callable[[Sequence[str]], Any]) -> _Material:
        return _Material(
            kind="words",
            words=words,
            samples=len(train),
            of=len(train),
            tested=len(test),
            least=1,
            learn=lambda count: ([word for some in sentences[:count] for word in see(some)], tags(count)),
            asked=lambda count: [word for some in asked[:count] for word in see(some)],
            answers=lambda made: [part.tolist() for part in np.split(np.asarray(made), ends[:-1])],
        )

    alone, placed = material("words", list), material("words with neighbours and endings", views)
    usual, most, seen = tag_candidates(len(output.classes))
    return [(usual, alone), (most, alone), (seen, placed)]
