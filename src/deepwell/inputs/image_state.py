"""What a saved model says of its pictures, checked field by field: the file may come from anybody."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from deepwell.core.errors import UserError
from deepwell.inputs.augment import Augment
from deepwell.inputs.resize import RESIZES

VERSION = 1
_LARGEST = 8192
_HUGE = 1e30


def checked(state: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``Image.state`` with their types, none of them impossible.

    Args:
        state: as JSON gave it. ``version`` and ``augment`` may lack: the first files had none.

    Returns:
        size (tuple), channels, resize, floats, mean, std, augment (a dict of Augment's fields).

    Raises:
        UserError: names the field and what it held.

    >>> fine = {"size": [8, 8], "channels": 1, "resize": "fit", "floats": False, "mean": [0.5], "std": [0.2]}
    >>> checked(fine)["size"]
    (8, 8)
    """
    version = state.get("version", VERSION)
    if version != VERSION:
        raise UserError(
            f"the model's pictures are described in version {version!r}",
            expected=f"version {VERSION}",
            fix="update deepwell",
        )
    size = _field(state, "size", _is_size, f"[height, width], whole numbers from 1 to {_LARGEST}")
    channels = _field(state, "channels", lambda v: _is_whole(v) and v in (1, 3), "1 or 3")
    return {
        "size": tuple(size),
        "channels": channels,
        "resize": _field(state, "resize", lambda v: isinstance(v, str) and v in RESIZES, ", ".join(RESIZES)),
        "floats": _field(state, "floats", lambda v: isinstance(v, bool), "true or false"),
        "mean": _field(state, "mean", lambda v: _are_numbers(v, channels, -_HUGE), "one finite number a channel"),
        "std": _field(state, "std", lambda v: _are_numbers(v, channels, 1 / _HUGE), "one positive number a channel"),
        "augment": _augment(state.get("augment", {})),
    }


def _field(state: Mapping[str, Any], name: str, fits: Callable[[Any], bool], expected: str) -> Any:
    value: Any = state.get(name)
    if not fits(value):
        shown = repr(value)
        shown = shown if len(shown) <= 80 else shown[:80] + "..."
        raise UserError(
            f"the model's description of its pictures has {name} {shown}", expected=expected, fix="use the whole file"
        )
    return [float(v) for v in value] if name in ("mean", "std") else value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_whole(v) and 1 <= v <= _LARGEST for v in value)


def _are_numbers(value: Any, count: int, least: float) -> bool:
    if not isinstance(value, list) or len(value) != count:
        return False
    return all(
        isinstance(v, (int, float)) and not isinstance(v, bool) and least <= v <= _HUGE and math.isfinite(v)
        for v in value
    )


def _augment(value: Any) -> dict[str, Any]:
    known = {f.name for f in fields(Augment)}
    if not isinstance(value, dict) or not set(value) <= known:
        raise UserError(
            f"the model's description of its pictures has augment {str(value)[:80]}", expected="names of augmentations"
        )
    return value
