"""Mutation operators by name: a fault each, planted into any program that has the part."""

from __future__ import annotations

from operators import inputs, labels, layers, loop, outputs, parts, wiring
from operators.operator import OPERATORS, DoesNotApply, Operator

__all__ = ["OPERATORS", "DoesNotApply", "Operator", "inputs", "labels", "layers", "loop", "outputs", "parts", "wiring"]
