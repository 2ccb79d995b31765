"""Everything that can be known of data before a model is trained on it, from the same checks for every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deepwell.core.errors import UserError
from deepwell.doctor.data.case import Case, Said
from deepwell.doctor.data.copies import across, conflicts
from deepwell.doctor.data.cut import tail
from deepwell.doctor.data.drift import drift, fitted_on_all
from deepwell.doctor.data.labels import balance, form, in_range, masks, one_answer
from deepwell.doctor.data.leak import leaking_columns, look_ahead
from deepwell.doctor.data.near import near_copies
from deepwell.doctor.data.noise import cleaner_validation, label_noise
from deepwell.doctor.data.order import few_batches, lone_sample, shuffling, sorted_arrays
from deepwell.doctor.data.part import Part, read, same_random_state
from deepwell.doctor.data.parts import coverage, later_times, shared_groups, sizes
from deepwell.doctor.data.pictures import blank, layout
from deepwell.doctor.data.repeat import augmentation
from deepwell.doctor.data.tags import tag_rules
from deepwell.doctor.data.texts import cutting, empty, truncated
from deepwell.doctor.data.unrelated import class_map, unrelated
from deepwell.doctor.data.values import beyond_the_table, constant, finite, scale, scaled_twice, target_scale
from deepwell.doctor.guard import Guard
from deepwell.findings import Finding, worst_first

Check = Callable[[Case], Iterable[Finding]]

CHEAP: tuple[tuple[str, Check], ...] = (
    ("NaN and infinity", finite),
    ("ids", beyond_the_table),
    ("range of the labels", in_range),
    ("form of the labels", form),
    ("masks", masks),
    ("one answer", one_answer),
    ("tags", tag_rules),
    ("constant inputs", constant),
    ("scale of the inputs", scale),
    ("inputs scaled twice", scaled_twice),
    ("scale of the targets", target_scale),
    ("balance", balance),
    ("sizes", sizes),
    ("coverage", coverage),
    ("groups", shared_groups),
    ("times", later_times),
    ("layout", layout),
    ("blank pictures", blank),
    ("empty texts", empty),
    ("truncation", truncated),
    ("cutting of texts", cutting),
    ("last batch", lone_sample),
    ("batches", few_batches),
    ("order of the rows", sorted_arrays),
    ("cut of the tail", tail),
)
"""Milliseconds each: always run."""

COSTLY: tuple[tuple[str, Check], ...] = (
    ("shuffling", shuffling),
    ("augmentation", augmentation),
    ("equal samples", across),
    ("conflicting labels", conflicts),
    ("leaking columns", leaking_columns),
    ("look-ahead", look_ahead),
    ("fit on all parts", fitted_on_all),
    ("map of the classes", class_map),
    ("samples and labels", unrelated),
    ("labels of the parts", cleaner_validation),
    ("drift", drift),
    ("near copies", near_copies),
    ("label noise", label_noise),
)
"""Tenths of a second on large sets: left out, with a note, once the time is over."""


def examine_data(
    train: Any,
    validation: Any = None,
    test: Any = None,
    *,
    classes: int | Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[Any]] | None = None,
    times: Mapping[str, Sequence[Any]] | None = None,
    batch_size: int | None = None,
    loss: str | None = None,
    seed: int = 0,
    budget: float = 3.0,
    **said: Any,
) -> list[Finding]:
    """Look for the data faults of the catalogue (D01 to D37); see ``deepwell explain-code``.

    Kinds are told from the values: pictures [n, c, h, w], tables [n, f], ids [n, length], texts, tagged words, trees;
    classes, one-hot and multi-hot rows,  Large sets are sampled by the seed, which the evidence says. Random
    states are as before afterwards.

    Args:
        train, validation, test: ``(x, y)`` of arrays, tensors or lists, a torch data set (at most 2,000 items are
            read) or a DataLoader.
        classes: how many a model has outputs for, or their names.
        names: of the columns of a table.
        groups: by part, the patient, speaker or other group of each sample: ``{"train": [...], "validation": [...]}``.
        times: by part, when each sample was taken.
        batch_size: of the training, where no loader tells it.
        loss: by PyTorch's name: ``cross_entropy``, ``binary_cross_entropy_with_logits``, ``mse_loss``, ...
        seed: of every draw.
        budget: seconds; checks that would begin later are left out with a note.
        said: any other field of ``case.Said``: ``has_batch_norm``, ``normalised_inside``, ``weighted``, ``ignored``,
            ``tokenise``, ``padding``.

    Returns:
        findings, the worst first.

    Raises:
        UserError: data that can't be any.
        TypeError: an unknown keyword.

    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> y = np.arange(1000) % 2
    >>> x = random.normal(size=(1000, 4)) + y[:, None]
    >>> x[3, 1] = np.nan
    >>> [(f.code, f.level) for f in examine_data((x, y))]
    [('D05', 'stop')]
    """
    guard = Guard(budget)
    given = {"train": train, "validation": validation, "test": test}
    found: dict[str, Part] = {}
    findings: list[Finding] = []
    with same_random_state():
        for name, value in given.items():
            if value is not None:
                findings += _read(found, name, value, seed, guard)
    known = Said(
        classes=classes if classes is None or isinstance(classes, int) else len(classes),
        names=names,
        groups=groups or {},
        times=times or {},
        batch_size=batch_size,
        loss=loss,
        seed=seed,
        **said,
    )
    return findings if "train" not in found else worst_first(findings + examine_case(Case(found, known), guard))


def _read(found: dict[str, Part], name: str, given: Any, seed: int, guard: Guard) -> list[Finding]:
    """Put a part into ``found``, unless what it came as raises, or x and y are of different lengths."""

    def take() -> list[Finding]:
        part = read(name, given, seed=seed)
        if part.y is not None and len(part.y) != len(part):
            return [Finding("D33", "stop", name, "lengths", {"samples": len(part), "answers": len(part.y)})]
        found[name] = part
        return []

    if isinstance(given, (str, bytes, int, float)):
        raise UserError(f"{name} is {given!r:.40}", expected="(x, y), a torch data set or a DataLoader")
    return guard.run(f"reading the {name} part", take)


def examine_case(case: Case, guard: Guard) -> list[Finding]:
    """All checks on parts that were read already."""
    findings = []
    with same_random_state():
        for name, check in CHEAP:
            findings += guard.run(name, check, case)
        if not any(finding.code == "D05" and finding.level == "stop" for finding in findings):
            for name, check in COSTLY:
                findings += guard.run(name, check, case, optional=True)
    return worst_first(findings)
