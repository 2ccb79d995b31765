"""Pictures as rows of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

_SIDE = 32
_PIECE = 1024


class Pixels:
    """Shades from 0 to 1, a row a picture; a larger picture is averaged down to 32x32.

    Args:
        input: the learnt ``inputs.Image``.
    """

    def __init__(self, input: Any) -> None:
        self.channels, height, width = input.shape
        self.size = (min(height, _SIDE), min(width, _SIDE))
        self.shrunk = self.size != (height, width)
        self.kind = "numbers" if input.floats else "pixels"
        self.unit = 1.0 if input.floats else 255.0

    def __str__(self) -> str:
        shade = "grey" if self.channels == 1 else "coloured"
        name = f"{self.size[0]}x{self.size[1]} {shade} pixels"
        return name + (", averaged" if self.shrunk else "")

    @property
    def width(self) -> int:
        """Numbers of a sample that are kept."""
        return self.channels * self.size[0] * self.size[1]

    def learn(self, samples: np.ndarray) -> np.ndarray:
        """Nothing is learnt; see ``see``."""
        return self.see(samples)

    def see(self, samples: np.ndarray) -> np.ndarray:
        """Encoded pictures [n, height, width, channels] to float32 [n, numbers]."""
        made = np.empty((len(samples), self.width), dtype=np.float32)
        for start in range(0, len(samples), _PIECE):
            piece = samples[start : start + _PIECE].astype(np.float32) / np.float32(self.unit)
            if self.shrunk:
                rows = torch.from_numpy(piece.reshape(len(piece), *samples.shape[1:3], self.channels)).permute(
                    0, 3, 1, 2
                )
                piece = torch.nn.functional.adaptive_avg_pool2d(rows, self.size).permute(0, 2, 3, 1).numpy()
            made[start : start + len(piece)] = piece.reshape(len(piece), -1)
        return made
