"""From scores to probabilities, inside the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from deepwell.export.networks import Graph


class Softmax(nn.Module):
    """Probabilities of one class of several; see ``outputs.category``.

    Args:
        temperature: what the scores are divided by (Guo et al. 2017, arXiv:1706.04599).
    """

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, scores: Tensor) -> Tensor:
        """[n, classes] to the same shape."""
        return (scores.float() / self.temperature).softmax(1)


class Sigmoid(nn.Module):
    """The probability of each label by itself; see ``outputs.label_sets``."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, scores: Tensor) -> Tensor:
        """[n, labels] to the same shape."""
        return (scores.float() / self.temperature).sigmoid()


PROBABILITIES: dict[str, Callable[[float], nn.Module]] = {"category": Softmax, "label-sets": Sigmoid}
"""By kind of output. An output that is not here ends in scores: tags are found by the reader, sentence by sentence."""


class Answering(nn.Module):
    """A network that gives ``scores``, and where there are any ``probabilities`` too."""

    def __init__(self, network: nn.Module, probabilities: nn.Module | None) -> None:
        super().__init__()
        self.network = network
        self.probabilities = probabilities
        # by hand: train() would go down and hide a layer that was left in training mode
        self.training = network.training

    def forward(self, x: Tensor) -> Any:
        """The graph's one input to scores, or to (scores, probabilities)."""
        scores = self.network(x)
        return scores if self.probabilities is None else (scores, self.probabilities(scores))


def answering(graph: Graph, output: Any) -> Graph:
    """A graph that ends where its output's probabilities are."""
    make = PROBABILITIES.get(output.kind)
    if make is None:
        return replace(graph, network=Answering(graph.network, None))
    probabilities = make(float(getattr(output, "temperature", 1.0)))
    outputs = {**graph.outputs, "probabilities": graph.outputs["scores"]}
    return replace(graph, network=Answering(graph.network, probabilities.eval()), outputs=outputs)
