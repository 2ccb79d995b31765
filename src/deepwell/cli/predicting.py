"""``deepwell predict``: new samples found where the user points, and answers written for a person or a program."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from deepwell.cli.commands import emit, load_run, say
from deepwell.core.errors import UserError

_AT_ONCE = 256
_SHADES = " .:-=+*#"


def predict(path: Path, inputs: list[str], *, attention: bool, json: bool) -> int:
    """An answer a sample, in the order in which they were given."""
    model = load_run(path)
    if attention and not hasattr(getattr(model.network, "body", None), "attention_weights"):
        raise UserError(
            f"the model of {path} has no attention to show", expected="one trained with --model attention",
            fix="leave --attention out",
        )  # fmt: skip
    samples = _READERS[model.input.kind](inputs)
    while some := list(islice(samples, _AT_ONCE)):
        raw = [sample for _, sample in some]
        answers = model.predict(raw)
        weights = _attention(model, raw) if attention else [None] * len(raw)
        for (name, _), answer, weighed in zip(some, answers, weights, strict=True):
            if json:
                emit({"input": name, **answer} | ({} if weighed is None else {"attention": weighed}))
            else:
                print(_line(name, answer))
                if weighed is not None:
                    print("  " + _shaded(weighed))
    return 0


def _line(name: str, answer: dict[str, Any]) -> str:
    if "tags" not in answer:
        shown = name if len(name) <= 60 else name[:57] + "..."
        return f"{shown}: {answer['prediction']} ({answer['confidence']:.1%})"
    line = " ".join(f"{word}/{tag}" for word, tag in zip(answer["words"], answer["tags"], strict=True))
    for span in answer.get("spans", []):
        first, last = span["words"]
        line += f"\n  {span['type'] or 'span'} [{span['start']}:{span['stop']}] {' '.join(answer['words'][first:last])}"
    return line


def _attention(model: Any, raw: list[Any]) -> list[list[tuple[str, float]]]:
    """The words of each text with the share of attention that each had."""
    import torch

    encoded, _ = model.input.encode(raw)
    x = model.input.prepare(encoded.gather(torch.arange(len(encoded))))
    with torch.inference_mode():
        weights = model.network.body.attention_weights(x).tolist()
    cut = model.input.positions(raw)
    return [
        [(w[0], round(share, 4)) for w, share in zip(words, row, strict=False)]
        for words, row in zip(cut, weights, strict=True)
    ]


def _shaded(weighed: list[tuple[str, float]]) -> str:
    """Each word with a mark that is darker the more it weighed."""
    most = max((share for _, share in weighed), default=1.0) or 1.0
    return " ".join(f"{word}{_SHADES[round(share / most * (len(_SHADES) - 1))].strip()}" for word, share in weighed)


# ---- where samples are found

Samples = Iterator[tuple[str, Any]]


def _pictures(inputs: list[str]) -> Samples:
    from deepwell.data.folders import pictures_in

    for text in inputs:
        place = Path(text)
        if place.is_dir():
            found = pictures_in(place)
            if not found:
                raise UserError(f"{place} holds no pictures", fix="name pictures, or a folder of them")
            yield from ((str(file), file) for file in found)
        elif place.is_file():
            yield str(place), place
        else:
            raise UserError(f"there is no file {place}", expected="a picture or a folder of pictures")


def _lines(inputs: list[str]) -> Iterator[tuple[str, str, bool]]:
    """(name, text, whether it is a whole file) of each text: from standard input, from files, or as it was typed."""
    from deepwell.data.encoding import read_text

    for text in inputs:
        if text == "-":
            for line in sys.stdin:
                if line.strip():
                    yield line.strip(), line.rstrip("\r\n"), False
            continue
        try:
            place = Path(text)
            there, folder = place.is_file(), place.is_dir()
        except (OSError, ValueError):  # too long for a path, or with a zero in it: a text
            there = folder = False
        if folder:
            files = sorted(item for item in place.rglob("*") if item.is_file() and not item.name.startswith("."))
            if not files:
                raise UserError(f"{place} holds no files", fix="name a folder of text files, or write the text itself")
            for file in files:
                yield str(file), read_text(file).text, True
        elif there:
            yield str(place), read_text(place).text, True
        else:
            if "/" in text and " " not in text:
                say(f"note: there is no file {text}; it is read as a text")
            yield text, text, False


def _texts(inputs: list[str]) -> Samples:
    return ((name, text) for name, text, _ in _lines(inputs))


def _sentences(inputs: list[str]) -> Samples:
    for name, text, is_file in _lines(inputs):
        if is_file:
            yield from ((f"{name}:{number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip())
        elif text.strip():
            yield name, text
        else:
            raise UserError("the sentence is empty", expected="words")


def _trees(inputs: list[str]) -> Samples:
    from deepwell.data.tree import parse

    for name, text, is_file in _lines(inputs):
        rows = [line for line in text.split("\n") if line.strip()] if is_file else [text]
        yield from ((f"{name}:{number}" if is_file else name, parse(row)) for number, row in enumerate(rows, 1))


_READERS = {"image": _pictures, "text": _texts, "tokens": _sentences, "tree": _trees}
