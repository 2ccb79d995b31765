"""Layer 1: metrics as pure update and compute. States add up, so they are exact over any batching."""

from deepwell.metrics.classification import accuracy, confusion, log_loss, macro_f1, per_class

__all__ = ["accuracy", "confusion", "log_loss", "macro_f1", "per_class"]
