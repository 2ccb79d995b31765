"""Prepared batches, several at a time, made between the steps or ahead of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

Fetch = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""(rows int64 [n], epoch) -> (x, targets), augmented, normalised and on the device."""

Batch = tuple[Tensor, Tensor, Tensor]
"""x, targets, and the samples' numbers."""

_CHUNK_BYTES = 4 << 20
"""As many batches are prepared at once as stay near the processor's cache."""


def chunks(
    slices: list[Tensor],
    fetch: Fetch,
    *,
    epoch: int,
    lay: Callable[[Tensor], Tensor],
    workers: int = 0,
    together: bool = True,
) -> Iterator[list[Batch]]:
    """Prepare batches in groups; each sample is the same however they are grouped.

    Args:
        slices: the samples' numbers of each batch.
        fetch: prepares samples.
        epoch: what the augmentation depends on.
        lay: lays x in memory as the step wants it.
        workers: threads that prepare groups ahead; 0 prepares each when it is asked for.
        together: several batches at once; False where samples differ in length, and each batch has its own.
    """
    if not slices:
        return
    size = 1
    if together:
        x, _ = fetch(slices[0][:1], epoch)
        size = max(1, min(64, _CHUNK_BYTES // max(1, x.numel() * x.element_size() * len(slices[0]))))
    groups = [slices[i : i + size] for i in range(0, len(slices), size)]

    def prepare(group: list[Tensor]) -> list[Batch]:
        x, y = fetch(group[0] if len(group) == 1 else torch.cat(group), epoch)
        lengths = [len(ids) for ids in group]
        return list(zip(lay(x).split(lengths), y.split(lengths), group, strict=True))

    if workers == 0:
        yield from map(prepare, groups)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead = [pool.submit(prepare, group) for group in groups[:workers]]
        for index in range(len(groups)):
            ready = ahead.pop(0).result()
            if index + workers < len(groups):
                ahead.append(pool.submit(prepare, groups[index + workers]))
            yield ready
