"""``deepwell predict``: new samples found where the user points, and answers written for a person or a program."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from deepwell.cli.commands import emit, load_run, say
from deepwell.cli.samples import found_in
from deepwell.cli.terminal import aligned, one_line, padded, width

_LONGEST_NAME = 60
_SHADES = " .:-=+*#"


def predict(
    path: Path, inputs: list[str], *, text: str | None, attention: bool, skip_unreadable: bool = False, json: bool
) -> int:
    """An answer a sample, in the order in which they were given."""
    from deepwell.core.devices import keep_memory
    from deepwell.saved.stream import answered

    model = load_run(path)
    samples = found_in(inputs, model.input.kind, text=text)
    keep_memory()
    skipped: list[str] = []

    def skip(name: str, why: str) -> None:
        skipped.append(name)
        say(f"skipped: {why if name in why else f'{name}: {why}'}")

    for name, sample, answer in answered(model, samples, unreadable=skip if skip_unreadable else None):
        weighed = model.attention([sample])[0] if attention else None
        if json:
            emit({"input": name, **answer} | ({} if weighed is None else {"attention": weighed}))
        elif "tags" in answer:
            print("\n".join(tagged(name, sample, answer)))
        else:
            print(f"{one_line(name, _LONGEST_NAME)}: {_answer(answer)}")
            if weighed is not None:
                print("  " + _shaded(weighed))
    if skipped:
        say(f"{len(skipped):,} could not be read and were skipped")
    return 0


def _answer(answer: dict[str, Any]) -> str:
    found = answer["prediction"]
    if isinstance(found, list):  # each label is sure or unsure by itself
        shares = answer.get("probabilities", {})
        named = [f"{label} ({shares[str(label)]:.1%})" if str(label) in shares else str(label) for label in found]
        return ", ".join(named) or "none of the labels"
    shown = str(found)
    return f"{shown} ({answer['confidence']:.1%})" if "confidence" in answer else shown


def tagged(name: str, sample: Any, answer: dict[str, Any]) -> list[str]:
    """Each word above its tag, and below them the spans: type, place in characters, words."""
    lines = [] if name == sample else [f"{one_line(name, _LONGEST_NAME)}:"]
    lines += aligned(answer["words"], answer["tags"], shutil.get_terminal_size().columns)
    rows = []
    for span in answer.get("spans", []):
        first, last = span["words"]
        # as it is written, not as it was cut: Chinese has no blanks between its words
        held = (
            sample[span["start"] : span["stop"]] if isinstance(sample, str) else " ".join(answer["words"][first:last])
        )
        rows.append((span["type"] or "span", f"[{span['start']}:{span['stop']}]", one_line(held)))
    wide = [max((width(row[column]) for row in rows), default=0) for column in (0, 1)]
    return lines + [f"  {padded(kind, wide[0])}  {place:{wide[1]}}  {held}" for kind, place, held in rows]


def _shaded(weighed: list[tuple[str, float]]) -> str:
    """Each word with a mark that is darker the more it weighed."""
    most = max((share for _, share in weighed), default=1.0) or 1.0
    return " ".join(f"{word}{_SHADES[round(share / most * (len(_SHADES) - 1))].strip()}" for word, share in weighed)
