"""The watch for a loop that is not ours: how it is called."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal

from torch import nn

from deepwell.core.errors import UserError
from deepwell.doctor.training.stopped import Stopped
from deepwell.doctor.training.watching import Watching
from deepwell.findings import known_codes

__all__ = ["Stopped", "Watching", "watch"]


def watch(
    model: nn.Module,
    optimizer: Any,
    *,
    scheduler: Any = None,
    scaler: Any = None,
    allow: str | Collection[str] = (),
    on_stop: Literal["raise", "say"] = "raise",
    every: int = 50,
    say: Callable[[str], None] | None = None,
) -> Watching:
    """Watch a training loop of your own.

    Args:
        model: the module in training; a ``ModuleList`` or ``ModuleDict`` of several.
        optimizer: of ``torch.optim``, or a list of several.
        scheduler: of ``torch.optim.lr_scheduler``; its calls are judged too.
        scaler: ``torch.amp.GradScaler``; its skipped steps are counted.
        allow: codes that do not stop.
        on_stop: ``"raise"``: a *stop* raises ``Stopped``; ``"say"``: it is said like the others.
        every: steps between looks; the first steps are looked at more often.
        say: where findings go, a text each; None prints them to stderr.

    Raises:
        UserError: ``every`` below 1, another ``on_stop``, an optimiser without ``param_groups``.

    >>> import torch
    >>> model = nn.Linear(4, 2)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> x, y = torch.randn(8, 4), torch.arange(8) % 2
    >>> with watch(model, optimizer) as w:
    ...     for _ in range(3):
    ...         optimizer.zero_grad()
    ...         loss = nn.functional.cross_entropy(model(x), y)
    ...         loss.backward()
    ...         _ = optimizer.step()
    ...         w.step(loss)
    >>> w.findings
    []
    """
    if every < 1 or on_stop not in ("raise", "say"):
        raise UserError(f"every is {every}, on_stop {on_stop!r}", expected="every from 1 up; raise or say")
    optimizers = list(optimizer) if isinstance(optimizer, (list, tuple)) else [optimizer]
    for one in optimizers:
        if not hasattr(one, "param_groups"):
            raise UserError(
                f"the optimiser is {type(one).__name__}", expected="one of torch.optim, or a list of them",
                fix="give the object whose step() the loop calls",
            )  # fmt: skip
    return Watching(model, optimizers, scheduler, scaler, known_codes(allow), on_stop, every, say)
