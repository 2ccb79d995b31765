"""Layer 4: what is wrong before a training, and what goes wrong during it, on any PyTorch model.

``examine`` looks at a model, its loss and its data before the first step; ``watch`` looks on while a loop runs;
``examine_curve`` reads a loss curve that was logged. A log can be read without PyTorch, so names are imported as they
are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_PLACES = {
    "Finding": "deepwell.findings",
    "Stopped": "deepwell.doctor.training.watch",
    "examine": "deepwell.doctor.batch.examine",
    "examine_curve": "deepwell.doctor.logs.curves",
    "examine_data": "deepwell.doctor.data.examine_data",
    "read_log": "deepwell.doctor.logs.log_files",
    "suspicious_labels": "deepwell.doctor.data.noise",
    "watch": "deepwell.doctor.training.watch",
}

__all__ = [
    "Finding",
    "Stopped",
    "examine",
    "examine_curve",
    "examine_data",
    "read_log",
    "suspicious_labels",
    "watch",
]

if TYPE_CHECKING:
    from deepwell.doctor.batch.examine import examine
    from deepwell.doctor.data.examine_data import examine_data
    from deepwell.doctor.data.noise import suspicious_labels
    from deepwell.doctor.logs.curves import examine_curve
    from deepwell.doctor.logs.log_files import read_log
    from deepwell.doctor.training.watch import Stopped, watch
    from deepwell.findings import Finding


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'deepwell.doctor' has no name '{name}'; it has {', '.join(sorted(_PLACES))}")
    value = getattr(importlib.import_module(_PLACES[name]), name)
    # the function hides the module of the same name, whichever was asked for first
    globals()[name] = value
    return value
