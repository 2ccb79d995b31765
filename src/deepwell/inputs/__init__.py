"""Layer 2: inputs, one kind of data a file. An input turns raw things into tensors."""

from typing import Any

from deepwell.inputs.augment import Augment, parse
from deepwell.inputs.image import Image
from deepwell.inputs.text import Text
from deepwell.inputs.tokens import Tokens
from deepwell.inputs.tree import TreeInput

INPUTS: dict[str, Any] = {"image": Image, "text": Text, "tokens": Tokens, "tree": TreeInput}

__all__ = ["INPUTS", "Augment", "Image", "Text", "Tokens", "TreeInput", "parse"]
