"""Layer 2: inputs, one kind of data a file. An input turns raw things into tensors."""

from typing import Any

from deepwell.inputs.augment import Augment, parse
from deepwell.inputs.image import Image

INPUTS: dict[str, Any] = {"image": Image}

__all__ = ["INPUTS", "Augment", "Image", "parse"]
