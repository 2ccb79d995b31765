"""Healthy training programs of many kinds, and which of them thresholds may be tuned on.

Half of each kind are for development; the other half is HELD OUT: no threshold of the doctor may be set with a look at
what it says of them. The two lists are fixed; a new program goes to one of them before it is run for the first time.
"""

from __future__ import annotations

from programs.adversarial import ADVERSARIAL
from programs.learners import LEARNERS
from programs.plain import PLAIN
from programs.program import Built, Data, Enough, Program, Run, build, train

DEVELOPMENT = (
    "dense", "cnn-norm", "lstm", "regression", "binary", "autoencoder", "transfer", "letters", "bag",
    "learner-tanh", "learner-cnn", "learner-residual", "learner-transformer", "learner-sets", "learner-imbalanced",
)  # fmt: skip
HELD_OUT = (
    "dense-table", "cnn", "residual", "encoder", "window", "multi-label", "gan", "siamese", "imbalanced",
    "learner-mlp", "learner-cnn-norm", "learner-lstm", "learner-bag", "learner-tags", "learner-transfer",
)  # fmt: skip

PROGRAMS: dict[str, Program] = {program.name: program for program in [*PLAIN, *ADVERSARIAL, *LEARNERS]}

__all__ = ["DEVELOPMENT", "HELD_OUT", "PROGRAMS", "Built", "Data", "Enough", "Program", "Run", "build", "train"]
