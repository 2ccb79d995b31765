"""TensorBoard's event files as columns of numbers, read by the package ``tensorboard`` itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepwell.core.errors import UserError
from deepwell.doctor.logs.log_columns import Column, Columns


def read_events(path: Path) -> Columns:
    """Scalars by tag, one row for each step that any tag was written at; the steps are the column ``step``.

    Args:
        path: an event file, or a folder that holds some; a subfolder's name stands before its tags, as Keras has
            ``train/epoch_loss`` and ``validation/epoch_loss``.

    Raises:
        UserError: the package is not installed; no scalars.
    """
    folders = sorted({file.parent for file in path.rglob("*tfevents*")}) if path.is_dir() else [path]
    scalars: dict[str, dict[float, float]] = {}
    for folder in folders:
        before = "" if folder == path else f"{folder.relative_to(path).as_posix()}/"
        for tag, points in _scalars(folder).items():
            scalars.setdefault(before + tag, {}).update(points)
    if not scalars:
        raise UserError(
            f"{path} holds no scalars",
            expected="events that SummaryWriter.add_scalar wrote",
            fix="close the writer, or call its flush(), and try again",
        )
    steps = np.array(sorted({step for points in scalars.values() for step in points}))
    columns = {"step": Column(np.arange(len(steps)), steps)}
    for tag, points in scalars.items():
        at = sorted(points)
        columns[tag] = Column(np.searchsorted(steps, at), np.array([points[step] for step in at]))
    return columns


def _scalars(place: Path) -> dict[str, dict[float, float]]:
    """Value by step by tag; of a step written twice, the later."""
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.util.tensor_util import make_ndarray
    except ImportError:
        raise UserError(
            f"{place} is TensorBoard's, and its reader is not installed",
            expected="the package tensorboard",
            fix='pip install "deepwell[track]"',
        ) from None
    events: Any = EventAccumulator(str(place), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    found = {tag: {float(e.step): float(e.value) for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}
    for tag in events.Tags()["tensors"]:  # TensorFlow 2 and Keras write a scalar as a tensor without dimensions
        points = {float(e.step): make_ndarray(e.tensor_proto) for e in events.Tensors(tag)}
        if all(value.shape == () and value.dtype.kind in "fiu" for value in points.values()):
            found[tag] = {step: float(value) for step, value in points.items()}
    return found
