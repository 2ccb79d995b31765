"""Whether two answers are the same: names exactly, chances within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unlike:
    """Where two answers part.

    Attributes:
        place: the path in them, such as ``confidence``.
        ours, theirs: what is there.
        tie: whether either is right: the chances that decide are as close as the tolerance.
    """

    place: str
    ours: Any
    theirs: Any
    tie: bool = False


def unlike(ours: Mapping[str, Any], theirs: Mapping[str, Any], tolerance: float) -> Unlike | None:
    """The first place where two answers differ, or None.

    >>> one = {"prediction": "cat", "confidence": 0.7, "probabilities": {"cat": 0.7, "dog": 0.3}}
    >>> unlike(one, one | {"confidence": 0.70001}, 1e-4) is None
    True
    >>> unlike(one, one | {"prediction": "dog"}, 1e-4).place
    'prediction'
    """
    found = _parts("", dict(ours), dict(theirs), tolerance)
    if found is None or found.place.partition(".")[0] != "prediction":
        return found
    # where the chances themselves differ, or the names have changed places, it is no tie
    own, other = ({k: v for k, v in answer.items() if k != "prediction"} for answer in (ours, theirs))
    same = _parts("", own, other, tolerance) is None
    return Unlike(found.place, found.ours, found.theirs, tie=same and _is_close_run(ours, tolerance))


def _is_close_run(answer: Mapping[str, Any], tolerance: float) -> bool:
    """Whether a difference of the chances within the tolerance can change the answer."""
    chances = answer.get("probabilities")
    if not isinstance(chances, Mapping):
        return False
    if isinstance(answer.get("prediction"), list):
        return any(abs(chance - 0.5) <= tolerance for chance in chances.values())
    best = sorted(chances.values(), reverse=True)[:2]
    return len(best) == 2 and best[0] - best[1] <= 2 * tolerance


def _parts(place: str, ours: Any, theirs: Any, tolerance: float) -> Unlike | None:
    if isinstance(ours, float) and isinstance(theirs, (int, float)) and not isinstance(theirs, bool):
        both = math.isnan(ours) and math.isnan(theirs)
        same = both or ours == theirs or abs(ours - theirs) <= tolerance
        return None if same else Unlike(place, ours, theirs)
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping) and list(ours) == list(theirs):
        pairs = [(f"{place}.{key}".lstrip("."), ours[key], theirs[key]) for key in ours]
    elif _is_list(ours) and _is_list(theirs) and len(ours) == len(theirs):
        pairs = [(f"{place}.{number}", a, b) for number, (a, b) in enumerate(zip(ours, theirs, strict=True))]
    elif isinstance(ours, Mapping) or _is_list(ours):
        return Unlike(place, ours, theirs)
    else:
        return None if type(ours) is type(theirs) and ours == theirs else Unlike(place, ours, theirs)
    return next((found for part in pairs if (found := _parts(*part, tolerance)) is not None), None)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))
