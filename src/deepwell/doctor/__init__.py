"""Layer 4: what is wrong before a training, and what goes wrong during it, on any PyTorch model."""

from deepwell.doctor.examine import examine
from deepwell.findings import Finding

__all__ = ["Finding", "examine"]
