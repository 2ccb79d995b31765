"""Layer 4: what is wrong before a training, and what goes wrong during it, on any PyTorch model."""

from deepwell.doctor.examine import examine
from deepwell.doctor.finding import Finding
from deepwell.doctor.watch import Watch

__all__ = ["Finding", "Watch", "examine"]
