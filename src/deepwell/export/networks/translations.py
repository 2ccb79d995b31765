"""Recurrent layers in ONNX: one operator each. Needs the extra ``[export]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from deepwell.nn.recurrent_ops import NAMESPACE, operators


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """For ``torch.onnx.export``: what stands for each operator of ``nn.recurrent_ops``."""
    operators()
    own: Any = getattr(torch.ops, NAMESPACE)
    # PyTorch's gates are input, forget, candidate, output, and reset, update, new
    return {
        own.lstm.default: _layer("LSTM", order=(0, 3, 1, 2)),
        own.gru.default: _layer("GRU", order=(1, 0, 2), linear_before_reset=1),
        own.rnn_tanh.default: _layer("RNN", order=(0,)),
        own.rnn_relu.default: _layer("RNN", order=(0,), activations=["Relu"]),
    }


def _layer(kind: str, *, order: tuple[int, ...], **attributes: Any) -> Callable[..., Any]:
    """One layer in one direction that begins with zeros; ``order``: where each gate of ONNX stands in PyTorch."""

    def translate(x: Any, memory: Any, weights: Any, *_settings: Any) -> Any:
        import onnxscript

        op: Any = onnxscript.opset18
        into, across, bias_into, bias_across = weights
        hidden = across.shape[1]

        def gates(weight: Any) -> Any:
            parts = [op.Slice(weight, [gate * hidden], [(gate + 1) * hidden], [0]) for gate in order]
            return op.Unsqueeze(op.Concat(*parts, axis=0) if len(parts) > 1 else weight, [0])

        bias = op.Concat(gates(bias_into), gates(bias_across), axis=1)
        made = getattr(op, kind)(x, gates(into), gates(across), bias, hidden_size=hidden, **attributes)
        return op.Squeeze(made[0], [1]), *made[1:]  # [length, directions, n, hidden], then what it ends with

    return translate
