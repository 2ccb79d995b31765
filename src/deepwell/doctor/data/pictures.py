"""What is wrong with pictures: blank ones, channels in another place than the model looks for them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepwell.doctor.data.case import Case
from deepwell.doctor.data.features import grey
from deepwell.findings import Finding, Level

_LOOKED_AT = 2_000
_CHANNELS = (1, 3, 4)


def blank(case: Case) -> Iterator[Finding]:
    """D30: pictures of one shade. Of one class they may mean something; with several labels they can't."""
    part = case.train
    if part.kind != "image" or len(part) < 2:
        return
    places = part.sample(_LOOKED_AT, case.said.seed)
    flat = part.x[places].reshape(len(places), -1)
    empty = places[(flat == flat[:, :1]).all(1)]
    if not len(empty) or len(empty) == len(places):
        return
    labels = set(case.labels["train"][empty].tolist()) if case.answer == "classes" else set()
    level: Level = "warn" if len(labels) > 1 and len(empty) >= max(3, 0.005 * len(places)) else "note"
    found = {"count": len(empty), "looked": len(places), "of": part.total, "row": part.row(int(empty[0]))}
    yield Finding("D30", level, part.name, "blank", {**found, "labels": len(labels)})


def layout(case: Case) -> Iterator[Finding]:
    """D31: pictures with their channels last where PyTorch looks for them first, or channels first by a reshape."""
    part = case.train
    x = part.x
    if part.kind != "image" or x.ndim != 4 or min(len(x), *x.shape[1:]) < 1:
        return
    if x.shape[1] not in _CHANNELS and x.shape[3] in _CHANNELS and min(x.shape[1:3]) >= 8:
        # an array may still be permuted on its way; a tensor was made for the model
        level: Level = "warn" if part.tensors and x.dtype.kind == "f" else "note"
        yield Finding("D31", level, part.name, "last", {"shape": str(list(x.shape)), "channels": x.shape[3]})
    elif x.shape[1] == 3 and min(x.shape[2:]) >= 16:
        lines, across = _likeness(x[part.sample(200, case.said.seed)].astype(np.float32))
        if across > lines + 0.05 and across > 0.5:
            found = {"next": lines, "third": across, "height": x.shape[2], "width": x.shape[3]}
            yield Finding("D31", "warn", part.name, "reshaped", found)


def _likeness(x: np.ndarray) -> tuple[float, float]:
    """Correlation of each pixel with the next of its row, and with the third: in pictures the next is the nearer."""
    centred = x - x.mean((2, 3), keepdims=True)
    power = float((centred**2).mean())
    if power == 0.0 or not np.isfinite(power):
        return 0.0, 0.0
    found = [float((centred[..., :-k] * centred[..., k:]).mean()) / power for k in (1, 3)]
    return found[0], found[1]


def shades(x: np.ndarray) -> float:
    """Spread of the grey pictures, for messages."""
    return float(grey(x).std())
