"""Which parameters an optimiser has: those of another model, or not those of this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from deepwell.doctor.training.track import Track
from deepwell.findings import Finding, Level


def look_at_ownership(
    model: nn.Module, tracks: Sequence[Track], versions: Mapping[str, int], step: int
) -> Iterator[Finding]:
    """Parameters that get gradients and are in no optimiser, beside parameters in an optimiser that get none.

    Both together are an optimiser that was built before the model was changed or wrapped. Left-out parameters alone
    may be meant: layers that a transfer leaves as they are.

    Args:
        model: in training.
        tracks: its optimisers.
        versions: of its parameters when the watch began, by name: what was written to since belongs to somebody.
        step: steps made.
    """
    if step < 2:
        return
    mine = {id(p) for p in model.parameters()}
    held = {id(p): p for track in tracks for p in track.parameters}
    left_out = [
        name
        for name, p in model.named_parameters()
        if p.requires_grad and p.grad is not None and id(p) not in held and p._version == versions.get(name)
    ]
    stale = [p for key, p in held.items() if key not in mine and p.grad is None]
    if not left_out:
        return
    values = {"count": len(left_out), "first": left_out[0], "stale": len(stale)}
    if not set(held) & mine and len(stale) == len(held):
        yield Finding("O04", "stop", "optimizer", "training_other_model", values)
    elif stale:
        yield Finding("O04", "warn", left_out[0], "training_stale", values)
    else:
        last = [name for name, _ in model.named_parameters()][-1]
        # the head is what every training trains
        level: Level = "warn" if last in left_out and len(tracks) == 1 and step >= 10 and _only(model, held) else "note"
        yield Finding("O04", level, left_out[0], "training_left_out", values)


def _only(model: nn.Module, held: dict[int, object]) -> bool:
    """All other parameters that can be trained are held: somebody meant to train the whole model."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return sum(id(p) in held for p in parameters) >= 0.5 * len(parameters)
