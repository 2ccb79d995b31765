"""Reads raw samples as a trained model reads them, and turns its scores into answers. Plain NumPy, no deepwell.

This folder stands beside an exported model and follows the description in its ``.json`` file, field by field as
docs/export.md has them::

    import onnxruntime
    from reader import Reader

    reader, session = Reader.load("model.json"), onnxruntime.InferenceSession("model.onnx")
    print(reader.predict(["cat.png"], lambda arrays: session.run(None, arrays)))

Needs NumPy; for pictures Pillow; for pieces of words and pretrained tokens the library ``tokenizers``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import answers, sentences, tags, texts, trees

__all__ = ["Reader"]

_BATCH = 64


def _pictures(description: Mapping[str, Any]) -> Any:
    from . import pictures  # Pillow is needed for nothing else

    return pictures.Pictures(description)


INPUTS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "image": _pictures,
    "text": texts.of,
    "tokens": sentences.Sentences,
    "tree": trees.Trees,
}
OUTPUTS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "category": answers.Category,
    "label-sets": answers.LabelSets,
    "tags": tags.Tags,
}
"""By kind: what reads the part of the description that is its own."""


class Reader:
    """From raw samples to the arrays of a graph, and from its outputs to answers.

    Args:
        description: what ``model.json`` holds.

    Raises:
        ValueError: another format, or a kind that this reader does not know.
    """

    def __init__(self, description: Mapping[str, Any]) -> None:
        version = description.get("version")
        if description.get("format") != "deepwell model" or version != 1:
            raise ValueError(f"this is no description of a model in version 1, but in version {version!r}")
        self.description = description
        for part, known in (("input", INPUTS), ("output", OUTPUTS)):
            if description[part]["kind"] not in known:
                raise ValueError(f"the model's {part} is {description[part]['kind']!r}; known are {', '.join(known)}")
        self.input = INPUTS[description["input"]["kind"]](description["input"])
        self.output = OUTPUTS[description["output"]["kind"]](description["output"])

    @classmethod
    def load(cls, path: str | Path) -> Reader:
        """Read the description from its file."""
        return cls(json.loads(Path(path).read_text(encoding="utf-8")))

    def encode(self, raw: Sequence[Any]) -> dict[str, np.ndarray]:
        """Raw samples to the graph's arrays by name, short samples filled up with 0.

        Args:
            raw: a list of samples: pictures (paths, files' bytes, PIL pictures, arrays), texts, sentences (strings or
                lists of words), or trees (in brackets, or nested lists); pictures also as one array [n, ...].

        Raises:
            ValueError: a sample that can't be read, with its place in the list.
        """
        if isinstance(raw, (str, bytes, Path)) or not hasattr(raw, "__len__"):
            raise ValueError(f"encode was given one {type(raw).__name__}, not a list of samples")
        rows = []
        for place in range(len(raw)):
            try:
                rows.append(self.input.row(raw[place]))
            except ValueError as error:
                raise ValueError(f"sample {place} can't be read: {error}") from None
        return {self.input.name: self.input.batch(rows)}

    def decode(self, outputs: Any, raw: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The graph's outputs to answers, one dictionary a sample.

        Args:
            outputs: the array of scores, or all outputs: by name, or as a list in the graph's order.
            raw: the samples that were encoded; needed for tags alone, which name the words.
        """
        if isinstance(outputs, (list, tuple)):
            outputs = dict(zip(self.description["graph"]["outputs"], outputs, strict=True))
        elif not isinstance(outputs, Mapping):
            outputs = {"scores": outputs}
        found = {name: np.asarray(value, dtype=np.float32) for name, value in outputs.items()}
        if not self.output.per_word:
            return self.output.answers(found)
        return self.output.answers(found, [self.input.words(sample) for sample in raw])

    def predict(self, raw: Sequence[Any], run: Callable[[dict[str, np.ndarray]], Any]) -> list[dict[str, Any]]:
        """One answer a sample, a few samples at a time.

        Args:
            raw: as ``encode`` takes them.
            run: the graph: arrays by name to outputs as ``decode`` takes them.
        """
        found: list[dict[str, Any]] = []
        for start in range(0, len(raw), _BATCH):
            part = raw[start : start + _BATCH]
            found += self.decode(run(self.encode(part)), part)
        return found
