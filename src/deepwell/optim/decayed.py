"""Which parameters weight decay and L1 act on."""

from __future__ import annotations

from torch import Tensor, nn

_NORMS = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm,
    nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d,
)  # fmt: skip


def is_decayed(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is a matrix or a filter, by its dimensions and its name.

    Weight decay prefers small weights. A bias or the scale of a normalisation layer has one dimension, and pulling
    it to zero does not simplify the function; a row of an embedding would shrink in the steps that never use it.

    >>> import torch
    >>> is_decayed("dense.weight", torch.zeros(3, 2)), is_decayed("dense.bias", torch.zeros(3))
    (True, False)
    """
    return parameter.dim() > 1 and "embedding" not in name.lower()


def undecayed(model: nn.Module) -> frozenset[str]:
    """Names of the parameters of a model that are left as they are, by the kind of their layer as well.

    It also knows what a name can't say: an ``nn.Embedding`` called ``tokens``, a ``LayerNorm`` over a whole map.

    Args:
        model: any module; the names are those of ``model.named_parameters()``.

    >>> model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 2), nn.LayerNorm([3, 2]))
    >>> sorted(undecayed(model))
    ['0.weight', '1.bias', '2.bias', '2.weight']
    """
    kinds = (*_NORMS, nn.Embedding, nn.EmbeddingBag)
    spared = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, kinds)
        for parameter in module.parameters(recurse=False)
    }
    return frozenset(name for name, p in model.named_parameters() if id(p) in spared or not is_decayed(name, p))
