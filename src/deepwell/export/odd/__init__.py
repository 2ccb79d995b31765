"""Samples of strange sizes and contents, to hold an export against; one kind of input a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepwell.export.odd.pictures import pictures
from deepwell.export.odd.texts import sentences, texts
from deepwell.export.odd.trees import trees

ODD: dict[str, Callable[[Any], list[Any]]] = {
    "image": pictures,
    "text": texts,
    "tokens": sentences,
    "tree": trees,
}
"""By kind of input: from the model's input to raw samples. A new kind is one file and one row here."""
