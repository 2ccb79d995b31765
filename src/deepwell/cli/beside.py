"""What ``deepwell train`` says of simple models when it is done."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from deepwell.core.errors import UserError
from deepwell.run_folder import Run

_SHARE, _LEAST, _MOST = 0.05, 1.0, 5.0
"""Seconds for each baseline after a training: a twentieth of the training's, within bounds."""


def refuse_without() -> None:
    """Before a training that asked for baselines: scikit-learn must be there.

    Raises:
        UserError: it is not.
    """
    from deepwell.evaluate.baselines.estimators import need_scikit_learn

    need_scikit_learn()


def beside(run: Run, learner: Any, training_seconds: float, *, asked: bool | None, say: Callable[[str], None]) -> None:
    """After a training: baselines on the same parts, told and written; whatever fails is a remark.

    Args:
        run, learner: the finished training.
        training_seconds: what it took; baselines take much less.
        asked: ``--baselines`` or ``--no-baselines``; None: where scikit-learn is installed.
        say: where remarks go.
    """
    if asked is False or (asked is None and importlib.util.find_spec("sklearn") is None):
        return
    from deepwell.baselines_of import are_kept, verdict

    try:
        known = are_kept(learner.data, learner.prepared())
        seconds = 0.0 if known else min(_MOST, max(_LEAST, _SHARE * training_seconds))
        found = learner.baselines(seconds)
        run.write("baselines.json", [baseline.to_json() for baseline in found])
    except UserError as error:
        say(f"no baselines: {error}")
        return
    except Exception as error:  # the training is done: nothing beside it may fail it
        say(f"no baselines: {type(error).__name__}: {error}")
        return
    for baseline in found:
        say(f"baseline {baseline}")
    if text := verdict(found):
        say(f"verdict: {text}")
