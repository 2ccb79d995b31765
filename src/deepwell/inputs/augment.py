"""Changes to training pictures, on whole batches, each a function of (seed, epoch, sample)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.seeds import uniform
from deepwell.inputs.geometry import bent, moved, upended
from deepwell.inputs.mixup import beta_quantile, blend

Draw = Callable[[int], Tensor]
"""Number of a stream -> uniforms [n] in [0, 1), one a sample."""

# one stream of random numbers for each choice that is made; an erased rectangle takes five
_FLIP, _FLIP_VERTICAL, _SHIFT_Y, _SHIFT_X, _ROTATE, _SCALE, _BRIGHT, _CONTRAST, _MIXUP, _ERASE = range(10)
_ERASES = tuple(range(_ERASE, _ERASE + 5))
_MOST_STREAMS = 32
_AUGMENT = 101
"""Sets these numbers apart from every other use of the same seed."""

_LIMITS = {"crop": 1024, "rotate": 180, "scale": 0.9, "brightness": 1, "contrast": 1, "erase": 1, "mixup": 10}


@dataclass(frozen=True)
class Augment:
    """What may happen to a training picture. The default changes nothing.

    Each sample's draw depends on (seed, epoch, sample) alone: not on its batch, its place there, or the number
    of workers. (``mixup`` also has a partner, which is of the same batch.)

    Mirroring alternates, so that two epochs show every picture both ways (Jordan 2024, arXiv:2404.00498); with ``flip``
    and ``flip_vertical`` together four epochs show it all four ways.

    Attributes:
        flip: mirror left and right, half of the pictures in each epoch and the other half in the next.
        flip_vertical: mirror top and bottom, likewise.
        crop: shift by up to so many pixels each way, filling with the edge's shade.
        rotate: by up to so many degrees each way.
        scale: by up to this share: 0.1 gives 0.9 to 1.1.
        brightness: add up to this share of the full range, up or down.
        contrast: stretch the shades about the picture's mean by up to this share.
        erase: probability of a rectangle (2 to 20 % of the picture) filled with the mean shade (Zhong et al.
            2017, arXiv:1708.04896).
        mixup: alpha of the blend with another sample (Zhang et al. 2017, arXiv:1710.09412); see ``mix``.

    Raises:
        UserError: a value of the wrong type or outside its range.

    >>> Augment(flip=True, crop=2).active
    True
    """

    flip: bool = False
    flip_vertical: bool = False
    crop: int = 0
    rotate: float = 0.0
    scale: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flip", "flip_vertical"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"augmentation {name} is {getattr(self, name)!r}", expected="True or False")
        for name, limit in _LIMITS.items():
            value = getattr(self, name)
            kinds = int if name == "crop" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value <= limit:
                word = "a whole number" if name == "crop" else "a number"
                raise UserError(f"augmentation {name} is {value!r}", expected=f"{word} from 0 to {limit}")

    @property
    def active(self) -> bool:
        """Whether ``apply`` changes anything."""
        return any(getattr(self, f.name) for f in fields(self) if f.name != "mixup")

    def apply(
        self, x: Tensor, ids: Tensor, *, seed: int, epoch: int, fill: Tensor, full: float | None = None
    ) -> Tensor:
        """Change a batch.

        Args:
            x: bytes or float32 [n, height, width, channels].
            ids: sample numbers, int64 [n].
            seed, epoch: of the draws.
            fill: shade of each channel where a picture is erased, [channels], in the unit of ``x``.
            full: what brightness is a share of; None: 255 for bytes, 1 for floats.

        Returns:
            [n, height, width, channels]; bytes where only whole pixels were moved, else float32. Bytes stay from
            0 to 255, whatever brightness and contrast do.
        """
        whole = x.dtype == torch.uint8
        full = full or (255.0 if whole else 1.0)

        draw = _draws(ids, self._streams(), seed, epoch)
        turned = self._turned(ids, seed, epoch)
        if self.rotate or self.scale:
            x = self._bent(x, draw, *turned)
        elif self.flip or self.flip_vertical or self.crop:
            x = self._moved(x, draw, *turned)
        if self.contrast or self.brightness:
            x = self._shaded(x, draw, full)
            x = x.clamp_(0, 255) if whole else x
        if self.erase:
            x = self._erased(x, draw, fill)
        return x

    def _streams(self) -> list[int]:
        used = {
            "crop": (_SHIFT_Y, _SHIFT_X),
            "rotate": (_ROTATE, _SCALE),
            "scale": (_ROTATE, _SCALE),
            "brightness": (_BRIGHT,),
            "contrast": (_CONTRAST,),
            "erase": _ERASES,
        }
        return sorted({stream for name, streams in used.items() if getattr(self, name) for stream in streams})

    def _shift(self, draw: Draw, stream: int) -> Tensor:
        """Whole pixels from -crop to crop, int64 [n], each as likely."""
        return (draw(stream) * (2 * self.crop + 1)).long().clamp(max=2 * self.crop) - self.crop

    def _turned(self, ids: Tensor, seed: int, epoch: int) -> tuple[Tensor | None, Tensor | None]:
        """Which pictures are upside down and which are mirrored in this epoch, bool [n] each; None for no flips."""
        wanted = [stream for stream, on in ((_FLIP_VERTICAL, self.flip_vertical), (_FLIP, self.flip)) if on]
        if not wanted:
            return None, None
        coin = _draws(ids, wanted, seed, 0)
        period = 2 if self.flip else 1
        down = (coin(_FLIP_VERTICAL) < 0.5) ^ bool(epoch // period % 2) if self.flip_vertical else None
        across = (coin(_FLIP) < 0.5) ^ bool(epoch % 2) if self.flip else None
        return down, across

    def _moved(self, x: Tensor, draw: Draw, upside_down: Tensor | None, mirrored: Tensor | None) -> Tensor:
        """Flips and shifts by whole pixels: bytes are moved, not computed."""
        if upside_down is not None:
            x = upended(x, upside_down)
        if not (self.flip or self.crop):
            return x
        down, across = (self._shift(draw, s) if self.crop else None for s in (_SHIFT_Y, _SHIFT_X))
        return moved(x, down=down, across=across, mirror=mirrored, most=self.crop)

    def _bent(self, x: Tensor, draw: Draw, upside_down: Tensor | None, mirrored: Tensor | None) -> Tensor:
        angle = (draw(_ROTATE) * 2 - 1) * math.radians(self.rotate)
        factor = 1 + (draw(_SCALE) * 2 - 1) * self.scale
        one, none = torch.ones_like(angle), torch.zeros_like(angle)
        down = one if upside_down is None else torch.where(upside_down, -one, one)
        across = one if mirrored is None else torch.where(mirrored, -one, one)
        shift = (self._shift(draw, _SHIFT_Y), self._shift(draw, _SHIFT_X)) if self.crop else (none, none)
        return bent(x, angle, factor, shift=shift, turn=(down, across))

    def _shaded(self, x: Tensor, draw: Draw, full: float) -> Tensor:
        n = len(x)
        x = x.float()
        if self.contrast:
            # the sum of floats depends on its order, and that on the batch's shape; of whole numbers it does not
            steps = 4096 / full
            total = (x * steps).to(torch.int64).reshape(n, -1).sum(1)
            middle = (total.double() / (steps * x[0].numel())).float().view(n, 1, 1, 1)
            x = (x - middle) * (1 + self.contrast * (draw(_CONTRAST) * 2 - 1)).view(n, 1, 1, 1) + middle
        if self.brightness:
            x = x + (self.brightness * full * (draw(_BRIGHT) * 2 - 1)).view(n, 1, 1, 1)
        return x

    def _erased(self, x: Tensor, draw: Draw, fill: Tensor) -> Tensor:
        _, height, width, _ = x.shape
        hit, area, shape, top, left = (draw(stream) for stream in _ERASES)
        pixels = (0.02 + 0.18 * area) * height * width
        ratio = torch.exp((shape * 2 - 1) * math.log(3.0))
        tall = (pixels * ratio).sqrt().round().clamp(1, height)
        wide = (pixels / ratio).sqrt().round().clamp(1, width)
        y0, x0 = (top * (height - tall + 1)).floor(), (left * (width - wide + 1)).floor()
        rows = torch.arange(height, device=x.device)[None, :]
        columns = torch.arange(width, device=x.device)[None, :]
        inside_y = (rows >= y0[:, None]) & (rows < (y0 + tall)[:, None])
        inside_x = (columns >= x0[:, None]) & (columns < (x0 + wide)[:, None])
        gone = inside_y[:, :, None] & inside_x[:, None, :] & (hit < self.erase)[:, None, None]
        shade = fill if x.is_floating_point() else fill.round()
        return torch.where(gone[..., None], shade.to(x.device, x.dtype), x)

    def mix(self, x: Tensor, targets: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        """Blend each sample of a batch with the one at the mirrored place of the batch.

        The weight is drawn from Beta(mixup, mixup) for each sample by its number; the larger of w and 1 - w is
        taken, so that a sample keeps the most of itself. Nothing is changed where ``mixup`` is 0.

        Args:
            x: prepared [n, ...].
            targets: probabilities [n, classes].
            ids: int64 [n].
            seed, epoch: of the draws.
        """
        if not self.mixup:
            return x, targets
        weight = beta_quantile(_draws(ids, [_MIXUP], seed, epoch)(_MIXUP), self.mixup)
        return blend(x, targets, torch.maximum(weight, 1 - weight))


def _draws(ids: Tensor, streams: list[int], seed: int, epoch: int) -> Draw:
    # all in one call: for a small batch the time goes by the number of calls, not of numbers
    offsets = torch.tensor(streams, device=ids.device)[:, None]
    drawn = uniform(ids * _MOST_STREAMS + offsets, seed, epoch, _AUGMENT)
    return dict(zip(streams, drawn.unbind(0), strict=True)).__getitem__


def parse(text: str) -> Augment:
    """Augmentation in words: ``flip,crop=2,rotate=10``; ``none`` for none.

    Raises:
        UserError: an unknown word (with the nearest known one), a number that is none.

    >>> parse("flip,crop=2") == Augment(flip=True, crop=2)
    True
    """
    known = {f.name: f.type for f in fields(Augment)}
    chosen: dict[str, float | bool] = {}
    for word in [w.strip() for w in text.split(",") if w.strip()]:
        if word == "none":
            continue
        name, _, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if name not in known:
            raise unknown_name("augmentation", name, known)
        if known[name] == "bool":
            if value.strip().lower() not in ("", "true", "yes", "1"):
                raise UserError(f"augmentation {name} is '{value}'", expected=f"the word {name} alone")
            chosen[name] = True
            continue
        try:
            chosen[name] = int(value) if known[name] == "int" else float(value)
        except ValueError:
            raise UserError(f"augmentation {name} is '{value}'", expected=f"a number, such as {name}=2") from None
    return Augment(**chosen)  # type: ignore[arg-type]
