"""deepwell: give it data, get a deep model that was checked before it trained.

Importing the package is cheap: PyTorch is loaded when a name below is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PLACES = {
    "Augment": "deepwell.inputs.augment",
    "CheckError": "deepwell.preflight",
    "Data": "deepwell.dataset",
    "EarlyStopping": "deepwell.train.observe",
    "Finding": "deepwell.findings",
    "Learner": "deepwell.learner",
    "SavedModel": "deepwell.saved.model",
    "UserError": "deepwell.core.errors",
    "arrays": "deepwell.dataset",
    "doctor": "deepwell.doctor",
    "frame": "deepwell.dataset",
    "load": "deepwell.loading",
    "models": "deepwell.models",
    "open": "deepwell.dataset",
    "summary": "deepwell.nn.summary",
    "texts": "deepwell.dataset",
    "torch_dataset": "deepwell.dataset",
    "trees": "deepwell.dataset",
    "words": "deepwell.dataset",
}

__all__ = [
    "Augment",
    "CheckError",
    "Data",
    "EarlyStopping",
    "Finding",
    "Learner",
    "SavedModel",
    "UserError",
    "__version__",
    "arrays",
    "doctor",
    "frame",
    "load",
    "models",
    "open",
    "summary",
    "texts",
    "torch_dataset",
    "trees",
    "words",
]

if TYPE_CHECKING:
    from deepwell import doctor, models
    from deepwell.core.errors import UserError
    from deepwell.dataset import Data, arrays, frame, open, texts, torch_dataset, trees, words
    from deepwell.findings import Finding
    from deepwell.inputs.augment import Augment
    from deepwell.learner import Learner
    from deepwell.loading import load
    from deepwell.nn.summary import summary
    from deepwell.preflight import CheckError
    from deepwell.saved.model import SavedModel
    from deepwell.train.observe import EarlyStopping


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'deepwell' has no name '{name}'; it has {', '.join(sorted(_PLACES))}")
    module = importlib.import_module(_PLACES[name])
    value = module if _PLACES[name] == f"deepwell.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
