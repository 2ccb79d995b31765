"""Word vectors from a file, put into a network before it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from deepwell.core.errors import UserError
from deepwell.core.shapes import RESERVED
from deepwell.nn.word_vectors import load_vectors


def load_into(body: Any, path: str | Path, input: Any) -> str:
    """Replace the vectors of all words that a file has.

    Args:
        body: a model with an ``embedding`` whose ``weight`` is [ids, width].
        path: GloVe or word2vec text format.
        input: has the vocabulary: ``Text`` cut into words, or ``Tokens``.

    Returns:
        what was found, in one sentence.

    Raises:
        UserError: a model or an input without words, vectors of another width.
    """
    vocabulary: Any = getattr(input, "words", None) or getattr(input, "vocabulary", None)
    weight = getattr(getattr(body, "embedding", None), "weight", None)
    if weight is None or vocabulary is None or not hasattr(vocabulary, "names"):
        raise UserError(
            f"word vectors do not go with the model {type(body).__name__} on {input.kind} data",
            expected="a model that begins with an embedding of words, such as textcnn, lstm, bilstm-crf",
            fix="leave --vectors out, or choose another --model",
        )
    vectors, found = load_vectors(path, vocabulary.names)
    if vectors.shape[1] != weight.shape[1]:
        raise UserError(
            f"{path} has vectors of {vectors.shape[1]} numbers, and the model's embedding has {weight.shape[1]}",
            expected="the same width",
            fix=f"take vectors of {weight.shape[1]} numbers",
        )
    there = vectors.abs().sum(1) > 0
    with torch.no_grad():
        weight[RESERVED:][there] = vectors[there].to(weight)
    return f"word vectors: {found:,} of {len(vocabulary.names):,} words are in {path}"
