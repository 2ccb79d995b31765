"""The best path of each row of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from deepwell.nn.crf_function import Tables, path_score

_LARGEST = 1 << 24  # elements of the joint scores of one time step: 64 MiB in single precision
_EVERY = 8  # steps after which the scores are brought back to 0: rounding stays that of a few steps


def best_paths(emissions: Tensor, mask: Tensor, tables: Tables) -> Tensor:
    """Tag numbers int64 [n, length] (Viterbi 1967, doi:10.1109/TIT.1967.1054010); any tags at padding.

    All rows go together. The way there keeps the best scores and no pointers: the way back looks for the best
    predecessor of the one chosen tag, which is a row of [n, tags] and not of [n, tags, tags].

    Args:
        emissions: [n, length, tags], n and length above 0.
        mask: real positions, a prefix of each row, bool [n, length].
        tables: of the same dtype; where they leave a row no path, its tags mean nothing.

    >>> tables = Tables(torch.tensor([[0.0, 5.0], [0.0, 0.0]]), torch.zeros(2), torch.zeros(2))
    >>> best_paths(torch.tensor([[[1.0, 0.0], [2.0, 0.0]]]), torch.ones(1, 2) > 0, tables).tolist()
    [[0, 1]]
    """
    n, length, tags = emissions.shape
    block = max(1, _LARGEST // (tags * tags))
    if n > block:
        pieces = zip(emissions.split(block), mask.split(block), strict=True)
        return torch.cat([best_paths(rows, real, tables) for rows, real in pieces])
    lowest = torch.finfo(emissions.dtype).min
    best = emissions.new_empty(length, n, tags)  # scores of the best paths to each tag, its own emission included
    torch.sub(emissions.transpose(0, 1), emissions.amax(2).clamp_(min=lowest).t()[..., None], out=best)
    moves, joint = tables.transitions[:, None], emissions.new_empty(tags, n, tags)  # [from, row, to]: fast to reduce
    largest = emissions.new_empty(n, tags)
    steps = best.unbind()
    here = steps[0].add_(tables.start)
    for t in range(1, length):
        if t % _EVERY == 0:
            here.sub_(here.amax(1, keepdim=True).clamp_(min=lowest))
        torch.add(here.t()[..., None], moves, out=joint)
        here = steps[t].add_(torch.amax(joint, 0, out=largest))

    # row T of the table is what the end adds: until a row begins, its tag is T
    into = torch.cat((tables.transitions.t(), tables.end[None]))
    tag = torch.full((n,), tags, dtype=torch.int64, device=emissions.device)
    paths = torch.empty(length, n, dtype=torch.int64, device=emissions.device)
    full = bool(mask.all())
    begun = torch.cat((mask[:, 1:], torch.zeros_like(mask[:, :1])), 1).t().unbind()
    for t in range(length - 1, -1, -1):
        if not full:
            tag = torch.where(begun[t], tag, tags)
        tag = torch.argmax(into.index_select(0, tag).add_(steps[t]), 1, out=paths[t])
    return paths.t()


def viterbi(emissions: Tensor, mask: Tensor, tables: Tables) -> tuple[Tensor, Tensor]:
    """The best paths int64 [n, length], -1 at padding, and their scores [n], summed in double precision.

    Where the tables leave a row no path: the tags with the highest emissions, and -inf.

    Args:
        emissions, mask, tables: as for ``best_paths``.
    """
    paths = best_paths(emissions, mask, tables)
    wide = torch.float32 if emissions.device.type == "mps" else torch.float64  # that device has no double
    scores = path_score(emissions.gather(2, paths[..., None])[..., 0].to(wide), paths, mask, tables.to(wide))
    impossible = scores == -torch.inf
    if bool(impossible.any()):
        paths = torch.where(impossible[:, None], emissions.argmax(2), paths)
    return torch.where(mask, paths, -1), scores.to(emissions.dtype)
