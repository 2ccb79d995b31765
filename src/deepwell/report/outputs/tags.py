"""A tag for every word: a table of the types of spans, and sentences with right and answered spans marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from deepwell.metrics.spans import Span, spans
from deepwell.report.outputs import row

SECTIONS = (
    "summary", "curves", "time", "classes", "baselines", "mistakes", "slices", "findings", "data", "uses", "repeat",
)  # fmt: skip
FIGURES = ("f1", "precision", "recall", "accuracy")
CURVES = ("f1", "accuracy")
NAMED = "type"
COLUMNS = ("precision", "recall", "f1")


def rows(evaluation: Mapping[str, Any]) -> list[row.Row]:
    """A row a type of span; a row a tag where tags mark no spans."""
    table = evaluation["per_type"] if "per_type" in evaluation else evaluation["per_tag"]
    return row.rows(table, COLUMNS, "gold")


def wrong(output: Any, decoded: list[Any], targets: Any) -> list[row.Wrong]:
    """Sentences with a wrong word; that with the surest wrong word first."""
    found = []
    for place, ((path, sure), row_of_targets) in enumerate(zip(decoded, targets.tolist(), strict=True)):
        gold = [tag for tag in row_of_targets if tag >= 0][: len(path)]
        off = [n for n, (a, b) in enumerate(zip(path, gold, strict=False)) if a != b]
        if not off:
            continue
        given, answered = [str(output.classes[t]) for t in gold], [str(output.classes[t]) for t in path]
        # with the CoNLL way of reading, other tags may still be the same spans
        given_spans, answered_spans = _spans(given, off, output.scheme), _spans(answered, off, output.scheme)
        if given_spans != answered_spans:
            surest = max(sure[n] for n in off)
            found.append(row.Wrong(place, (), (), float(surest), None, given_spans, answered_spans))
    return sorted(found, key=lambda one: -(one.confidence or 0.0))


def _spans(tags: Sequence[str], off: Sequence[int], scheme: str) -> tuple[Span, ...]:
    """The spans of a sentence; for plain tags the wrong words alone."""
    if scheme == "plain":
        return tuple(Span(n, n + 1, tags[n]) for n in off)
    return tuple(spans(tags))


def counts(output: Any, targets: Any) -> dict[str, int]:
    """How many spans of each type the right tags mark; words of each tag where tags mark no spans."""
    found: Counter[str] = Counter()
    for numbers in targets.tolist():
        tags = [str(output.classes[tag]) for tag in numbers if tag >= 0]
        found.update(tags if output.scheme == "plain" else [span.type for span in spans(tags)])
    return dict(found.most_common())
