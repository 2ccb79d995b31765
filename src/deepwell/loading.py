"""A model read back, whatever it was written as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from deepwell.saved.model import load as load_saved


def load(path: str | Path, model: nn.Module | None = None) -> Any:
    """Read a model that answers by ``predict``. Nothing in the file is executed.

    Args:
        path: a ``.safetensors`` file; or the ``.onnx`` file of ``deepwell export``, which answers by ONNX Runtime.
        model: for a model of the user's own class: an instance of it, built by the user.

    Returns:
        ``SavedModel``, or ``export.exported.ExportedModel``.

    Raises:
        UserError: a damaged, foreign or hostile file; a user's own model without its module.
    """
    if Path(path).suffix == ".onnx":
        from deepwell.export.exported import ExportedModel

        return ExportedModel(path)
    return load_saved(path, model)
