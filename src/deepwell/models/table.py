"""Architectures by name. A new one is one file, one row here, and one row of the contract suite."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from deepwell.core.errors import unknown_name
from deepwell.models.alexnet import AlexNet
from deepwell.models.attention import AttentionRecurrent
from deepwell.models.cnn import CNN
from deepwell.models.cnn_bn import CNNBatchNorm
from deepwell.models.compact import Compact
from deepwell.models.embedding_bag import EmbeddingBag
from deepwell.models.inception import Inception
from deepwell.models.lenet5 import LeNet5
from deepwell.models.mlp import MLP
from deepwell.models.ngrams import NGrams
from deepwell.models.pretrained import Pretrained
from deepwell.models.recurrent import Recurrent
from deepwell.models.recursive import Recursive
from deepwell.models.resnet import ResNet
from deepwell.models.separable import SeparableCNN
from deepwell.models.tagger import BiLSTMTagger
from deepwell.models.textcnn import TextCNN
from deepwell.models.transformer import Transformer


@dataclass(frozen=True)
class Entry:
    """A named architecture.

    Attributes:
        make: the class.
        description, paper: for people.
        fixed: arguments that the name settles.
        takes: kinds of input that it is for.
        tags: the arguments with which it answers for every position; None: it can't.
        reading: how its input reads samples where the user does not say: arguments of the input. A recurrence over
            more than some hundred words is slow.
    """

    make: Callable[..., nn.Module]
    description: str
    paper: str
    fixed: dict[str, Any] = field(default_factory=dict)
    takes: tuple[str, ...] = ("image",)
    tags: dict[str, Any] | None = None
    reading: dict[str, Any] = field(default_factory=dict)


_TEXT, _BOTH = ("text",), ("text", "tokens")

MODELS: dict[str, Entry] = {
    "alexnet": Entry(AlexNet, "five convolutions and two wide layers", "Krizhevsky 2012, 2014"),
    "attention": Entry(
        AttentionRecurrent,
        "bidirectional recurrence with additive attention that can be read",
        "Bahdanau 2014, Yang 2016",
        takes=_TEXT,
    ),
    "bilstm-crf": Entry(
        BiLSTMTagger,
        "bidirectional LSTM over words and their characters; the default for tags",
        "Huang 2015",
        takes=("tokens",),
        tags={},
    ),
    "cnn": Entry(CNN, "two convolutions, one wide layer: the tutorials' MNIST network", "LeCun 1998"),
    "cnn-bn": Entry(CNNBatchNorm, "three convolutions with batch normalisation", "Ioffe and Szegedy 2015"),
    "compact": Entry(Compact, "small residual network for small pictures on a CPU; the default", "He 2015"),
    "embedding-bag": Entry(
        EmbeddingBag, "mean of word vectors", "Joulin 2016", takes=_TEXT, reading={"max_length": 10_000}
    ),
    "gru": Entry(
        Recurrent, "gated recurrent units", "Cho 2014", {"cell": "gru"}, takes=_BOTH, tags={"per_position": True}
    ),
    "hf": Entry(Pretrained, "pretrained text encoder, named as hf:PATH-OR-NAME", "Devlin 2018", takes=_TEXT),
    "inception": Entry(Inception, "GoogLeNet with batch normalisation", "Szegedy 2014"),
    "lenet5": Entry(LeNet5, "LeNet-5", "LeCun 1998"),
    "lstm": Entry(
        Recurrent,
        "long short-term memory",
        "Hochreiter 1997",
        {"cell": "lstm"},
        takes=_BOTH,
        tags={"per_position": True},
    ),
    "mlp": Entry(MLP, "fully connected layers", "Rumelhart 1986"),
    "ngrams": Entry(
        NGrams,
        "wide network over words, their neighbours and pieces; the default for texts",
        "Galke 2022",
        takes=("text",),
        reading={"max_length": 10_000, "view": "counts"},
    ),
    "recursive": Entry(
        Recursive,
        "tree LSTM or recursive neural tensor network; the default for trees",
        "Socher 2013, Tai 2015",
        takes=("tree",),
    ),
    "resnet": Entry(ResNet, "residual network, 18 layers unless depth says otherwise", "He 2015"),
    "resnet18": Entry(ResNet, "residual network, 18 layers", "He 2015", {"depth": 18}),
    "resnet34": Entry(ResNet, "residual network, 34 layers", "He 2015", {"depth": 34}),
    "resnet50": Entry(ResNet, "residual network, 50 layers with bottlenecks", "He 2015", {"depth": 50}),
    "rnn": Entry(
        Recurrent, "simple recurrent network", "Elman 1990", {"cell": "rnn"}, takes=_BOTH, tags={"per_position": True}
    ),
    "separable": Entry(SeparableCNN, "depthwise separable convolutions (MobileNet)", "Howard 2017"),
    "textcnn": Entry(TextCNN, "convolutions over words", "Kim 2014", takes=_TEXT, reading={"max_length": 1_000}),
    "transformer": Entry(Transformer, "Transformer encoder", "Vaswani 2017", takes=_BOTH, tags={"per_position": True}),
}


def build(name: str, input_shape: tuple[int, ...], **options: Any) -> nn.Module:
    """A fresh body of that name, with ``features`` as the width of its representation.

    Args:
        name: see ``MODELS``.
        input_shape: (channels, height, width), or one of ``core.shapes`` for texts and trees.
        options: of its constructor, such as ``activation="tanh"``, ``dropout=0.3``.

    Raises:
        UserError: unknown name or option, pictures that are too small.

    >>> build("cnn", (1, 28, 28)).features
    128
    """
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    entry = MODELS[name]
    allowed = [n for n in inspect.signature(entry.make).parameters if n not in ("input_shape", "shape", *entry.fixed)]
    for option in options:
        if option not in allowed:
            raise unknown_name(f"option of {name}", option, allowed)
    return entry.make(input_shape, **{**entry.fixed, **options})
