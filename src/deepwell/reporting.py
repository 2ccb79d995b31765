"""A learner's report: everything that the page says, gathered from the model, its data and its run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepwell import looks, repeating
from deepwell.core.errors import UserError
from deepwell.core.files import write_bytes
from deepwell.doctor.data import suspicious_labels
from deepwell.evaluate.interval import wilson
from deepwell.explain import explain
from deepwell.findings import Finding, language
from deepwell.findings.words import Language
from deepwell.report import page
from deepwell.report.facts import Band, DataCard, Mistake, ReportFacts, Sample, Suspect, Training
from deepwell.report.outputs import OUTPUTS
from deepwell.report.samples import SAMPLES
from deepwell.run_folder import versions

_SHOWN = 24
"""Mistakes, and doubtful labels, on the page."""
_ASKED = 100
"""The most doubtful labels of which the trained model is asked."""
_LOOKED_AT, _BYTES = 20_000, 256 << 20
"""Training samples whose labels are looked at, and bytes of them at most."""


def write(learner: Any, path: str | Path, lang: Language | None = None) -> Path:
    """Write the report of a learner as one HTML file.

    Args:
        learner: a trained one, fresh from ``fit`` or from ``Learner.reopen``.
        path: of the file.
        lang: ``en`` or ``zh``; None: as the system speaks.

    Raises:
        UserError: a learner without a trained model, a place that can't be written, a language without words.
    """
    path = Path(path)
    text = page.render(facts_of(learner), lang or language())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"{path} can't be written ({error.strerror})", fix="name another file with --out") from None
    return path


def facts_of(learner: Any) -> ReportFacts:
    """Everything that the page says.

    Raises:
        UserError: nothing is trained, or no part was held out to measure on.
    """
    if learner.history is None and learner.run is None:
        raise UserError("the model is not trained yet", expected="a trained one to report on", fix="call fit first")
    prepared, saved = learner.prepared(), learner.saved()
    part = "test" if len(prepared.split.test) else "validation"
    decoded, targets = learner.decoded(part)
    wrong = OUTPUTS[prepared.output.kind].wrong(prepared.output, decoded, targets)
    suspects, doubted, looked_at = _suspects(learner)
    seen = looks.count(learner, "report") if part == "test" else None
    run = learner.run
    known = run.facts() if run is not None else {}
    return ReportFacts(
        name=learner.data.source.name,
        run="" if run is None else str(run.folder),
        input=prepared.input.kind,
        output=prepared.output.kind,
        model=learner.settings.model or saved.card.module.rpartition(":")[2],
        parameters=sum(p.numel() for p in saved.network.parameters()),
        why=known.get("why", learner.why),
        part=part,
        evaluation=learner.measured(decoded, targets, part=part).to_json(),
        training=_training(learner),
        card=_card(learner),
        baselines=None if run is None else run.read("baselines.json"),
        mistakes=_mistakes(learner, part, wrong[:_SHOWN]),
        wrong=len(wrong),
        suspects=suspects,
        doubted=doubted,
        looked_at=looked_at,
        findings=_findings(learner),
        uses=None if seen is None else seen.to_json(),
        often=seen is not None and seen.many,
        settings=learner.settings.to_json(),
        versions=known.get("versions") or versions(),
        command=repeating.command(known),
    )


def _sample(learner: Any, place: int) -> Sample:
    """The sample at a place of the source, as a person sees it."""
    raw = learner.data.source.x[place]
    saved = learner.saved()
    name = "/".join(Path(raw).parts[-2:]) if learner.data.source.kind == "image" and _is_path(raw) else f"#{place}"
    return SAMPLES[saved.input.kind].show(saved.input, raw, name)


def _is_path(raw: Any) -> bool:
    return isinstance(raw, (str, Path))


# ---- mistakes and doubtful labels


def _mistakes(learner: Any, part: str, wrong: Sequence[Any]) -> list[Mistake]:
    prepared = learner.prepared()
    rows = getattr(prepared.split, part)[[one.place for one in wrong]] if wrong else np.zeros(0, np.int64)
    places = prepared.places(rows)
    reasons = _attributions(learner, places)
    found = []
    for one, place, reason in zip(wrong, places, reasons, strict=True):
        said = one._asdict()
        del said["place"]
        found.append(Mistake(_sample(learner, place), attribution=reason, **said))
    return found


def _attributions(learner: Any, places: Sequence[int]) -> Sequence[Any]:
    """What made each answer; nothing for sentences, whose mistakes are marked in themselves."""
    saved = learner.saved()
    if saved.output.per_position or not places:
        return [None] * len(places)
    try:
        return explain(saved, [learner.data.source.x[place] for place in places])
    except UserError as error:
        learner.say(f"the report has no explanations: {error}")
        return [None] * len(places)


def _suspects(learner: Any) -> tuple[list[Suspect] | None, int, int]:
    """Training samples whose label looks wrong, how many of these there are, and how many were looked at.

    A simple model that has not seen a sample doubts its label. The trained model, which has, is asked of the most
    doubtful: a label that it did not learn by heart either goes first.
    """
    prepared, source = learner.prepared(), learner.data.source
    if prepared.output.kind != "category":
        return None, 0, 0
    rows = _drawn(prepared)
    if prepared.input.learns_first:
        x: Any = [source.x[place] for place in prepared.places(rows)]
    else:
        x = prepared.rows.gather(torch.from_numpy(rows)).numpy()
    y = prepared.targets[torch.from_numpy(rows)].numpy()
    found = suspicious_labels(x, y, classes=prepared.output.classes)
    places = prepared.places(rows[[one.row for one in found[:_ASKED]]]) if found else []
    answers = learner.saved().predict([source.x[place] for place in places])
    ranked = sorted(zip(found[:_ASKED], places, answers, strict=True), key=_believed)
    suspects = [
        Suspect(
            _sample(learner, place),
            str(one.given),
            str(one.suggested),
            str(answer["prediction"]),
            float(answer["confidence"]),
        )
        for one, place, answer in ranked[:_SHOWN]
    ]
    return suspects, len(found), len(rows)


def _believed(item: tuple[Any, int, Any]) -> int:
    """How far the trained model stands by a label: 0 where it says what the simple one says, 2 where by the label."""
    one, _, answer = item
    return {one.suggested: 0, one.given: 2}.get(answer["prediction"], 1)


def _drawn(prepared: Any) -> np.ndarray:
    """Training rows, an even draw of them where they are many or large."""
    rows = np.asarray(prepared.split.train)
    one = prepared.rows.gather(torch.from_numpy(rows[:1]))
    most = max(64, min(_LOOKED_AT, _BYTES // max(1, one.numel() * one.element_size())))
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


# ---- the training


def _training(learner: Any) -> Training:
    run = learner.run
    epochs, events = _log(run.metrics) if run is not None else ([], [])
    known = run.facts() if run is not None else {}
    if learner.history is not None:
        epochs = epochs or learner.history.epochs
        known = {"best_epoch": learner.history.best_epoch, "stopped": learner.history.stopped} | known
    result = (run.read("result.json") if run is not None else None) or {}
    metric = learner.prepared().output.metrics[0]
    return Training(
        epochs,
        events,
        best_epoch=known.get("best_epoch", 0),
        monitor=learner.settings.monitor or (f"val_{metric}" if epochs and f"val_{metric}" in epochs[-1] else "loss"),
        stopped=known.get("stopped", ""),
        band=_band(learner, metric, epochs),
        seconds=result.get("seconds"),
        step=known.get("choice") or {},
    )


def _log(path: Path) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """The epochs of ``metrics.jsonl``, and its events; a line that a kill cut off is passed over."""
    epochs, events = [], []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if "epoch" in row:
            epochs.append(row)
        elif "event" in row:
            events.append((int(row.get("step", 0)), str(row["event"])))
    return epochs, events


def _band(learner: Any, metric: str, epochs: Sequence[Any]) -> Band | None:
    """The 95 % interval of each epoch's validation score: Wilson's for shares of samples, else as wide as that of the
    final model's, which is resampled."""
    samples = len(learner.prepared().split.validation)
    if not samples or not epochs or any(f"val_{metric}" not in row for row in epochs):
        return None
    values = [float(row[f"val_{metric}"]) for row in epochs]
    if metric == "accuracy" and not learner.prepared().output.per_position:
        pairs = [wilson(round(value * samples), samples) for value in values]
    else:
        final = getattr(learner.evaluate_part("validation"), metric)
        below, above = final.value - final.low, final.high - final.value
        pairs = [(max(0.0, value - below), min(1.0, value + above)) for value in values]
    return Band(metric, [low for low, _ in pairs], [high for _, high in pairs])


# ---- the data and the doctor


def _card(learner: Any) -> DataCard:
    prepared, source = learner.prepared(), learner.data.source
    output, split = prepared.output, prepared.split
    parts = {name: getattr(split, name) for name in ("train", "validation", "test")}
    by_part = {
        name: OUTPUTS[output.kind].counts(output, prepared.targets[torch.from_numpy(rows)])
        for name, rows in parts.items()
        if len(rows)
    }
    names = list(dict.fromkeys(name for counts in by_part.values() for name in counts))
    return DataCard(
        found=source.found,
        origin=str(source.origin),
        fingerprint=learner.data.fingerprint(),
        parts={name: len(rows) for name, rows in parts.items()},
        classes={name: {part: counts.get(name, 0) for part, counts in by_part.items()} for name in names},
        equal=int(split.made.get("equal_samples", 0)),
        dropped=len(split.dropped),
        skipped=prepared.skipped,
        split=split.made,
        sizes=SAMPLES[prepared.input.kind].sizes(prepared.rows, source.x),
        prepared=str(prepared.input),
        notes=prepared.notes,
    )


def _findings(learner: Any) -> list[Finding] | None:
    """What the doctor found before and during the training: kept with the run, or with the learner that trained."""
    if learner.history is not None:
        return list(learner.findings)
    kept = learner.run.read("findings.json")
    if kept is None:
        return None
    return [Finding(one["code"], one["level"], one["where"], one["saw"], one["values"]) for one in kept]
