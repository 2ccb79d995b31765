"""Recurrent layers as operators of their own while a network is exported.

PyTorch takes a recurrent layer apart step by step when it traces one, so that the graph knows a single length. These
operators have the signatures of PyTorch's own (``aten::lstm.input`` and so on) and are not taken apart. A program that
is to be kept gets PyTorch's operators in their place, and ONNX has one operator for each.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

NAMESPACE = "deepwell"
NAMES = ("lstm", "gru", "rnn_tanh", "rnn_relu")
_WEIGHTS = (
    "Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first"
)


@lru_cache(maxsize=1)
def operators() -> torch.library.Library:
    """Make the operators known to PyTorch, once a process and only where something is exported."""
    library = torch.library.Library(NAMESPACE, "DEF")
    for name in NAMES:
        memory, many = ("Tensor[]", ", Tensor") if name == "lstm" else ("Tensor", "")
        library.define(f"{name}(Tensor input, {memory} hx, {_WEIGHTS}) -> (Tensor, Tensor{many})")
        library.impl(name, getattr(torch.ops.aten, name).input, "CompositeExplicitAutograd")
        torch.library.register_fake(f"{NAMESPACE}::{name}", _shapes, lib=library)
    return library


def _shapes(x: Tensor, hx: Tensor | list[Tensor], *_weights: Any) -> tuple[Tensor, ...]:
    last = hx if isinstance(hx, list) else [hx]
    return x.new_empty(*x.shape[:2], last[0].shape[2]), *(torch.empty_like(part) for part in last)


def whole_layer(layer: Any, x: Tensor) -> Tensor:
    """All states of a recurrent layer as one operator.

    Args:
        layer: ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN``, of one layer in one direction.
        x: [length, n, inner].

    Returns:
        [length, n, hidden].
    """
    operators()
    start = x.new_zeros(1, x.shape[1], layer.hidden_size)
    name = f"rnn_{layer.nonlinearity}" if isinstance(layer, nn.RNN) else type(layer).__name__.lower()
    operator = getattr(getattr(torch.ops, NAMESPACE), name)
    weights = list(layer.parameters())
    memory = [start, start] if name == "lstm" else start
    return operator(x, memory, weights, True, 1, 0.0, False, False, False)[0]
