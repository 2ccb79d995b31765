"""A tiny encoder with random weights, made anew for these tests and written as a pretrained one is."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

SIZES: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 40, "initializer_range": 0.4,
}  # fmt: skip
OTHER: dict[str, dict[str, Any]] = {
    "distilbert": {
        "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "max_position_embeddings": 40,
        "initializer_range": 0.4,
    },
    "electra": {**SIZES, "embedding_size": 8},
}  # fmt: skip
GOOD, BAD, THINGS = ["good", "great", "lovely"], ["bad", "dull", "weak"], ["film", "plot", "book"]


def reviews(count: int = 60, seed: int = 0) -> tuple[list[str], list[str]]:
    """Sentences whose class one word tells, of 5 to 12 words."""
    draw = random.Random(seed)
    texts, labels = [], []
    for i in range(count):
        more = " ".join(draw.choice(THINGS) for _ in range(draw.randrange(8)))
        texts.append(f"the {draw.choice(THINGS)} was {draw.choice(BAD if i % 2 else GOOD)} {more} number {i}")
        labels.append("no" if i % 2 else "yes")
    return texts, labels


def write_tokenizer(folder: Path) -> int:
    """A word-piece tokeniser with BERT's special tokens and the words of ``reviews``; returns its number of tokens.

    Its pieces are listed here and not learnt: the library's trainer numbers them differently in every process.
    """
    tokenizers = pytest.importorskip("tokenizers")
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789:"]
    pieces = [f"##{letter}" for letter in letters]
    words = ["the", "was", "number", *GOOD, *BAD[:2], *THINGS]  # one is left to be cut into pieces
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *pieces, *words]
    known = {name: number for number, name in enumerate(names)}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(known, unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.enable_truncation(7)  # as sentence encoders ship them: neither of the two may be obeyed
    made.enable_padding(length=7)
    made.save(str(folder / "tokenizer.json"))
    return int(made.get_vocab_size())


Writer = Callable[..., Path]


@pytest.fixture(scope="session")
def write_encoder(tmp_path_factory: pytest.TempPathFactory) -> Writer:
    """``(kind, **changes of the config) -> folder``: random weights, a few of them large enough to matter."""
    transformers = pytest.importorskip("transformers")

    def write(kind: str = "bert", **changes: Any) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        count = write_tokenizer(folder)
        config = transformers.AutoConfig.for_model(kind, **{**OTHER.get(kind, SIZES), "vocab_size": count, **changes})
        with torch.random.fork_rng():
            torch.manual_seed(7)
            transformers.AutoModel.from_config(config).save_pretrained(folder)
        return folder

    return write


@pytest.fixture(scope="session")
def encoder(write_encoder: Writer) -> Path:
    """The folder of a BERT of two layers."""
    return write_encoder()
