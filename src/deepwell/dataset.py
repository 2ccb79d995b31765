"""A user's data: opened, and made ready for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.files import digest_bytes
from deepwell.core.protocols import Rows
from deepwell.data import arrays as array_sources
from deepwell.data import dataset_rows, recognise, split, store
from deepwell.data.source import Source
from deepwell.inputs.image import Image

_SMALL = 5_000
"""Below this many samples a fifth is held out for the test, else a tenth: the score's interval stays narrow."""


@dataclass
class Data:
    """What a user wants to learn from, as ``open`` and ``arrays`` give it.

    Attributes:
        source: raw samples and labels, and what was recognised.
        validation: share of the training samples held out to choose the best epoch; ignored where the source
            brings its own validation part.
        test: share held out to report; None: a fifth or a tenth where the source has no test part of its own.
        seed: of the split.
        size, channels, resize: how pictures are read; None or ``auto`` chooses from the data.
        skip_unreadable: leave samples out that can't be read, and list them; else they are an error.
    """

    source: Source
    validation: float = 0.1
    test: float | None = None
    seed: int = 0
    size: tuple[int, int] | None = None
    channels: int | None = None
    resize: str = "auto"
    skip_unreadable: bool = False

    def __len__(self) -> int:
        return len(self.source.x)

    def __str__(self) -> str:
        return self.source.found

    def fingerprint(self) -> str:
        """A digest of every raw sample and label, in order."""
        known = () if self.source.y is None else self.source.y
        labels = digest_bytes(repr([str(label) for label in known]).encode())
        return digest_bytes((store.fingerprint(self.source.x) + labels).encode())


@dataclass
class Prepared:
    """Data that a model can be trained on: encoded, split, with what was learnt from the training part."""

    input: Image
    output: Any
    rows: Rows
    targets: Tensor
    split: split.Split
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def open(
    where: str | Path,
    *,
    target: str | None = None,
    validation: float = 0.1,
    test: float | None = None,
    seed: int = 0,
    **reading: Any,
) -> Data:
    """Recognise what lies at a path, or a named set.

    Args:
        where: a folder of class folders, a ``.npz`` or IDX file, a table with a path column, or the name of a
            set (``digits``, ``fashion-mnist``, ...).
        target: the column of labels, for tables.
        validation, test, seed: how the samples are split; see ``Data``.
        reading: ``size``, ``channels``, ``resize``, ``skip_unreadable``; see ``Data``.

    Raises:
        UserError: nothing there, or nothing that is recognised.

    >>> print(open("digits").source.name)
    digits
    """
    return _data(recognise.recognise(where, target=target), validation, test, seed, reading)


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
    held_out = [share if isinstance(share, tuple) else None for share in (validation, test)]
    source = array_sources.from_arrays(x, y, validation=held_out[0], test=held_out[1])
    share = 0.0 if isinstance(validation, tuple) else validation
    return _data(source, share, 0.0 if isinstance(test, tuple) else test, seed, reading)


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


_READING = ("size", "channels", "resize", "skip_unreadable")


def _data(source: Source, validation: float, test: float | None, seed: int, reading: dict[str, Any]) -> Data:
    from deepwell.core.errors import unknown_name

    for name in reading:
        if name not in _READING:
            raise unknown_name("option", name, _READING)
    if isinstance(reading.get("size"), int):
        reading["size"] = (reading["size"], reading["size"])
    return Data(source, validation, test, seed, **reading)


def prepare(data: Data, output: Any, *, validation: float | None = None) -> Prepared:
    """Encode, split and learn: everything between raw samples and the first batch.

    Args:
        data: what to prepare.
        output: learns the labels' names from the training part.
        validation: share to hold out, in place of the data's own.

    Raises:
        UserError: samples that can't be read, labels that don't fit, too few samples.
    """
    source = data.source
    if source.y is None:
        raise UserError(
            f"{source.name} has no labels", expected="one label a sample", fix="give labels, or class folders"
        )
    input = Image(size=data.size, channels=data.channels, resize=data.resize)
    labels, parts, notes = list(source.y), source.parts, list(source.notes)
    skipped: list[tuple[str, str]] = []
    if isinstance(source.x, dataset_rows.DatasetRows):
        rows: Rows = source.x
        input.survey_rows(rows)
        digests = None
    else:
        rows, keep, skipped = _encode(data, input)
        digests = rows.digests()
        if skipped:
            notes.append(f"{len(skipped)} unreadable samples left out")
            labels = [labels[i] for i in keep]
            parts = [parts[i] for i in keep] if parts is not None else None
    made = split.make(
        labels,
        digests,
        validation=data.validation if validation is None else validation,
        test=_test_share(data, len(labels)),
        seed=data.seed,
        parts=parts,
    )
    if len(made.dropped):
        notes.append(
            f"{len(made.dropped)} training samples are left out: the validation or test part holds the same pictures"
        )
    output.learn(labels, made.train)
    targets = output.encode(labels)
    input.learn(rows, torch.from_numpy(made.train))
    notes += [*input.notes, *output.notes]
    return Prepared(input, output, rows, targets, made, skipped, notes)


def _test_share(data: Data, count: int) -> float:
    if data.source.parts is not None and "test" in data.source.parts:
        return 0.0
    if data.test is not None:
        return data.test
    return 0.2 if count < _SMALL else 0.1


def _encode(data: Data, input: Image) -> tuple[store.ArrayStore, list[int], list[tuple[str, str]]]:
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
