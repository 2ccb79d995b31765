"""How each kind of input comes in a request. A new kind is a file here and a row in the table."""

from __future__ import annotations

from deepwell.serve.kinds import image, text, tokens, tree
from deepwell.serve.kinds.kind import Kind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (image.KIND, text.KIND, tokens.KIND, tree.KIND)}
