"""The explanation of an answer to a picture: a value for each of its pixels."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from html import escape
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deepwell.explain.colour import mixed
from deepwell.explain.explanation import short
from deepwell.explain.language import method_name, region, say

_STRONGEST = 0.85
"""How far the strongest place turns to its colour: the picture stays to be seen."""


@dataclass(frozen=True, eq=False)
class ImageExplanation:
    """Implements ``explanation.Explanation``.

    Attributes:
        values: float32 [height, width] of the prepared picture.
        original: the picture as the model saw it, uint8 [height, width, channels].
    """

    kind: ClassVar[str] = "image"
    suffix: ClassVar[str] = ".png"
    method: str
    target: str
    confidence: float
    signed: bool
    values: np.ndarray
    original: np.ndarray
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``values`` is a list of rows."""
        return {
            "kind": self.kind,
            "method": self.method,
            "target": self.target,
            "confidence": self.confidence,
            "signed": self.signed,
            "details": self.details,
            "values": [[short(value) for value in row] for row in self.values.tolist()],
        }

    def picture(self, side: int = 224) -> bytes:
        """PNG: the picture beside itself in grey under the heat, and the scale below it.

        Args:
            side: pixels of the longer side of each of the two.
        """
        height, width = self.values.shape
        scale = side / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        colour = np.repeat(self.original, 3, 2) if self.original.shape[2] == 1 else self.original
        shown = Image.fromarray(colour).resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
        heat = Image.fromarray(self._strength()).resize(size, Image.Resampling.BICUBIC)
        over = mixed(_faded(np.asarray(shown.convert("L"))), np.asarray(heat) * _STRONGEST)
        gap = max(4, side // 28)
        bar = max(6, side // 24)
        page = Image.new("RGBA", (2 * size[0] + gap, size[1] + gap + 2 * bar + 4))
        page.paste(shown, (0, 0))
        page.paste(Image.fromarray(over), (size[0] + gap, 0))
        self._scale(page, size[0] + gap, size[1] + gap, size[0], bar)
        kept = io.BytesIO()
        page.save(kept, "PNG")
        return kept.getvalue()

    def _strength(self) -> np.ndarray:
        """The values with the largest as 1."""
        most = float(np.abs(self.values).max()) or 1.0
        return (self.values / most).astype(np.float32)

    def _scale(self, page: Image.Image, left: int, top: int, width: int, high: int) -> None:
        low = -1.0 if self.signed else 0.0
        ramp = np.tile(np.linspace(low, 1, width), (high, 1)) * _STRONGEST
        page.paste(Image.fromarray(mixed(np.full((high, width, 3), 128, np.uint8), ramp)), (left, top))
        draw = ImageDraw.Draw(page)
        font = ImageFont.load_default(max(8, high))
        grey = (128, 128, 128, 255)  # to be read on white and on black
        most = f"{float(np.abs(self.values).max()):.2g}"
        draw.text((left, top + high), f"-{most}" if self.signed else "0", grey, font)
        draw.text((left + width, top + high), f"+{most}", grey, font, anchor="ra")
        if self.signed:
            draw.text((left + width // 2, top + high), "0", grey, font, anchor="ma")

    def html(self, lang: str = "en") -> str:
        """A figure with the picture inside it and a caption."""
        caption = escape(self.caption(lang))
        data = base64.b64encode(self.picture()).decode()
        return (
            f'<figure class="explanation"><img alt="{caption}" src="data:image/png;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )

    def caption(self, lang: str = "en") -> str:
        """What is seen."""
        name = method_name(self.method, lang)
        return say("caption", lang, target=self.target, confidence=self.confidence, method=name)

    def sentence(self, lang: str = "en") -> str:
        """Where most of what speaks for the answer lies: in which ninth of the picture."""
        known = {"target": self.target, "confidence": self.confidence}
        above = np.maximum(self.values, 0)
        if not above.sum():
            return say("nowhere", lang, **known)
        ninths = np.array([[p.sum() for p in np.array_split(r, 3, 1)] for r in np.array_split(above, 3, 0)])
        row, column = (int(place) for place in np.unravel_index(int(ninths.argmax()), (3, 3)))
        share = float(ninths[row, column] / above.sum())
        return say("where", lang, **known, share=share, region=region(row, column, lang))


def _faded(grey: np.ndarray) -> np.ndarray:
    """Shades [height, width] as colours with less contrast, on which the heat is seen best."""
    return np.repeat((70 + grey.astype(np.float32) * (130 / 255)).astype(np.uint8)[..., None], 3, 2)
