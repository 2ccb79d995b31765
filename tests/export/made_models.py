"""Small untrained models of every kind of text, sentence and tree; what they answer is as hard to match as a trained
model's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from deepwell.data.tree import parse
from deepwell.inputs.text import Text
from deepwell.inputs.tokens import Tokens
from deepwell.inputs.tree import TreeInput
from deepwell.outputs import Category, LabelSets, Tags
from deepwell.saved.model import ModelCard, SavedModel, join

TEXTS = [
    "A good film", "a bad film it was", "good good, good", "it was not so bad a film", "x", "the the the good",
    "ไทย ภาษา 很好 的 电影", "né\u0301e don't go 3.5", "😀 a film 很好",
]  # fmt: skip
SENTENCES = [["The", "cat", "sat"], ["A", "dog"], ["Rome"], ["Mr", "Abracadabrissimo-longword", "x", "y", "z"]]
TAGS = [["O", "B-X", "I-X"], ["O", "B-Y"], ["B-X"], ["O", "B-Y", "I-Y", "O", "O"]]
TREES = [parse(text) for text in ("(+ 1 (* 2 3))", "(- (+ 4 5) 6)", "(+ 1 1)", "(MAX 4 7 (MIN 2 1) 5)")]
SMALL: dict[str, Any] = {"embedding": 8, "hidden": 6}


def text_model(name: str, *, reading: dict[str, Any] | None = None, sets: bool = False, **options: Any) -> SavedModel:
    """A model of texts, with one class or a set of labels as its answer."""
    text = Text(**{"minimum_count": 1, "max_length": 40, **(reading or {})})
    text.learn(TEXTS, torch.arange(len(TEXTS)))
    output: Any = LabelSets() if sets else Category()
    labels = [["p"], ["n", "q"], []] * 3 if sets else ["p", "n", "q"] * 3
    output.learn(labels, np.arange(9))
    return _joined(name, text, output, options)


def tag_model(
    name: str, *, view: str = "characters", head: str = "crf", scheme: str | None = None, **options: Any
) -> SavedModel:
    """A model of sentences, with a tag for each word as its answer."""
    tokens = Tokens(minimum_count=1, view=view)
    tokens.learn(SENTENCES, torch.arange(len(SENTENCES)))
    output = Tags(head=head, scheme=scheme)
    output.learn(TAGS, np.arange(len(TAGS)))
    return _joined(name, tokens, output, options)


def tree_model(**options: Any) -> SavedModel:
    """A model of trees."""
    tree = TreeInput(use_labels=True)
    tree.learn(TREES, torch.arange(len(TREES)))
    output = Category()
    output.learn(["a", "b", "a", "c"], np.arange(len(TREES)))
    return _joined("recursive", tree, output, options)


def _joined(name: str, input: Any, output: Any, options: dict[str, Any]) -> SavedModel:
    torch.manual_seed(1)
    card = ModelCard(name, options)
    network = join(card, input, output)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:  # biases and a field's tables begin at 0: a mistake there would not show
                parameter.add_(0.3 * torch.randn_like(parameter))
        crf: Any = getattr(network.head, "crf", None)
        if crf is not None:
            nn.init.normal_(crf.transitions)
    return SavedModel(network, input, output, card=card)
