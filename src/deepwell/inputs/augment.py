"""Changes to training pictures, on whole batches, each a function of (seed, epoch, sample)."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.seeds import uniform

# one stream of random numbers for each kind of change
_FLIP, _FLIP_VERTICAL, _SHIFT_Y, _SHIFT_X, _ROTATE, _SCALE, _BRIGHT, _CONTRAST, _ERASE, _MIXUP = range(101, 111)


@dataclass(frozen=True)
class Augment:
    """What may happen to a training picture. The default changes nothing.

    Each sample's draw depends on (seed, epoch, sample) alone: not on its batch, its place there, or the number
    of workers.

    Attributes:
        flip: mirror left and right, with probability a half.
        flip_vertical: mirror top and bottom, with probability a half.
        crop: shift by up to so many pixels each way, filling with the edge's shade.
        rotate: by up to so many degrees each way.
        scale: by up to this share: 0.1 gives 0.9 to 1.1.
        brightness: add up to this share of the full range, up or down.
        contrast: stretch the shades about their middle by up to this share.
        erase: probability of a rectangle (2 to 20 % of the picture) filled with the mean shade (Zhong et al.
            2017, arXiv:1708.04896).
        mixup: alpha of the blend with another sample (Zhang et al. 2017, arXiv:1710.09412); see ``mix``.

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
        limits = {"crop": 1024, "rotate": 180, "scale": 0.9, "brightness": 1, "contrast": 1, "erase": 1, "mixup": 10}
        for name, limit in limits.items():
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise UserError(f"augmentation {name} is {value}", expected=f"a number from 0 to {limit}")

    @property
    def active(self) -> bool:
        """Whether ``apply`` changes anything."""
        return any(getattr(self, f.name) for f in fields(self) if f.name != "mixup")

    def apply(self, x: Tensor, ids: Tensor, *, seed: int, epoch: int, fill: Tensor) -> Tensor:
        """Change a batch.

        Args:
            x: bytes or float32 [n, height, width, channels].
            ids: sample numbers, int64 [n].
            seed, epoch: of the draws.
            fill: shade of each channel where a picture is erased, in the unit of ``x``.

        Returns:
            [n, height, width, channels]; bytes where only whole pixels were moved, else float32.
        """

        def draw(stream: int) -> Tensor:
            return uniform(ids, seed, epoch, stream)

        def both_ways(stream: int) -> Tensor:
            return draw(stream) * 2 - 1

        if self.rotate or self.scale:
            x = self._bent(x, draw, both_ways)
        elif self.flip or self.flip_vertical or self.crop:
            x = self._moved(x, draw)
        if self.contrast:
            x = x.float()
            middle = x.mean((1, 2, 3), keepdim=True)
            x = (x - middle) * (1 + self.contrast * both_ways(_CONTRAST))[:, None, None, None] + middle
        if self.brightness:
            full = 255.0 if float(fill.max()) > 1 else 1.0
            x = x.float() + (self.brightness * full * both_ways(_BRIGHT))[:, None, None, None]
        if self.erase:
            x = self._erased(x, ids, seed, epoch, fill)
        return x

    def _shifts(self, draw: object, size: int, stream: int) -> Tensor:
        value: Tensor = draw(stream)  # type: ignore[operator]
        return (value * (2 * self.crop + 1)).long().clamp(max=2 * self.crop) - self.crop

    def _moved(self, x: Tensor, draw: object) -> Tensor:
        """Flips and shifts by whole pixels: bytes are moved, not computed."""
        n, height, width, _ = x.shape
        rows = torch.arange(height, device=x.device).expand(n, height)
        columns = torch.arange(width, device=x.device).expand(n, width)
        if self.crop:
            rows = rows + self._shifts(draw, height, _SHIFT_Y)[:, None]
            columns = columns + self._shifts(draw, width, _SHIFT_X)[:, None]
            rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
        if self.flip_vertical:
            turn = draw(_FLIP_VERTICAL) < 0.5  # type: ignore[operator]
            rows = torch.where(turn[:, None], rows.flip(1), rows)
        if self.flip:
            turn = draw(_FLIP) < 0.5  # type: ignore[operator]
            columns = torch.where(turn[:, None], columns.flip(1), columns)
        places = (rows[:, :, None] * width + columns[:, None, :]).reshape(n, -1)
        places = places + torch.arange(n, device=x.device)[:, None] * (height * width)
        return x.reshape(n * height * width, -1).index_select(0, places.reshape(-1)).view(x.shape)

    def _bent(self, x: Tensor, draw: object, both_ways: object) -> Tensor:
        """Rotation, scale, shift and flips as one affine map, bilinear."""
        n, height, width, _ = x.shape
        angle = both_ways(_ROTATE) * math.radians(self.rotate)  # type: ignore[operator]
        factor = 1 / (1 + both_ways(_SCALE) * self.scale)  # type: ignore[operator]
        across = torch.where(draw(_FLIP) < 0.5, -1.0, 1.0) if self.flip else torch.ones(n, device=x.device)  # type: ignore[operator]
        down = torch.where(draw(_FLIP_VERTICAL) < 0.5, -1.0, 1.0) if self.flip_vertical else torch.ones_like(across)  # type: ignore[operator]
        cosine, sine = angle.cos() * factor, angle.sin() * factor
        zero = torch.zeros_like(cosine)
        if self.crop:
            shift_x = self._shifts(draw, width, _SHIFT_X) * 2.0 / width
            shift_y = self._shifts(draw, height, _SHIFT_Y) * 2.0 / height
        else:
            shift_x = shift_y = zero
        ratio = height / width  # pixels are square, the grid's unit is not
        maps = torch.stack(
            [
                torch.stack([cosine * across, -sine * ratio * down, shift_x], 1),
                torch.stack([sine / ratio * across, cosine * down, shift_y], 1),
            ],
            1,
        )
        planes = x.permute(0, 3, 1, 2).float()
        # cell by cell in plain arithmetic: each sample's grid must not depend on the others of its batch
        ys = (torch.arange(height, device=x.device, dtype=torch.float32) * 2 + 1) / height - 1
        xs = (torch.arange(width, device=x.device, dtype=torch.float32) * 2 + 1) / width - 1
        m = maps[:, :, :, None, None]
        grid_x = m[:, 0, 0] * xs[None, None, :] + m[:, 0, 1] * ys[None, :, None] + m[:, 0, 2]
        grid_y = m[:, 1, 0] * xs[None, None, :] + m[:, 1, 1] * ys[None, :, None] + m[:, 1, 2]
        grid = torch.stack([grid_x, grid_y], -1)
        bent = F.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return bent.permute(0, 2, 3, 1)

    def _erased(self, x: Tensor, ids: Tensor, seed: int, epoch: int, fill: Tensor) -> Tensor:
        _, height, width, _ = x.shape
        hit, area, shape, top, left = (uniform(ids, seed, epoch, _ERASE, k) for k in range(5))
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
        return torch.where(gone[..., None], fill.to(x.device, x.dtype), x)

    def mix(self, x: Tensor, targets: Tensor, ids: Tensor, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        """Blend each sample of a batch with the one at the mirrored place of the batch.

        The weight is drawn from Beta(alpha, alpha) by its quantile function, for each sample by its number;
        as in the paper it is the larger of w and 1 - w, so that a sample keeps the most of itself.

        Args:
            x: prepared [n, ...].
            targets: probabilities [n, classes].
            ids: int64 [n].
            seed, epoch: of the draws.
        """
        weight = _beta_quantile(uniform(ids, seed, epoch, _MIXUP), self.mixup)
        weight = torch.maximum(weight, 1 - weight)
        over_x = weight.view(-1, *[1] * (x.dim() - 1))
        over_y = weight[:, None]
        return x * over_x + x.flip(0) * (1 - over_x), targets * over_y + targets.flip(0) * (1 - over_y)


def _beta_quantile(u: Tensor, alpha: float) -> Tensor:
    """Quantiles of Beta(alpha, alpha), by a table of its distribution function (4,096 cells)."""
    edges = torch.linspace(0, 1, 4097, dtype=torch.float64)
    middles = (edges[1:] + edges[:-1]) / 2
    density = (middles * (1 - middles)).pow(alpha - 1)
    table = torch.cat([torch.zeros(1, dtype=torch.float64), density.cumsum(0) / density.sum()])
    place = torch.searchsorted(table, u.double().cpu().contiguous(), right=True).clamp(1, 4096)
    low, high = table[place - 1], table[place]
    share = ((u.double().cpu() - low) / (high - low).clamp(min=1e-300)).clamp(0, 1)
    return (edges[place - 1] + share / 4096).float().to(u.device)


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
