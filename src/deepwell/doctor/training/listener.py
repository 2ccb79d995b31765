"""Listens to one forward pass: rectifiers, sigmoids, normalisations, called as layers or as functions alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from deepwell.doctor.training.hooks import Hook
from deepwell.doctor.training.judges.units import Activation, Norm

_KINDS: dict[Any, str] = {
    **dict.fromkeys((F.linear, F.bilinear), "linear"),
    **dict.fromkeys(
        (torch.conv1d, torch.conv2d, torch.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d), "conv"
    ),
    **dict.fromkeys((F.relu, F.relu_, F.relu6, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_), "relu"),
    **dict.fromkeys((torch.sigmoid, F.sigmoid, Tensor.sigmoid, torch.sigmoid_, Tensor.sigmoid_), "sigmoid"),
    **dict.fromkeys((torch.tanh, F.tanh, Tensor.tanh, torch.tanh_, Tensor.tanh_), "tanh"),
    F.batch_norm: "norm",
}


class Listener(TorchFunctionMode):
    """Hears what one model computes; changes nothing.

    Entered when the model's forward begins and left when it ends, so that it never outlasts the call. Layers are
    named by the weights that were used last.

    Args:
        model: whose parameters give the names.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> with Listener(model) as heard:
    ...     _ = model(torch.zeros(4, 2))
    >>> heard.activations[0].name, len(heard.activations[0].alive)
    ('0 -> relu', 3)
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._names = {id(p): name.rsplit(".", 1)[0] for name, p in model.named_parameters() if "." in name}
        self._names |= {
            id(m.running_mean): name for name, m in model.named_modules() if hasattr(m, "running_mean") and name
        }
        self._clear()

    def _clear(self) -> None:
        self._heard: list[tuple[int, Activation]] = []
        self.norms: list[Norm] = []
        self._layer, self._axis, self._layers = "", -1, 0

    @property
    def activations(self) -> list[Activation]:
        """In the order in which they were computed."""
        return [one._replace(last=at == self._layers) for at, one in self._heard]

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kind = _KINDS.get(func)
        if kind is None:
            return func(*args, **(kwargs or {}))
        if kind == "norm":
            return self._norm(func, args, kwargs or {})
        result = func(*args, **(kwargs or {}))
        if kind in ("linear", "conv"):
            self._layers += 1
            self._axis = 1 if kind == "conv" else -1
            weight = args[1] if len(args) > 1 else (kwargs or {}).get("weight")
            self._layer = self._names.get(id(weight), self._layer)
        elif isinstance(result, Tensor) and result.dim() > 1 and result.numel():
            with torch.no_grad():
                self._activation(kind, result.detach())
        return result

    def _activation(self, kind: str, values: Tensor) -> None:
        alive: list[bool] = []
        saturated = 0.0
        if kind == "relu":
            axis = self._axis % values.dim() if values.dim() > 2 else 1
            others = [d for d in range(values.dim()) if d != axis]
            alive = (values.amax(others) > 0).tolist()
        else:
            # within a fortieth of the range from an end: |tanh| > 0.95, a sigmoid outside 0.025 .. 0.975
            far = (values - 0.5).abs() * 2 if kind == "sigmoid" else values.abs()
            saturated = float((far > 0.95).float().mean())
        name = f"{self._layer} -> {kind}" if self._layer else kind
        same = sum(one.name.split(" #")[0] == name for _, one in self._heard)
        self._heard.append(
            (self._layers, Activation(f"{name} #{same + 1}" if same else name, kind, alive, saturated, False))
        )

    def _norm(self, func: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        named = dict(zip(("input", "running_mean", "running_var"), args, strict=False)) | dict(options)
        mean, var = named.get("running_mean"), named.get("running_var")
        momentum = named.get("momentum", 0.1)
        if not named.get("training") or mean is None or var is None or not momentum or momentum >= 1:
            return func(*args, **options)
        old_mean, old_var = mean.clone(), var.clone()
        result = func(*args, **options)
        with torch.no_grad():
            # the new statistics are (1 - momentum) old + momentum batch: the batch's need no pass of their own
            batch_mean = old_mean + (mean - old_mean) / momentum
            batch_var = (old_var + (var - old_var) / momentum).clamp(min=1e-10)
            shift = float(((old_mean - batch_mean).abs() / batch_var.sqrt()).median())
            scale = float((old_var.clamp(min=1e-10) / batch_var).log().abs().median())
        if math.isfinite(shift) and math.isfinite(scale):
            self.norms.append(Norm(self._names.get(id(mean), self._layer), shift, scale))
        return result


class Ear:
    """Puts a listener on a model for its next forward pass with gradients.

    Args:
        model: to listen to.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._listener: Listener | None = None
        self._inside = False
        self._done = False
        self._hooks: list[Any] = []

    def arm(self) -> None:
        """Listen to the next forward pass."""
        if self._hooks or hasattr(self.model, "_orig_mod"):  # a compiled model would be compiled anew
            return
        self._listener, self._inside, self._done = Listener(self.model), False, False
        self._hooks = [
            self.model.register_forward_pre_hook(Hook(self._enter)),
            self.model.register_forward_hook(Hook(self._leave), always_call=True),
        ]

    def _enter(self, _module: nn.Module, _inputs: object) -> None:
        if self._listener is not None and not self._inside and not self._done and torch.is_grad_enabled():
            self._inside = True
            self._listener.__enter__()

    def _leave(self, _module: nn.Module, _inputs: object, _output: object) -> None:
        if self._listener is not None and self._inside:
            self._inside, self._done = False, True
            self._listener.__exit__(None, None, None)

    def take(self) -> Listener | None:
        """What was heard since ``arm``, None where nothing was; takes the hooks away."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        listener, self._listener = self._listener, None
        return listener if self._done else None
