"""``deepwell compare``: which of several runs is better on the samples that all of them held out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deepwell.cli.commands import emit, say
from deepwell.core.errors import UserError, unknown_name
from deepwell.run_folder import Run

FEWEST = 30
"""Samples in common below which a comparison would say "within noise" whatever the models are."""

_PARTS = ("test", "validation")


class _Held(NamedTuple):
    """A run, and what it answers to the part that it held out.

    Attributes:
        name: of the run, short.
        output: its kind of answer.
        places: of the part's samples in the data.
        answers: one a sample, as ``evaluate.compare`` takes them.
        targets: one a sample.
        looks: at the test part, this one included; None for another part.
    """

    name: str
    output: Any
    places: list[int]
    answers: list[Any]
    targets: list[Any]
    looks: Any


def compare(runs: Sequence[Path], *, part: str, json: bool) -> int:
    """Measure the runs on the same samples and say which differences are beyond noise."""
    if part not in _PARTS:
        raise unknown_name("part", part, _PARTS)
    names = _names(runs)
    _same_data(runs)
    held = [_held(path, name, part) for path, name in zip(runs, names, strict=True)]
    _same_answers(held)
    common = sorted(set.intersection(*(set(one.places) for one in held)))
    largest = max(len(one.places) for one in held)
    _enough(len(common), largest, part)
    from deepwell.evaluate.compare import compare as compare_answers

    answers = {one.name: _chosen(one.answers, one.places, common) for one in held}
    targets = _chosen(held[0].targets, held[0].places, common)
    output = held[0].output
    found = compare_answers(
        {name: _stacked(rows, output.kind) for name, rows in answers.items()},
        _stacked(targets, output.kind),
        kind=output.kind,
        classes=output.classes,
        scheme=getattr(output, "scheme", "plain"),
    )
    notes = []
    if len(common) < largest:
        notes.append(
            f"the runs were split differently: compared on the {len(common):,} samples that lie in the {part} part of "
            f"every run, so that none of them was trained on them"
        )
    if part == "validation":
        notes.append("the validation part chose each run's best epoch, so its figures are a little too good")
    looks = max((one.looks for one in held if one.looks is not None), key=lambda seen: seen.looks, default=None)
    if json:
        used = {} if looks is None else {"test_uses": looks.to_json()}
        emit(
            {"part": part, **found.to_json(), "runs": dict(zip(names, map(str, runs), strict=True)), "notes": notes}
            | used
        )
        return 0
    print(f"{part} part, {found}")
    for note in notes:
        say(f"note: {note}")
    if looks is not None:
        say(f"note: {looks}")
    return 0


def _names(runs: Sequence[Path]) -> list[str]:
    """Short names, all different."""
    if len(runs) < 2:
        raise UserError(
            f"compare was given {len(runs)} run", expected="two or more", fix="deepwell compare runs/A runs/B"
        )
    whole = [str(path.absolute()) for path in runs]
    twice = next((path for path in runs if whole.count(str(path.absolute())) > 1), None)
    if twice is not None:
        raise UserError(f"{twice} was named twice", expected="different runs")
    short = [path.absolute().name for path in runs]
    return short if len(set(short)) == len(short) else [str(path) for path in runs]


def _same_data(runs: Sequence[Path]) -> None:
    """Before anything slow: the runs were trained on the same samples and labels."""
    facts = [Run(path).facts() for path in runs]
    first = facts[0].get("fingerprint")
    for path, found in zip(runs[1:], facts[1:], strict=True):
        if found.get("fingerprint") != first:
            raise UserError(
                f"{runs[0]} was trained on {facts[0].get('source')} and {path} on {found.get('source')}, which hold "
                f"different samples or labels",
                expected="runs on the same data: figures on different samples can't be compared",
                fix="measure each on new data with `deepwell evaluate RUN SOURCE`, or train both on the same data",
            )


def _held(path: Path, name: str, part: str) -> _Held:
    from deepwell import looks
    from deepwell.learner import Learner

    learner = Learner.reopen(path)
    prepared = learner.prepared()
    rows = getattr(prepared.split, part)
    if not len(rows):
        other = "validation" if part == "test" else "test"
        raise UserError(
            f"{path} has no {part} part", expected=f"runs that held one out with --{part}", fix=f"try --part {other}"
        )
    decoded, targets = learner.decoded(part)
    seen = looks.count(learner, "compare") if part == "test" else None
    output = prepared.output
    places = prepared.places(rows)
    if output.per_position:
        gold = [[output.classes[tag] for tag in row if tag >= 0] for row in targets.tolist()]
        return _Held(name, output, places, output.names(decoded), gold, seen)
    return _Held(name, output, places, [one.cpu().numpy() for one in decoded], list(targets.numpy()), seen)


def _same_answers(held: Sequence[_Held]) -> None:
    first = held[0]
    for one in held[1:]:
        if one.output.kind != first.output.kind or list(one.output.classes) != list(first.output.classes):
            raise UserError(
                f"{first.name} answers with {first.output}, and {one.name} with {one.output}",
                expected="the same classes in both",
                fix="train both with the same options for labels",
            )


def _enough(common: int, largest: int, part: str) -> None:
    if common >= FEWEST:
        return
    if common == largest:
        raise UserError(
            f"the {part} part has {common} samples",
            expected=f"at least {FEWEST}: of fewer nothing can be told beyond noise",
            fix="hold out more (--test 0.3), or measure all on new data with `deepwell evaluate RUN SOURCE`",
        )
    raise UserError(
        f"only {common} samples lie in the {part} part of every run: the runs were split differently",
        expected=f"at least {FEWEST} that none of them was trained on",
        fix="train with the same --seed and shares, or measure all on new data with `deepwell evaluate RUN SOURCE`",
    )


def _chosen(items: Sequence[Any], places: Sequence[int], common: Sequence[int]) -> list[Any]:
    where = {place: number for number, place in enumerate(places)}
    return [items[where[place]] for place in common]


def _stacked(items: list[Any], kind: str) -> Any:
    import numpy as np

    return items if kind == "tags" else np.stack(items)
