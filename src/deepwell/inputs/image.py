"""Pictures on their way in: size and channels, bytes, normalisation, augmentation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.protocols import Rows
from deepwell.inputs.augment import Augment
from deepwell.inputs.image_state import checked
from deepwell.inputs.picture import channels_last, read
from deepwell.inputs.resize import RESIZES, common_size, policy, resized
from deepwell.inputs.samples import as_batch, each, look, plain
from deepwell.inputs.shades import is_unit, to_bytes
from deepwell.inputs.statistics import of_bytes, of_floats

_LEARNT_FROM = 50_000
_LARGEST = 8192
_MOST_PIXELS = 1 << 24
"""Of a prepared picture, 4096x4096: 200 MB of numbers in colour. A model file that asks for more is no model."""


class Image:
    """Pictures as an input. Implements ``core.protocols.Input``.

    Encoded they are bytes [n, height, width, channels] (or float32 where the user's arrays are floats with
    values outside 0 to 1); prepared they are float32 [n, channels, height, width], normalised by the mean and
    deviation of the training pictures.

    Args:
        size: (height, width) to bring pictures to, or one number for both; None: as they are if all are alike,
            else their median, at most 224.
        channels: 1 or 3; None: grey if all are.
        resize: ``fit`` keeps the proportions and fills with the edge's shade, ``crop`` keeps them and cuts,
            ``stretch`` does not; ``auto`` stretches if the proportions are nearly alike, else fits.
        augment: changes to training pictures.

    Attributes:
        notes: what was chosen for the user, in sentences.

    >>> image, pictures = Image(), np.zeros((5, 8, 8), np.uint8)
    >>> image.survey(pictures)
    >>> image.shape
    (1, 8, 8)
    """

    kind = "image"
    learns_first = False

    def __init__(
        self,
        *,
        size: int | tuple[int, int] | None = None,
        channels: int | None = None,
        resize: str = "auto",
        augment: Augment | None = None,
    ) -> None:
        if channels not in (None, 1, 3):
            raise UserError(f"channels is {channels}", expected="1 for grey or 3 for colour")
        if resize not in RESIZES:
            raise unknown_name("resize policy", resize, RESIZES)
        both = (size, size) if isinstance(size, int) else size
        if both is not None and not (len(both) == 2 and all(_is_side(side) for side in both)):
            raise UserError(f"size is {size}", expected=f"(height, width), whole numbers from 1 to {_LARGEST}")
        _check_pixels(both)
        self.size = both
        self.channels = channels
        self.resize = resize
        self.augment = augment or Augment()
        self.floats = False
        self.mean: list[float] = []
        self.std: list[float] = []
        self.notes: list[str] = []
        self._scale = self._offset = self._fill = torch.empty(0)

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
        """Choose size and channels, from the array's shape or from up to 2,000 headers, evenly taken.

        Unreadable pictures are passed over here; ``encode`` names them.

        Raises:
            UserError: nothing that can be read; an array whose numbers can't be shades as they are.
        """
        shapes, self.floats, notes = look(raw)
        self.notes += notes
        self.channels = self.channels or max(shape[2] for shape in shapes)
        self.resize = policy(shapes) if self.resize == "auto" else self.resize
        self.size = self.size or common_size(shapes)
        _check_pixels(self.size)
        if any(shape[:2] != self.size for shape in shapes):
            low, high = (f"{s[0]}x{s[1]}" for s in (min(shapes), max(shapes)))
            found = f"of {low}" if low == high else f"of sizes from {low} to {high}"
            self.notes.append(f"pictures {found} are brought to {self.size[0]}x{self.size[1]} ({self.resize})")

    def survey_rows(self, rows: Rows) -> None:
        """Choose size and channels from rows that are arrays already: they are not resized."""
        first = rows.gather(torch.arange(min(4, len(rows))))
        self.floats = first.is_floating_point()
        size, channels = (int(first.shape[1]), int(first.shape[2])), 1 if first.dim() == 3 else int(first.shape[3])
        for name, asked, found in (("size", self.size, size), ("channels", self.channels, channels)):
            if asked is not None and asked != found:
                raise UserError(
                    f"{name} is {asked}, but the dataset's pictures have {found}",
                    expected="pictures that the dataset has brought to their size",
                    fix=f"leave {name} out, or change the dataset's transform",
                )
        self.size, self.channels = size, channels
        self.resize = "stretch" if self.resize == "auto" else self.resize

    def is_stored_as_it_is(self, raw: np.ndarray) -> bool:
        """Whether an array's bytes are what ``encode`` would give."""
        channels = 1 if raw.ndim == 3 else raw.shape[3]
        return raw.dtype == np.uint8 and tuple(raw.shape[1:3]) == self.size and channels == self.channels

    def encoding(self) -> str:
        """Names how raw pictures become bytes, for the cache."""
        return f"image 2 {self.size} {self.channels} {self.resize} {self.floats}"

    def encode(self, raw: Sequence[Any]) -> tuple[np.ndarray, list[tuple[int, str]]]:
        """Raw pictures to bytes [n, height, width, channels], or float32 where ``floats``.

        Args:
            raw: an array or tensor [n, height, width] or [n, height, width, channels], or a list of paths, PIL
                pictures, files' bytes, arrays and tensors of any size.

        Returns:
            the array, and (position, why) of each that can't be read; its numbers are zeros.
        """
        channels, height, width = self.shape
        array = as_batch(raw)
        if array is not None and array.shape[1:] == (height, width, channels):
            whole = self._whole(array)
            if whole is not None:
                return np.ascontiguousarray(whole), []
        made = np.zeros((len(raw), height, width, channels), np.float32 if self.floats else np.uint8)
        problems: list[tuple[int, str]] = []
        one = self._one_of_floats if self.floats else self._one_of_bytes

        def place(position: int) -> None:
            try:
                made[position] = resized(one(plain(raw[position])), (height, width), self.resize)
            except UserError as error:
                problems.append((position, str(error)))

        each(place, range(len(raw)))
        return made, sorted(problems)

    def _whole(self, array: np.ndarray) -> np.ndarray | None:
        """All pictures at once; None where each must be looked at: to name it, or to find its own range."""
        if self.floats:
            array = array.astype(np.float32, copy=False)
            return array if np.isfinite(array).all() else None
        if array.dtype.kind == "f" and not is_unit(array):
            return None
        try:
            return to_bytes(array)
        except UserError:
            return None

    def _one_of_bytes(self, raw: Any) -> np.ndarray:
        return read(raw, channels=self.shape[0])

    def _one_of_floats(self, raw: Any) -> np.ndarray:
        if not isinstance(raw, np.ndarray):
            raise UserError(
                f"a sample is of type {type(raw).__name__}, but the model knows arrays of floats outside 0 to 1",
                expected="an array scaled as the training data was",
            )
        array = channels_last(raw).astype(np.float32)
        if array.shape[2] != self.channels:
            raise UserError(f"a picture has {array.shape[2]} channels", expected=f"{self.channels}")
        if not np.isfinite(array).all():
            raise UserError("a picture holds NaN or infinity", fix="replace these numbers")
        return array

    # ---- bytes to what the model sees

    def learn(self, rows: Rows, train: Tensor) -> None:
        """Mean and deviation of each channel, over the training rows alone (at most 50,000, evenly taken).

        Raises:
            UserError: no training rows, or rows that hold NaN or infinity.
        """
        if not len(train):
            raise UserError("there are no training pictures", expected="at least one")
        chosen = train[:: max(1, math.ceil(len(train) / _LEARNT_FROM))]
        found = (of_floats if self.floats else of_bytes)(rows, chosen, self.shape[0])
        if not all(math.isfinite(v) for column in found for v in column):
            raise UserError("the training pictures hold NaN or infinity", fix="replace these numbers")
        self.mean, self.std = found
        self._ready()

    def mask(self, x: Tensor) -> None:
        """Pictures are prepared to one size: nothing of them is padding."""
        return None

    def _ready(self) -> None:
        _, height, width = self.shape
        unit = 1.0 if self.floats else 255.0
        std, mean = torch.tensor(self.std, dtype=torch.float64), torch.tensor(self.mean, dtype=torch.float64)
        # one number for each place: broadcasting over the innermost 1 or 3 is four times slower
        self._scale = (1 / (unit * std)).float().repeat(height * width)
        self._offset = (-mean / std).float().repeat(height * width)
        self._fill = (mean * unit).float()

    def prepare(self, x: Tensor, *, ids: Tensor | None = None, seed: int = 0, epoch: int = 0) -> Tensor:
        """Encoded pictures to what the model sees.

        Args:
            x: [n, height, width, channels], or [n, height, width] of grey ones.
            ids: sample numbers int64 [n] in training: the pictures are augmented. None: they are not.
            seed, epoch: what the augmentation depends on, beside the sample.

        Returns:
            float32 [n, channels, height, width], its memory in the order of the bytes (channels last).

        Raises:
            UserError: another shape than was learnt, or nothing was learnt.
        """
        x = x[..., None] if x.dim() == 3 else x
        channels, height, width = self.shape
        if x.shape[1:] != (height, width, channels) or not self.mean:
            raise self._unfit(x)
        if self._scale.device != x.device:
            self._scale, self._offset = self._scale.to(x.device), self._offset.to(x.device)
            self._fill = self._fill.to(x.device)
        if ids is not None and self.augment.active:
            # of floats nobody knows the range; four deviations hold nearly all of them
            full = 4 * max(self.std) if self.floats else 255.0
            x = self.augment.apply(x, ids, seed=seed, epoch=epoch, fill=self._fill, full=full)
        flat = torch.addcmul(self._offset, x.reshape(len(x), height * width * channels).float(), self._scale)
        return flat.view(len(x), height, width, channels).permute(0, 3, 1, 2)

    def _unfit(self, x: Tensor) -> UserError:
        if not self.mean:
            return UserError("the pictures' mean and deviation are not known yet", fix="call learn first")
        channels, height, width = self.shape
        return UserError(
            f"prepare was given pictures of shape {list(x.shape)}",
            expected=f"encoded ones, [n, {height}, {width}, {channels}]",
            fix="encode raw pictures first",
        )

    def restore(self, x: Tensor) -> Tensor:
        """Prepared pictures [n, channels, height, width] back to bytes [n, height, width, channels], to draw.

        Floats of no known range are drawn from three deviations below their mean (0) to three above (255).
        """
        channels, height, width = self.shape
        flat = x.permute(0, 2, 3, 1).float().reshape(-1, height * width * channels)
        drawn = (flat + 3) * (255 / 6)
        value = drawn if self.floats else (flat - self._offset.to(x.device)) / self._scale.to(x.device)
        return value.round().clamp(0, 255).to(torch.uint8).view(-1, height, width, channels)

    # ---- saved and loaded

    def state(self) -> dict[str, Any]:
        """All that preparation needs, as plain JSON values."""
        return {
            "version": 1,
            "size": list(self.size or ()),
            "channels": self.channels,
            "resize": self.resize,
            "floats": self.floats,
            "mean": self.mean,
            "std": self.std,
            "augment": asdict(self.augment),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Image:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant; names the field.
        """
        fine = checked(state)
        augment = Augment(**fine["augment"])
        made = cls(size=fine["size"], channels=fine["channels"], resize=fine["resize"], augment=augment)
        made.floats, made.mean, made.std = fine["floats"], fine["mean"], fine["std"]
        made._ready()
        return made


def _check_pixels(size: tuple[int, int] | None) -> None:
    if size is not None and size[0] * size[1] > _MOST_PIXELS:
        raise UserError(
            f"pictures of {size[0]}x{size[1]} are too large to learn from",
            expected=f"at most {_MOST_PIXELS:,} pixels each",
            fix="bring them to a smaller size (--size 224)",
        )


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST
