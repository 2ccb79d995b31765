"""Looking inside a network: its filters, its activations, and what lies near in its representation."""

from deepwell.explain.inside.activations import Stage, activations, activations_picture
from deepwell.explain.inside.filters import filters
from deepwell.explain.inside.neighbours import Index, Near, neighbours_picture, representations
from deepwell.explain.inside.similar_words import similar_words

__all__ = [
    "Index",
    "Near",
    "Stage",
    "activations",
    "activations_picture",
    "filters",
    "neighbours_picture",
    "representations",
    "similar_words",
]
