"""The command that makes a run again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from deepwell.settings import Settings


def command(facts: Mapping[str, Any]) -> str:
    """``deepwell train ...`` with every setting that is not a default; "" where the data was in memory.

    The settings are those that the run had in the end, so what a recipe chose is said too. A model whose parts a recipe
    chose has no option for them: it is left to the recipe, which chooses the same again from the same data.

    Args:
        facts: the content of ``run.json``.

    >>> command({"source": "my photos", "data": {"size": [32, 48], "seed": 0}, "settings": {"model": "cnn", "l1": 0.0}})
    "deepwell train 'my photos' --size 32x48 --model cnn"
    """
    if not facts.get("source") or facts.get("data") is None:
        return ""
    given = {name: value for name, value in facts["data"].items() if name != "seed"}
    settings, usual = dict(facts.get("settings") or {}), Settings().to_json()
    chosen = {name: value for name, value in settings.items() if value != usual.get(name)}
    if facts.get("own") and facts.get("why") and not str(settings.get("model") or "").startswith("hf:"):
        chosen.pop("model", None)
    defaults = {"validation": 0.1, "resize": "auto", "skip_unreadable": False}
    reading = {name: value for name, value in given.items() if value is not None and value != defaults.get(name)}
    words = ["deepwell", "train", str(facts["source"])]
    for name, value in {**reading, **chosen}.items():
        words += _option(name, value)
    for code in facts.get("allow") or ():
        words += ["--allow", str(code)]
    return shlex.join(words)


def _option(name: str, value: Any) -> list[str]:
    option = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [option] if value else [option.replace("--", "--no-", 1)]
    if isinstance(value, (list, tuple)):
        return [option, "x".join(map(str, value))]
    return [option, str(value)]
