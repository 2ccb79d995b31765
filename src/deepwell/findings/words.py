"""The language in which a person is told things."""

from __future__ import annotations

import locale
import os
from typing import Literal, cast

from deepwell.core.errors import UserError

Language = Literal["en", "zh"]

_asked: Language | None = None


def use_language(name: str | None) -> None:
    """Choose ``"en"`` or ``"zh"`` for this process; None: as the system says.

    Raises:
        UserError: another name.
    """
    global _asked
    if name not in (None, "en", "zh"):
        raise UserError(f"language '{name}' is unknown", expected="en or zh", fix="give --lang en or --lang zh")
    _asked = cast("Language | None", name)


def language() -> Language:
    """``"zh"`` where the user chose it or the system speaks Chinese, else ``"en"``.

    >>> language() in ("en", "zh")
    True
    """
    if _asked is not None:
        return _asked
    # in the order in which POSIX lets one override the other; Windows has none of the three
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    system = locale.getlocale()[0] or ""
    return "zh" if system.lower().startswith(("zh", "chinese")) else "en"
