"""A learner's data given to the baselines; what they answered is kept, so that the next run need not wait."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepwell.core.errors import UserError
from deepwell.core.files import cache_folder, digest_bytes, write_bytes
from deepwell.dataset import Data, Prepared
from deepwell.evaluate.baselines import Baseline, Part, against, answers_of, measure

_VERSION = 1


def part_of(prepared: Prepared) -> str:
    """What is measured on: the test part, or the validation part where there is none.

    Raises:
        UserError: neither is there.
    """
    for name in ("test", "validation"):
        if len(getattr(prepared.split, name)):
            return name
    raise UserError("nothing is held out to measure on", fix="hold a part out with test=0.2")


def baselines_of(
    data: Data,
    prepared: Prepared,
    *,
    seconds: float = 60.0,
    decoded: Callable[[], list[Any]] | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Baseline]:
    """Baselines on a learner's parts, from the cache where they were measured with as much time before.

    Args:
        data, prepared: what the deep model is trained on.
        seconds: for each baseline.
        decoded: what the deep model makes of the part that ``part_of`` names; None: there is no deep model.
        say: told of what failed.

    Raises:
        UserError: scikit-learn is not installed, kinds without baselines, nothing held out.
    """
    part = part_of(prepared)
    place = _place(data, prepared)
    found = _kept(place, seconds)
    asked = _part(data, prepared, part)
    if found is None:
        train = _part(data, prepared, "train")
        failed: list[str] = []

        def tell(text: str) -> None:
            failed.append(text)
            if say is not None:
                say(text)

        found = measure(train, asked, input=prepared.input, output=prepared.output, seconds=seconds, say=tell)
        if not failed:  # what failed for want of memory may do another time
            _keep(place, seconds, found)
    if decoded is None:
        return found
    deep = answers_of(decoded(), prepared.output)
    compared = against(deep, [b.answers for b in found], asked.targets, prepared.output)
    return [replace(baseline, against=one) for baseline, one in zip(found, compared, strict=True)]


def are_kept(data: Data, prepared: Prepared) -> bool:
    """Whether baselines on these parts were measured before."""
    return _kept(_place(data, prepared), 0.0) is not None


def verdict(baselines: list[Baseline]) -> str:
    """What the comparisons with the deep model come to, in a line; "" where it was compared with none."""
    compared = [b for b in baselines if b.against is not None]
    if not compared:
        return ""
    ahead = max(compared, key=lambda b: b.score.value)
    worse = [b.name for b in compared if b.against and b.against.verdict == "worse"]
    level = [b.name for b in compared if b.against and b.against.verdict == "within noise"]
    if worse:
        return f"the deep model is worse beyond noise than {', '.join(worse)}: do not use it as it is"
    if level:
        return f"the deep model is not better beyond noise than {', '.join(level)}: the simple model may do"
    # simple models that were given little must not make the deep one look better than it is
    short = sum(b.samples < b.of for b in compared)
    fewer = f", but {short} of them learnt from a part of the samples: `deepwell baselines RUN` gives them longer"
    best = f"the deep model is better beyond noise than all {len(compared)} baselines; the best is {ahead.name}"
    return best + (fewer if short else "")


def _part(data: Data, prepared: Prepared, name: str) -> Part:
    rows = getattr(prepared.split, name)

    def take(places: np.ndarray) -> Any:
        if prepared.input.kind == "image":  # encoded, so that all have one size
            return prepared.rows.gather(torch.from_numpy(rows[places])).numpy()
        return [data.source.x[place] for place in prepared.places(rows[places])]

    return Part(take, _plain(prepared.targets[torch.from_numpy(rows)], prepared.output.kind))


def _plain(targets: Any, kind: str) -> list[Any]:
    """Encoded targets as ``Part`` has them."""
    if kind == "category":
        return targets.tolist()
    if kind == "tags":
        return [[tag for tag in row if tag >= 0] for row in targets.tolist()]
    return [torch.nonzero(row > 0.5)[:, 0].tolist() for row in targets]


# ---- the cache


def _place(data: Data, prepared: Prepared) -> Path:
    """Where baselines on exactly these parts, seen in this way, are kept."""
    split = prepared.split
    rows = [digest_bytes(part.tobytes()) for part in (split.train, split.validation, split.test)]
    seen = prepared.input.encoding() if prepared.input.kind == "image" else prepared.input.kind
    with contextlib.suppress(metadata.PackageNotFoundError):
        seen += metadata.version("scikit-learn")
    named = json.dumps([_VERSION, data.fingerprint(), rows, seen, prepared.output.kind])
    return cache_folder() / "baselines" / f"{digest_bytes(named.encode())}.json"


def _kept(place: Path, seconds: float) -> list[Baseline] | None:
    try:
        value = json.loads(place.read_text(encoding="utf-8"))
        return [Baseline.from_json(item) for item in value["baselines"]] if value["seconds"] >= seconds else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(place: Path, seconds: float, found: list[Baseline]) -> None:
    """A cache that can't be written costs time later, nothing else."""
    text = json.dumps({"seconds": seconds, "baselines": [b.to_json(answers=True) for b in found]})
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(place, text.encode())
