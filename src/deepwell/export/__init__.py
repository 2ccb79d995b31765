"""Models for use elsewhere, held against the trained ones before they are written."""

from deepwell.export.export import FORMATS, Exported, export
from deepwell.export.gate import Parity, spread
from deepwell.export.judge import Difference

__all__ = ["FORMATS", "Difference", "Exported", "Parity", "export", "spread"]
