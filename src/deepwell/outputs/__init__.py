"""Layer 2: outputs, one kind of answer a file. An output turns tensors into answers."""

from typing import Any

from deepwell.outputs.category import Category
from deepwell.outputs.label_sets import LabelSets
from deepwell.outputs.tags import Tags

OUTPUTS: dict[str, Any] = {"category": Category, "label-sets": LabelSets, "tags": Tags}

__all__ = ["OUTPUTS", "Category", "LabelSets", "Tags"]
