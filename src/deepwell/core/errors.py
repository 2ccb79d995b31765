"""Errors for a person: what came, what was expected, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend; the command line prints it without a traceback and exits with 2.

    Args:
        came: what was found, with the name of the file, column, layer or option.
        expected: what would have been right.
        fix: the next thing to do.

    >>> print(UserError("photos/ is empty", expected="folders of pictures, one a class", fix="check the path"))
    photos/ is empty. Expected: folders of pictures, one a class. To fix it: check the path.
    """

    def __init__(self, came: str, *, expected: str = "", fix: str = "") -> None:
        self.came = came
        self.expected = expected
        self.fix = fix
        text = _sentence(came)
        if expected:
            text += " " + _sentence(f"Expected: {expected}")
        if fix:
            text += " " + _sentence(f"To fix it: {fix}")
        super().__init__(text)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "?", "!", ":", "\n")) else text + "."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, or None where nothing is close.

    >>> nearest("resnt18", ["resnet18", "lenet5"])
    'resnet18'
    """
    close = difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UserError:
    """The error for a name that no table holds, with the nearest right one.

    >>> print(unknown_name("model", "lenet", ["cnn", "lenet5"]))
    unknown model 'lenet'. Expected: one of cnn, lenet5. To fix it: did you mean 'lenet5'?
    """
    names = sorted(known)
    close = nearest(str(name), names)
    fix = f"did you mean '{close}'?" if close else "take one of these names"
    return UserError(f"unknown {kind} '{name}'", expected="one of " + ", ".join(names), fix=fix)
