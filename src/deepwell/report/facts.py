"""What a report is made of: plain values, gathered elsewhere, so that the page is a pure function of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from deepwell.findings import Finding
from deepwell.metrics.spans import Span


class Attribution(Protocol):
    """Which part of an input made the answer, as ``explain.explain`` gives it."""

    def html(self, lang: str) -> str: ...

    def picture(self, side: int) -> bytes: ...


@dataclass(frozen=True)
class Sample:
    """A raw sample as a person sees it: a picture, a text, or words one by one.

    Attributes:
        name: a file's name or a number, to find it again.
        picture: data URI of a PNG, or "".
        text: or "".
        words: of a sentence whose words have answers of their own.
    """

    name: str
    picture: str = ""
    text: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mistake:
    """A sample that was answered wrongly.

    Attributes:
        sample: to show.
        given: its labels, one or several.
        answered: what the model said.
        confidence: how sure the model was of its answer, 0 to 1; None where it does not say.
        chance: what the model gave to the right answer, 0 to 1; None where it does not say.
        given_spans, answered_spans: of a sentence.
        attribution: what made the answer, or None.
    """

    sample: Sample
    given: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    confidence: float | None = None
    chance: float | None = None
    given_spans: tuple[Span, ...] = ()
    answered_spans: tuple[Span, ...] = ()
    attribution: Attribution | None = None


@dataclass(frozen=True)
class Suspect:
    """A training sample whose label looks wrong to a simple model that has not seen it.

    Attributes:
        given, suggested: its label, and the one that it looks like.
        model, confidence: the trained model's answer, and how sure it is of it.
    """

    sample: Sample
    given: str
    suggested: str
    model: str
    confidence: float


@dataclass(frozen=True)
class Band:
    """95 % interval of a score on the validation part, epoch by epoch."""

    metric: str
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Training:
    """How the training went.

    Attributes:
        epochs: one row an epoch, as ``metrics.jsonl`` has them.
        events: (step, what was said) in its course.
        best_epoch: whose weights the model has, counted from 1.
        monitor: the value that chose it.
        stopped: why it ended early, or "".
        band: noise of the validation score; None without a validation part.
        seconds: from opening the data to the last figure; None where nobody measured it.
        step: how steps were made on that machine: ``channels_last``, ``bfloat16``, ``threads``.
    """

    epochs: Sequence[Mapping[str, float]] = ()
    events: Sequence[tuple[int, str]] = ()
    best_epoch: int = 0
    monitor: str = ""
    stopped: str = ""
    band: Band | None = None
    seconds: float | None = None
    step: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Histogram:
    """Counts of samples between edges, one more of these than of those. ``of``: what was counted, a key of words."""

    of: str
    edges: Sequence[float]
    counts: Sequence[int]


@dataclass(frozen=True)
class DataCard:
    """What the model was made from.

    Attributes:
        found: one sentence: what was recognised where.
        origin: path or name; "" for data in memory.
        fingerprint: of every sample and label.
        parts: samples in ``train``, ``validation``, ``test``.
        classes: name to counts in the parts, by part.
        equal: samples that equal another one.
        dropped: training samples left out because a held-out part has them too.
        skipped: (name, why) of those that could not be read.
        split: ``given`` parts, ``seed``, shares ``validation`` and ``test``.
        sizes: histograms of lengths or sizes.
        prepared: how a sample is prepared for the network, in words.
        notes: what was remarked while reading.
    """

    found: str = ""
    origin: str = ""
    fingerprint: str = ""
    parts: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    equal: int = 0
    dropped: int = 0
    skipped: Sequence[tuple[str, str]] = ()
    split: Mapping[str, Any] = field(default_factory=dict)
    sizes: Sequence[Histogram] = ()
    prepared: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class ReportFacts:
    """Everything that the page says.

    Attributes:
        name: of the data, the page's title.
        run: the run's folder as it was named, or "".
        input, output: kinds, the names of ``inputs.INPUTS`` and ``outputs.OUTPUTS``.
        model: name of the architecture, or the class of a user's own.
        parameters: numbers in it.
        why: what the recipe chose, in words.
        part: what was measured on, ``test`` or ``validation``.
        evaluation: ``Evaluation.to_json()``: the page shows exactly these figures.
        training, card: see there.
        baselines: ``Baseline.to_json()`` of each.
        mistakes: the worst first, and ``wrong``: how many there are in all.
        suspects: the most doubtful labels first; None: not looked for.
        doubted, looked_at: how many labels look wrong, of how many.
        findings: of the doctor; None where none were looked for.
        uses: ``looks`` at the test part and by how many ``runs``; None where nobody counted.
        often: whether these are so many that choices by it must be feared.
        settings, versions: names and values.
        command: that repeats the run; "" for data in memory.
    """

    name: str
    input: str
    output: str
    evaluation: Mapping[str, Any]
    run: str = ""
    model: str = ""
    parameters: int = 0
    why: str = ""
    part: str = "test"
    training: Training = field(default_factory=Training)
    card: DataCard = field(default_factory=DataCard)
    baselines: Sequence[Mapping[str, Any]] | None = None
    mistakes: Sequence[Mistake] = ()
    wrong: int = 0
    suspects: Sequence[Suspect] | None = None
    doubted: int = 0
    looked_at: int = 0
    findings: Sequence[Finding] | None = None
    uses: Mapping[str, Any] | None = None
    often: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
