"""A user's data: opened, and made ready for a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError, nearest
from deepwell.core.files import digest_bytes
from deepwell.core.protocols import Rows
from deepwell.data import arrays as array_sources
from deepwell.data import dataset_rows, recognise, split, store, text_table
from deepwell.data import trees as tree_files
from deepwell.data.fingerprint import of_values
from deepwell.data.source import Source
from deepwell.inputs import INPUTS

_SMALL = 5_000
"""Below this many samples a fifth is held out for the test, else a tenth: the score's interval stays narrow."""


@dataclass
class Data:
    """What a user wants to learn from, as ``open`` and ``arrays`` give it.

    Attributes:
        source: raw samples and answers, and what was recognised.
        validation: share of the training samples held out to choose the best epoch; ignored where the source
            brings its own validation part.
        test: share held out to report; None: a fifth or a tenth where the source has no test part of its own.
        seed: of the split.
        skip_unreadable: leave samples out that can't be read, and list them; else they are an error.
        reading: how samples are read: arguments of the input, such as ``size`` of pictures, ``tokens`` of texts.
    """

    source: Source
    validation: float = 0.1
    test: float | None = None
    seed: int = 0
    skip_unreadable: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.source.x)

    def __str__(self) -> str:
        return self.source.found

    def fingerprint(self) -> str:
        """A digest of every raw sample and label, in order."""
        known = () if self.source.y is None else self.source.y
        labels = digest_bytes(repr([str(label) for label in known]).encode())
        samples = store.fingerprint if self.source.kind == "image" else of_values
        return digest_bytes((samples(self.source.x) + labels).encode())


@dataclass
class Prepared:
    """Data that a model can be trained on: encoded, split, with what was learnt from the training part."""

    input: Any
    output: Any
    rows: Rows
    targets: Any
    split: split.Split
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: list[int] | None = None
    """Places in the source of the rows, where samples were left out; None: row i is sample i."""

    def places(self, rows: np.ndarray) -> list[int]:
        """Where in the source the samples of these rows are."""
        return [int(i) for i in rows] if self.kept is None else [self.kept[i] for i in rows]

    def lengths(self, rows: Tensor) -> Tensor | None:
        """How long the samples of these rows are, int64 [n]; None where all are alike."""
        found = getattr(self.rows, "lengths", None)
        return None if found is None else found[rows]


def open(
    where: str | Path,
    *,
    target: str | None = None,
    text: str | None = None,
    validation: float = 0.1,
    test: float | None = None,
    seed: int = 0,
    skip_unreadable: bool = False,
    **reading: Any,
) -> Data:
    """Recognise what lies at a path, or a named set.

    Args:
        where: a folder of class folders of pictures or texts, a ``.npz`` or IDX file, a table with a column of
            texts or of pictures' paths, CoNLL files, bracketed trees, or the name of a set (``digits``,
            ``fashion-mnist``, ...).
        target: the column of labels, for tables; of tags, for CoNLL files.
        text: the column of texts, for tables.
        validation, test, seed, skip_unreadable: see ``Data``.
        reading: arguments of the input: ``size``, ``channels``, ``resize`` of pictures; ``tokens``,
            ``max_length``, ``minimum_count``, ``vocabulary_size`` of texts; see ``inputs``.

    Raises:
        UserError: nothing there, or nothing that is recognised.

    >>> print(open("digits").source.name)
    digits
    """
    if not isinstance(where, (str, Path)):
        raise UserError(
            f"open was given a {type(where).__name__}",
            expected="a path, or the name of a set",
            fix="give samples in memory with their labels to arrays, texts, words or trees",
        )
    return _data(recognise.recognise(where, target=target, text=text), validation, test, seed, reading, skip_unreadable)


def arrays(
    x: Any,
    y: Any = None,
    *,
    validation: float | tuple[Any, Any] = 0.1,
    test: float | tuple[Any, Any] | None = 0.0,
    seed: int = 0,
    **reading: Any,
) -> Data:
    """Samples in memory: NumPy arrays, tensors, lists of paths or pictures.

    Args:
        x: [n, height, width], [n, height, width, channels] or [n, channels, height, width], or a list.
        y: one label a sample.
        validation, test: shares to hold out, as in ``open``, or (x, y) that were held out already; nothing is held
            out for a test unless asked for.
        seed, reading: as in ``open``.

    >>> import numpy as np
    >>> len(arrays(np.zeros((4, 8, 8), np.uint8), [0, 1, 0, 1]))
    4
    """
    return _in_memory(array_sources.from_arrays, x, y, (validation, test), seed, reading)


def frame(
    table: Any,
    *,
    target: str,
    path_column: str | None = None,
    validation: float = 0.1,
    test: float | None = 0.0,
    seed: int = 0,
    **reading: Any,
) -> Data:
    """A polars or pandas frame with a column of picture paths and one of labels."""
    source = array_sources.from_frame(table, target=target, path_column=path_column)
    return _data(source, validation, test, seed, reading)


def torch_dataset(
    dataset: Any, *, workers: int = 0, validation: float = 0.1, test: float | None = 0.0, seed: int = 0, **reading: Any
) -> Data:
    """A map-style ``torch.utils.data.Dataset``, or a ``DataLoader`` whose dataset is taken.

    ``workers`` processes read its samples; each sample's random numbers are its own, so their number changes nothing.
    """
    return _data(dataset_rows.from_dataset(dataset, workers=workers), validation, test, seed, reading)


def texts(
    x: Sequence[str],
    y: Sequence[Any] | None = None,
    *,
    validation: float | tuple[Any, Any] = 0.1,
    test: float | tuple[Any, Any] | None = 0.0,
    seed: int = 0,
    **reading: Any,
) -> Data:
    """Texts in memory, each with its label; as ``arrays`` otherwise.

    >>> len(texts(["good film", "bad film"], ["yes", "no"]))
    2
    """
    return _in_memory(text_table.from_texts, x, y, (validation, test), seed, reading)


def words(
    x: Sequence[Sequence[str]],
    y: Sequence[Sequence[str]] | None = None,
    *,
    validation: float | tuple[Any, Any] = 0.1,
    test: float | tuple[Any, Any] | None = 0.0,
    seed: int = 0,
    **reading: Any,
) -> Data:
    """Sentences in memory, each a list of words with a list of tags; as ``arrays`` otherwise.

    >>> len(words([["a", "cat"], ["it", "sleeps"]], [["DT", "NN"], ["PR", "VB"]]))
    2
    """
    return _in_memory(text_table.from_words, x, y, (validation, test), seed, reading)


def trees(
    x: Sequence[Any],
    y: Sequence[Any] | None = None,
    *,
    validation: float | tuple[Any, Any] = 0.1,
    test: float | tuple[Any, Any] | None = 0.0,
    seed: int = 0,
    **reading: Any,
) -> Data:
    """Trees in memory (``data.tree.parse``, ``data.tree.from_nested``), each with a label; None takes the roots'.

    >>> from deepwell.data.tree import parse
    >>> len(trees([parse("(3 (2 not) (4 bad))"), parse("(1 (2 so) (1 bad))")]))
    2
    """
    return _in_memory(tree_files.from_trees, x, y, (validation, test), seed, reading)


def _in_memory(
    make: Callable[..., Source],
    x: Any,
    y: Any,
    held_out: tuple[float | tuple[Any, Any], float | tuple[Any, Any] | None],
    seed: int,
    reading: dict[str, Any],
) -> Data:
    """Parts that were held out already go to the source; shares that are to be held out go to the data."""
    given = [part if isinstance(part, tuple) else None for part in held_out]
    source = make(x, y, validation=given[0], test=given[1])
    shares = [0.0 if isinstance(part, tuple) else part for part in held_out]
    return _data(source, shares[0] or 0.0, shares[1], seed, reading)


def _data(
    source: Source,
    validation: float,
    test: float | None,
    seed: int,
    reading: dict[str, Any],
    skip_unreadable: bool = False,
) -> Data:
    skip_unreadable = bool(reading.pop("skip_unreadable", skip_unreadable))
    known = reading_options(source.kind)
    for name in reading:
        if name not in known:
            close = nearest(name, known)
            raise UserError(
                f"{name} is no option of how {source.kind} data is read, and {source.name} is {source.kind} data",
                expected="one of " + ", ".join(known),
                fix=f"did you mean {close}?" if close else f"leave {name} out (--{name.replace('_', '-')})",
            )
    if isinstance(reading.get("size"), int):
        reading["size"] = (reading["size"], reading["size"])
    if source.answer == "category" and _are_sets(source.y):
        source = replace(source, answer="label-sets")
    return Data(source, validation, test, seed, skip_unreadable, reading)


def _are_sets(labels: Any) -> bool:
    """Whether each sample has a list of names; rows of numbers are one-hot or soft targets of one class each."""
    if labels is None or not len(labels) or isinstance(labels, np.ndarray):
        return False
    lists = all(isinstance(item, (list, tuple, set, frozenset)) for item in labels)
    return lists and all(isinstance(name, str) for item in labels for name in item)


def reading_options(kind: str) -> list[str]:
    """The names of what can be said of how one kind of data is read."""
    return [name for name in inspect.signature(INPUTS[kind]).parameters if name != "augment"]


def prepare(data: Data, output: Any, *, validation: float | None = None, **defaults: Any) -> Prepared:
    """Encode, split and learn: everything between raw samples and the first batch.

    Args:
        data: what to prepare.
        output: learns the labels' names from the training part.
        validation: share to hold out, in place of the data's own.
        defaults: how to read where the data does not say, such as the ``max_length`` that suits the model.

    Raises:
        UserError: samples that can't be read, labels that don't fit, too few samples.
    """
    source = data.source
    if source.y is None:
        raise UserError(
            f"{source.name} has no labels", expected="one label a sample", fix="give labels, or class folders"
        )
    known = reading_options(source.kind)
    reading = {k: v for k, v in defaults.items() if k in known} | dict(data.reading)
    input = INPUTS[source.kind](**reading)
    labels, parts, notes, groups = list(source.y), source.parts, list(source.notes), source.groups
    skipped: list[tuple[str, str]] = []
    rows: Any = None
    kept: list[int] | None = None
    if input.learns_first:
        input.survey(source.x)
        digests = input.digests(source.x)
    elif isinstance(source.x, dataset_rows.DatasetRows):
        rows = source.x
        input.survey_rows(rows)
        digests = None
    else:
        rows, keep, skipped = _encode(data, input)
        digests = rows.digests()
        if skipped:
            kept = keep
            notes.append(f"{len(skipped)} unreadable samples left out")
            labels = [labels[i] for i in keep]
            parts = [parts[i] for i in keep] if parts is not None else None
            groups = [groups[i] for i in keep] if groups is not None else None
    made = split.make(
        labels if output.kind == "category" else [""] * len(labels),
        digests if groups is None else np.asarray(groups),
        validation=data.validation if validation is None else validation,
        test=_test_share(data, len(labels)),
        seed=data.seed,
        parts=parts,
    )
    if len(made.dropped):
        notes.append(
            f"{len(made.dropped)} training samples are left out: the validation or test part holds the same samples"
        )
    output.learn(labels, made.train)
    targets = output.encode(labels)
    train = torch.from_numpy(made.train)
    if input.learns_first:
        input.learn(source.x, train)
        rows, _ = input.encode(source.x)
    else:
        input.learn(rows, train)
    notes += [*input.notes, *output.notes]
    return Prepared(input, output, rows, targets, made, skipped, notes, kept)


def _test_share(data: Data, count: int) -> float:
    if data.source.parts is not None and "test" in data.source.parts:
        return 0.0
    if data.test is not None:
        return data.test
    return 0.2 if count < _SMALL else 0.1


def _encode(data: Data, input: Any) -> tuple[store.ArrayStore, list[int], list[tuple[str, str]]]:
    raw = data.source.x
    input.survey(raw)
    problems: list[tuple[int, str]] = []

    def encode(start: int, stop: int) -> np.ndarray:
        array, bad = input.encode(raw[start:stop])
        problems.extend((start + position, why) for position, why in bad)
        return array

    if isinstance(raw, np.ndarray) and raw.dtype == np.uint8 and input.is_stored_as_it_is(raw):
        return store.ArrayStore(encode(0, len(raw))), list(range(len(raw))), []
    key = digest_bytes(f"{store.fingerprint(raw)} {input.encoding()}".encode())
    built = store.build(key, length=len(raw), encode=encode, problems=problems)
    bad = built.problems
    if not bad:
        return built, list(range(len(raw))), []
    named = [(_name_of(raw, position), why) for position, why in bad]
    if not data.skip_unreadable:
        listed = "".join(f"\n  {name}: {why}" for name, why in named[:10])
        more = f"\n  and {len(named) - 10} more" if len(named) > 10 else ""
        raise UserError(
            f"{len(named)} of {len(raw)} samples can't be read:{listed}{more}\n",
            fix="mend or remove these files, or leave them out with skip_unreadable=True (--skip-unreadable)",
        )
    wrong = {position for position, _ in bad}
    keep = [i for i in range(len(raw)) if i not in wrong]
    if not keep:
        raise UserError(f"none of the {len(raw)} samples of {data.source.name} can be read", fix="look at the files")
    return built.subset(np.array(keep)), keep, named


def _name_of(raw: Sequence[Any], position: int) -> str:
    item = raw[position]
    return str(item) if isinstance(item, (str, Path)) else f"sample {position}"
