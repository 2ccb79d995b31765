"""Layer 1: losses, pure functions (scores, targets) -> (sum, count). The caller divides, once."""

from collections.abc import Callable
from typing import Any

from deepwell.core.errors import unknown_name
from deepwell.losses.binary_cross_entropy import binary_cross_entropy
from deepwell.losses.cross_entropy import cross_entropy
from deepwell.losses.huber import huber
from deepwell.losses.kl_divergence import kl_divergence
from deepwell.losses.mean_squared_error import mean_squared_error

LOSSES: dict[str, Callable[..., Any]] = {
    "binary-cross-entropy": binary_cross_entropy,
    "cross-entropy": cross_entropy,
    "huber": huber,
    "kl": kl_divergence,
    "mse": mean_squared_error,
}


def by_name(name: str) -> Callable[..., Any]:
    """The loss of that name; an unknown one is an error that suggests the nearest."""
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    return LOSSES[name]


__all__ = [
    "LOSSES",
    "binary_cross_entropy",
    "by_name",
    "cross_entropy",
    "huber",
    "kl_divergence",
    "mean_squared_error",
]
