"""Programs that are right, the odd ones among them: a stop or a warning on any of them is a false alarm.

Every second one, in the order of the lists, is for development; the others are HELD OUT, as programs are.
"""

from __future__ import annotations

from healthy.learners import LEARNERS
from healthy.loops import LOOPS
from healthy.losses import LOSSES
from healthy.networks import NETWORKS
from programs.program import Program

_ALL = [*LOSSES, *NETWORKS, *LOOPS, *LEARNERS]
HEALTHY: dict[str, Program] = {program.name: program for program in _ALL}
HALVES: dict[str, tuple[str, ...]] = {
    "development": tuple(list(HEALTHY)[::2]),
    "held-out": tuple(list(HEALTHY)[1::2]),
}

LEAST = {"gan": -0.6, "wasserstein": -1.0}
"""What a healthy program must reach on data that it has not seen; half of what can be had unless it is named here."""
