"""The packages that exporting needs beside PyTorch, or words that say how to get them."""

from __future__ import annotations

import importlib
from typing import Any

from deepwell.core.errors import UserError

NEEDED = ("onnx", "onnxscript", "onnxruntime")


def need(*names: str) -> list[Any]:
    """Import packages of the extra ``export``.

    Raises:
        UserError: one is missing or can't be loaded.
    """
    found = []
    for name in names:
        try:
            found.append(importlib.import_module(name))
        except ImportError as error:
            raise UserError(
                f"exporting to ONNX needs {name.split('.')[0]}, which can't be imported ({error})",
                expected=f"the packages {', '.join(NEEDED)}",
                fix='pip install "deepwell[export]"',
            ) from None
    return found
