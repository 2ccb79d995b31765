"""Layer 1: optimisers by name, learning-rate schedules, gradient clipping."""

from deepwell.optim.clip import clip_by_norm, clip_by_value
from deepwell.optim.decayed import undecayed
from deepwell.optim.optimizer import Optimizer
from deepwell.optim.schedule import SCHEDULES, Schedule, schedule
from deepwell.optim.table import OPTIMIZERS, Entry, build

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Entry",
    "Optimizer",
    "Schedule",
    "build",
    "clip_by_norm",
    "clip_by_value",
    "schedule",
    "undecayed",
]
