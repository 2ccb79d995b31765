"""Layer 1: metrics as pure update and compute. States add up, so they are exact over any batching."""

from deepwell.metrics.calibration import calibration_error, calibration_state
from deepwell.metrics.classification import accuracy, confusion, log_loss, macro_f1, per_class
from deepwell.metrics.confusion_state import confusion_state
from deepwell.metrics.log_loss_state import log_loss_state
from deepwell.metrics.metric import Metric, add
from deepwell.metrics.table import METRICS
from deepwell.metrics.top_k import top_k_state

__all__ = [
    "METRICS",
    "Metric",
    "accuracy",
    "add",
    "calibration_error",
    "calibration_state",
    "confusion",
    "confusion_state",
    "log_loss",
    "log_loss_state",
    "macro_f1",
    "per_class",
    "top_k_state",
]
