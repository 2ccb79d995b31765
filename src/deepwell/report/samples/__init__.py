"""How a raw sample of each kind of data is shown; one file a kind.

Each module has ``show(input, raw, name)``, which gives a ``facts.Sample``, and ``sizes(rows, raw)``: histograms of what
varies among samples.
"""

from __future__ import annotations

from typing import Any

from deepwell.report.samples import image, text, tokens, tree

SAMPLES: dict[str, Any] = {"image": image, "text": text, "tokens": tokens, "tree": tree}
