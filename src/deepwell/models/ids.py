"""What every model of texts checks of its shape and options, and reads of its input."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.shapes import RESERVED, Counts, Ids

POOLS = ("last", "max", "mean")
_MOST_LAYERS = 1_000


def check_ids(model: str, shape: Ids) -> None:
    """The model must be built for rows of ids.

    Raises:
        UserError: another shape, or a vocabulary without room for the reserved ids.
    """
    if isinstance(shape, Counts):
        raise UserError(
            f"{model} reads words in their order, and the texts are read as counts of words",
            expected="texts read with the view 'sequence'",
            fix="leave --view counts out, or take the model ngrams",
        )
    if not isinstance(shape, Ids):
        raise UserError(f"{model} was given the shape {shape}", expected="texts", fix="read the data as texts or words")
    if shape.vocabulary < RESERVED:
        raise UserError(
            f"{model} was given a vocabulary of {shape.vocabulary}",
            expected=f"at least the {RESERVED} reserved ids",
            fix="count the reserved ids too",
        )


def check_sizes(model: str, **sizes: int) -> None:
    """Options that are whole numbers above 0; layers are built one by one, so that there are at most 1,000.

    Raises:
        UserError: another value; names the option.
    """
    for name, value in sizes.items():
        if type(value) is not int or value < 1:
            raise UserError(f"{model} was given {name}={value!r}", expected="a whole number above 0")
        if name == "layers" and value > _MOST_LAYERS:
            raise UserError(f"{model} was given layers={value!r}", expected=f"at most {_MOST_LAYERS:,}")


def check_choice(option: str, value: object, known: Iterable[str]) -> None:
    """An option that is one of a few names.

    Raises:
        UserError: another value, with the nearest right one.
    """
    if value not in (names := list(known)):
        raise unknown_name(option, value, names)


def word_ids(x: Tensor) -> Tensor:
    """The ids of words: [n, length] as they are, or column 0 of [n, length, 1 + width]."""
    return x[..., 0] if x.dim() == 3 else x
