"""The temperature in a saved output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from deepwell.core.errors import UserError

LOWEST, HIGHEST = 0.01, 100.0


def temperature_of(state: Mapping[str, Any]) -> float:
    """What the scores are divided by; 1.0 in files that were written before there was one.

    Raises:
        UserError: no number, or one that no fit gives.

    >>> temperature_of({}), temperature_of({"temperature": 1.5})
    (1.0, 1.5)
    """
    value = state.get("temperature", 1.0)
    if type(value) not in (int, float) or not math.isfinite(value) or not LOWEST <= value <= HIGHEST:
        raise UserError(f"the model's temperature is {value!r:.40}", expected=f"a number from {LOWEST} to {HIGHEST:g}")
    return float(value)
