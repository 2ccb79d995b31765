"""Layer 2: outputs, one kind of answer a file. An output turns tensors into answers."""

from typing import Any

from deepwell.outputs.category import Category

OUTPUTS: dict[str, Any] = {"category": Category}

__all__ = ["OUTPUTS", "Category"]
