"""What of a pretrained encoder's ``config.json`` is read: sizes and names, checked one by one, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deepwell.core.errors import UserError


@dataclass(frozen=True)
class Family:
    """Encoders that transformers computes with one class.

    Attributes:
        name: of its classes: ``Bert`` for ``BertModel`` and ``BertConfig``.
        pooler: whether the class would build a layer after the last one, which is left out here.
        shifted: whether positions are counted from the number after the padding's.
        sizes: what the family calls (layers, width, feedforward).
        dropouts: what it calls its shares of dropped units.
    """

    name: str
    pooler: bool = True
    shifted: bool = False
    sizes: tuple[str, str, str] = ("num_hidden_layers", "hidden_size", "intermediate_size")
    dropouts: tuple[str, ...] = field(default=("hidden_dropout_prob", "attention_probs_dropout_prob"))


FAMILIES: dict[str, Family] = {
    "bert": Family("Bert"),
    "camembert": Family("Camembert", shifted=True),
    "distilbert": Family(
        "DistilBert",
        pooler=False,
        sizes=("n_layers", "dim", "hidden_dim"),
        dropouts=("dropout", "attention_dropout"),
    ),
    "electra": Family("Electra", pooler=False),
    "mpnet": Family("MPNet", shifted=True),
    "roberta": Family("Roberta", shifted=True),
    "xlm-roberta": Family("XLMRoberta", shifted=True),
}

# A config may also name code, kernels and files to fetch: what is not listed here is never handed on.
_WHOLE: dict[str, tuple[int, int]] = {
    "vocab_size": (1, 10_000_000),
    "hidden_size": (1, 65_536), "dim": (1, 65_536), "embedding_size": (1, 65_536),
    "num_hidden_layers": (1, 256), "n_layers": (1, 256),
    "num_attention_heads": (1, 1_024), "n_heads": (1, 1_024),
    "intermediate_size": (1, 262_144), "hidden_dim": (1, 262_144),
    "max_position_embeddings": (4, 1_000_000),
    "type_vocab_size": (1, 1_000),
    "relative_attention_num_buckets": (2, 4_096),
    "pad_token_id": (0, 10_000_000),
}  # fmt: skip
_SHARES = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout")
_SMALL = ("layer_norm_eps", "initializer_range")
_ACTIVATIONS = ("gelu", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh")
KNOWN = (*_WHOLE, *_SHARES, *_SMALL, "hidden_act", "activation", "sinusoidal_pos_embds")


def checked(config: Any) -> dict[str, Any]:
    """The part of a config that is used, as plain JSON values.

    Args:
        config: the content of ``config.json``, or what a saved model kept of it.

    Raises:
        UserError: a decoder, an unknown kind of model, a value that can't be meant; names the field.

    >>> checked({"model_type": "bert", "hidden_size": 32, "auto_map": {"AutoModel": "code.py"}})
    {'model_type': 'bert', 'hidden_size': 32}
    """
    if not isinstance(config, Mapping):
        raise UserError(f"the encoder's config is {type(config).__name__}", expected="names and values")
    kind = config.get("model_type")
    fix = f"take an encoder of one of these kinds: {', '.join(FAMILIES)}"
    if any(config.get(name) for name in ("is_decoder", "is_encoder_decoder", "add_cross_attention")):
        raise UserError(f"the model of kind {kind!r} is a decoder", expected="an encoder of texts", fix=fix)
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise UserError(f"the model is of kind {kind!r}", expected="an encoder of texts such as BERT", fix=fix)
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise UserError(
            f"the encoder's position_embedding_type is {config['position_embedding_type']!r}", expected="absolute"
        )
    kept = {name: config[name] for name in KNOWN if config.get(name) is not None}
    for name, value in kept.items():
        if expected := _wrong(name, value):
            raise UserError(f"the encoder's {name} is {value!r}", expected=expected, fix="take the config as it came")
    return {"model_type": kind, **kept}


def _wrong(name: str, value: Any) -> str:
    """What would have been right, or nothing where it is."""
    if name in _WHOLE:
        low, high = _WHOLE[name]
        return "" if type(value) is int and low <= value <= high else f"a whole number from {low:,} to {high:,}"
    if name in _SHARES:
        return "" if type(value) in (int, float) and 0 <= value < 1 else "a number from 0 to below 1"
    if name in _SMALL:
        right = type(value) in (int, float) and math.isfinite(value) and 0 < value <= 1
        return "" if right else "a number above 0, at most 1"
    if name == "sinusoidal_pos_embds":
        return "" if type(value) is bool else "true or false"
    right = isinstance(value, str) and value in _ACTIVATIONS
    return "" if right else f"one of {', '.join(_ACTIVATIONS)}"


def longest(config: Mapping[str, Any]) -> int:
    """Positions of a text, special tokens included, for which a completed config has vectors.

    >>> longest({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1})
    512
    """
    spent = config["pad_token_id"] + 1 if FAMILIES[config["model_type"]].shifted else 0
    return int(config["max_position_embeddings"] - spent)


def multiplied(config: Mapping[str, Any]) -> int:
    """Weights by which each position is multiplied: those of the layers, by which the cost of a step is judged.

    >>> multiplied({"model_type": "bert", "num_hidden_layers": 6, "hidden_size": 384, "intermediate_size": 1536})
    10616832
    """
    layers, width, inner = (config[name] for name in FAMILIES[config["model_type"]].sizes)
    return int(layers * (4 * width * width + 2 * width * inner))
