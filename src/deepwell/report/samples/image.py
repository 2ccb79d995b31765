"""Pictures, as small PNG files in the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from deepwell.report.facts import Histogram, Sample
from deepwell.report.samples.binned import binned

_SIDE = 176  # pixels of a thumbnail: sharp at the size in which it is shown
_LOOKED_AT = 2_000


def show(input: Any, raw: Any, name: str) -> Sample:
    """The picture as the network gets it: read, resized and normalised, and that undone."""
    encoded, problems = input.encode([raw])
    if problems:
        return Sample(name, text=problems[0][1])
    pixels = input.restore(input.prepare(torch.from_numpy(np.asarray(encoded))))[0].cpu().numpy()
    return Sample(name, picture=data_uri(pixels))


def data_uri(pixels: np.ndarray) -> str:
    """Bytes [height, width, 1 or 3] as a PNG of at most 176 pixels a side, in a data URI."""
    from PIL import Image

    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    picture.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def sizes(rows: Any, raw: Sequence[Any]) -> list[Histogram]:
    """Widths and heights of picture files, where they differ; of at most 2,000 of them."""
    from deepwell.core.errors import UserError
    from deepwell.inputs.samples import as_batch, look

    if as_batch(raw) is not None or not len(raw):
        return []
    step = max(1, len(raw) // _LOOKED_AT)
    try:
        shapes, _, _ = look([raw[i] for i in range(0, len(raw), step)])
    except UserError:
        return []
    heights, widths = np.array([s[0] for s in shapes]), np.array([s[1] for s in shapes])
    return binned("width", widths) + binned("height", heights)
