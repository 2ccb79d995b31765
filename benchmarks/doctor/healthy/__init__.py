"""Programs that are right, the odd ones among them: a stop or a warning on any of them is a false alarm.

Every second one, in the order of the lists, is for development; the others are HELD OUT, as programs are.
"""

from __future__ import annotations

from programs.program import Program

from healthy.learners import LEARNERS
from healthy.loops import LOOPS
from healthy.losses import LOSSES
from healthy.networks import NETWORKS

_ALL = [*LOSSES, *NETWORKS, *LOOPS, *LEARNERS]
HEALTHY: dict[str, Program] = {program.name: program for program in _ALL}
HALVES: dict[str, tuple[str, ...]] = {
    "development": tuple(list(HEALTHY)[::2]),
    "held-out": tuple(list(HEALTHY)[1::2]),
}
