"""Pictures on their way in: size and channels, bytes, normalisation, augmentation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

from deepwell.core.devices import processors
from deepwell.core.errors import UserError, unknown_name
from deepwell.core.protocols import Rows
from deepwell.inputs.augment import Augment
from deepwell.inputs.picture import header, name_of, read

_RESIZES = ("auto", "crop", "fit", "stretch")
_LOOKED_AT = 2_000
_LEARNT_FROM = 50_000
_LARGEST_SIDE = 224


class Image:
    """Pictures as an input. Implements ``core.protocols.Input``.

    Encoded they are bytes [n, height, width, channels] (or float32 where the user's arrays are floats with
    values outside 0 to 1); prepared they are float32 [n, channels, height, width], normalised by the mean and
    deviation of the training pictures.

    Args:
        size: (height, width) to bring pictures to; None: as they are if all are alike, else their median, at
            most 224.
        channels: 1 or 3; None: grey if all are.
        resize: ``fit`` keeps the proportions and fills with the edge's shade, ``crop`` keeps them and cuts,
            ``stretch`` does not; ``auto`` stretches if the proportions are nearly alike, else fits.
        augment: changes to training pictures.
    """

    kind = "image"

    def __init__(
        self,
        *,
        size: tuple[int, int] | None = None,
        channels: int | None = None,
        resize: str = "auto",
        augment: Augment | None = None,
    ) -> None:
        if channels not in (None, 1, 3):
            raise UserError(f"channels is {channels}", expected="1 for grey or 3 for colour")
        if resize not in _RESIZES:
            raise unknown_name("resize policy", resize, _RESIZES)
        if size is not None and not (len(size) == 2 and all(1 <= side <= 8192 for side in size)):
            raise UserError(f"size is {size}", expected="(height, width), each from 1 to 8192")
        self.size = size
        self.channels = channels
        self.resize = resize
        self.augment = augment or Augment()
        self.floats = False
        self.mean: list[float] = []
        self.std: list[float] = []
        self._scale = self._offset = torch.empty(0)

    def __str__(self) -> str:
        height, width = self.size or (0, 0)
        return f"{'grey' if self.channels == 1 else 'colour'} {height}x{width} ({self.resize})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a prepared picture."""
        if self.size is None or self.channels is None:
            raise UserError("the size of the pictures is not known yet", fix="call survey, or prepare the data first")
        return self.channels, *self.size

    # ---- raw to bytes

    def survey(self, raw: Sequence[Any]) -> None:
        """Choose size and channels, from the array's shape or from up to 2,000 headers.

        Unreadable pictures are passed over here; ``encode`` names them.
        """
        if isinstance(raw, np.ndarray):
            shapes = [(raw.shape[1], raw.shape[2], 1 if raw.ndim == 3 or raw.shape[3] == 1 else 3)]
            self.floats = raw.dtype.kind == "f" and not _is_unit(raw)
        else:
            step = max(1, len(raw) // _LOOKED_AT)
            shapes = [shape for item in raw[::step] if (shape := _header_or_none(item)) is not None]
            if not shapes:
                why = "they are no pictures"
                try:
                    header(raw[0])
                except UserError as error:
                    why = str(error)
                raise UserError(f"none of {len(raw)} samples can be read: {why}")
        if self.channels is None:
            self.channels = max(shape[2] for shape in shapes)
        alike = len({shape[:2] for shape in shapes}) == 1
        if self.size is None:
            self.size = shapes[0][:2] if alike and max(shapes[0][:2]) <= _LARGEST_SIDE else _common_size(shapes)
        if self.resize == "auto":
            ratios = [shape[1] / shape[0] for shape in shapes]
            self.resize = "stretch" if max(ratios) <= 1.1 * min(ratios) else "fit"

    def survey_rows(self, rows: Rows) -> None:
        """Choose size and channels from rows that are arrays already."""
        first = rows.gather(torch.arange(min(4, len(rows))))
        self.floats = first.is_floating_point()
        self.size = self.size or (int(first.shape[1]), int(first.shape[2]))
        self.channels = self.channels or (1 if first.dim() == 3 else int(first.shape[3]))
        self.resize = "stretch" if self.resize == "auto" else self.resize

    def is_stored_as_it_is(self, raw: np.ndarray) -> bool:
        """Whether an array's bytes are what ``encode`` would give."""
        channels = 1 if raw.ndim == 3 else raw.shape[3]
        return raw.dtype == np.uint8 and tuple(raw.shape[1:3]) == self.size and channels == self.channels

    def encoding(self) -> str:
        """Names how raw pictures become bytes, for the cache."""
        return f"image 1 {self.size} {self.channels} {self.resize} {self.floats}"

    def encode(self, raw: Sequence[Any]) -> tuple[np.ndarray, list[tuple[int, str]]]:
        """Raw pictures to bytes [n, height, width, channels].

        Returns:
            the array, and (position, why) of each that can't be read; its bytes are zeros.
        """
        channels, height, width = self.shape
        if isinstance(raw, np.ndarray) and raw.ndim in (3, 4):
            array = raw[..., None] if raw.ndim == 3 else raw
            if array.shape[1:] == (height, width, channels):
                if self.floats:
                    return np.ascontiguousarray(array, dtype=np.float32), []
                if array.dtype == np.uint8:
                    return np.ascontiguousarray(array), []
                if array.dtype.kind == "f" and _is_unit(array):
                    return np.round(array * 255).astype(np.uint8), []
        if self.floats:
            return self._encode_floats(raw)
        made = np.zeros((len(raw), height, width, channels), np.uint8)
        problems: list[tuple[int, str]] = []

        def one(position: int) -> None:
            try:
                made[position] = self._fitted(read(_plain(raw[position]), channels=channels))
            except UserError as error:
                problems.append((position, str(error)))

        if len(raw) < 16:
            for position in range(len(raw)):
                one(position)
        else:
            with ThreadPoolExecutor(processors()) as pool:  # Pillow decodes without Python's lock
                list(pool.map(one, range(len(raw))))
        return made, sorted(problems)

    def _encode_floats(self, raw: Sequence[Any]) -> tuple[np.ndarray, list[tuple[int, str]]]:
        channels, height, width = self.shape
        made = np.zeros((len(raw), height, width, channels), np.float32)
        for position in range(len(raw)):
            item = np.asarray(_plain(raw[position]), dtype=np.float32)
            item = item[..., None] if item.ndim == 2 else item
            if item.shape == (channels, height, width) and item.shape != made.shape[1:]:
                item = item.transpose(1, 2, 0)
            if item.shape != made.shape[1:]:
                raise UserError(
                    f"sample {position} has the shape {list(item.shape)}",
                    expected=f"{list(made.shape[1:])}: pictures of floats are not resized",
                )
            if not np.isfinite(item).all():
                raise UserError(f"sample {position} holds NaN or infinity", fix="replace these numbers")
            made[position] = item
        return made, []

    def _fitted(self, picture: np.ndarray) -> np.ndarray:
        """A picture [h, w, c] brought to the size."""
        _, height, width = self.shape
        if picture.shape[:2] == (height, width):
            return picture
        image = Pillow.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
        if self.resize == "stretch":
            image = image.resize((width, height), Pillow.Resampling.BILINEAR)
        else:
            choose = max if self.resize == "crop" else min
            scale = choose(height / image.height, width / image.width)
            inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(inner, Pillow.Resampling.BILINEAR)
        array = np.asarray(image)
        array = array[:, :, None] if array.ndim == 2 else array
        top, left = (height - array.shape[0]) / 2, (width - array.shape[1]) / 2
        if top > 0 or left > 0:
            pads = [(max(0, math.floor(v)), max(0, math.ceil(v))) for v in (top, left)]
            array = np.pad(array, (*pads, (0, 0)), mode="edge")
        y, x = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
        return array[y : y + height, x : x + width]

    # ---- bytes to what the model sees

    def learn(self, rows: Rows, train: Tensor) -> None:
        """Mean and deviation of each channel, over the training rows alone (at most 50,000, evenly taken)."""
        chosen = train[:: max(1, math.ceil(len(train) / _LEARNT_FROM))]
        count, total, squares = 0, torch.zeros(()), torch.zeros(())
        for start in range(0, len(chosen), 1024):
            x = rows.gather(chosen[start : start + 1024])
            flat = x.reshape(-1, self.shape[0]).double()
            if not self.floats:
                flat = flat / 255
            count += len(flat)
            total = total + flat.sum(0)
            squares = squares + (flat * flat).sum(0)
        mean = total / count
        std = (squares / count - mean * mean).clamp(min=0).sqrt().clamp(min=1e-3)
        self.mean, self.std = mean.tolist(), std.tolist()
        self._ready()

    def _ready(self) -> None:
        unit = 1.0 if self.floats else 255.0
        std, mean = torch.tensor(self.std), torch.tensor(self.mean)
        self._scale = (1 / (unit * std)).float()
        self._offset = (-mean / std).float()

    def prepare(self, x: Tensor, *, ids: Tensor | None = None, seed: int = 0, epoch: int = 0) -> Tensor:
        """Encoded pictures to what the model sees.

        Args:
            x: [n, height, width, channels].
            ids: sample numbers int64 [n] in training: the pictures are augmented. None: they are not.
            seed, epoch: what the augmentation depends on, beside the sample.

        Returns:
            float32 [n, channels, height, width], its memory in the order of the bytes (channels last).
        """
        x = x[..., None] if x.dim() == 3 else x
        if ids is not None and self.augment.active:
            fill = torch.tensor(self.mean) * (1.0 if self.floats else 255.0)
            x = self.augment.apply(x, ids, seed=seed, epoch=epoch, fill=fill)
        if self._scale.device != x.device:
            self._scale, self._offset = self._scale.to(x.device), self._offset.to(x.device)
        return torch.addcmul(self._offset, x.float(), self._scale).permute(0, 3, 1, 2)

    def restore(self, x: Tensor) -> Tensor:
        """Prepared pictures [n, channels, height, width] back to bytes [n, height, width, channels], to draw."""
        value = (x.permute(0, 2, 3, 1).float() - self._offset) / self._scale
        return value.round().clamp(0, 255).to(torch.uint8)

    # ---- saved and loaded

    def state(self) -> dict[str, Any]:
        """All that preparation needs, as plain JSON values."""
        return {
            "size": list(self.size or ()),
            "channels": self.channels,
            "resize": self.resize,
            "floats": self.floats,
            "mean": self.mean,
            "std": self.std,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Image:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant.
        """
        try:
            size = tuple(int(side) for side in state["size"])
            mean, std = ([float(v) for v in state[k]] for k in ("mean", "std"))
            made = cls(size=size, channels=int(state["channels"]), resize=str(state["resize"]))  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(f"the model's description of its pictures can't be read ({error!r})") from None
        fine = all(math.isfinite(v) for v in mean) and all(math.isfinite(v) and v > 0 for v in std)
        if not fine or len(mean) != made.channels or len(std) != made.channels:
            raise UserError("the model's mean or deviation is impossible", expected="one finite number a channel")
        made.floats, made.mean, made.std = bool(state["floats"]), mean, std
        made._ready()
        return made


def _plain(item: Any) -> Any:
    return item.detach().cpu().numpy() if hasattr(item, "detach") else item


def _is_unit(array: np.ndarray) -> bool:
    """Floats that are shades from 0 to 1."""
    return array.dtype.kind == "f" and array.size > 0 and float(array.min()) >= 0 and float(array.max()) <= 1


def _header_or_none(item: Any) -> tuple[int, int, int] | None:
    try:
        return header(_plain(item))
    except UserError:
        return None


def _common_size(shapes: Sequence[tuple[int, int, int]]) -> tuple[int, int]:
    """The median of each side, a multiple of 8, at most 224."""
    sides = [sorted(shape[i] for shape in shapes)[len(shapes) // 2] for i in (0, 1)]
    scale = min(1.0, _LARGEST_SIDE / max(sides))
    height, width = (max(8, int(side * scale / 8 + 0.5) * 8) for side in sides)
    return height, width


__all__ = ["Image", "name_of"]
